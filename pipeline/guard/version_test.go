package guard

import (
	"fmt"
	"testing"
)

func TestMajorVersions(t *testing.T) {
	tests := map[string]struct {
		engine, old, new string
		changes          bool
	}{
		"MySQL 8.0 to 8.4":                           {"mysql", "8.0.41", "8.4.3", true},
		"MySQL 8.4 back to 8.0":                      {"mysql", "8.4", "8.0", true},
		"MySQL within 8.4":                           {"mysql", "8.4.3", "8.4.5", false},
		"MySQL by its prefix":                        {"mysql", "8.4.3", "8.4", false},
		"MySQL by less than its major version":       {"mysql", "8.0.41", "8", true},
		"MariaDB 10.6 to 10.11":                      {"mariadb", "10.6.20", "10.11.10", true},
		"MariaDB within 10.11":                       {"mariadb", "10.11.9", "10.11.10", false},
		"PostgreSQL 13 to 14":                        {"postgres", "13.18", "14.1", true},
		"PostgreSQL within 13":                       {"postgres", "13.7", "13.18", false},
		"PostgreSQL 9.5 to 9.6":                      {"postgres", "9.5.25", "9.6.24", true},
		"PostgreSQL 9 to 10 in two figures":          {"postgres", "9.6.24", "10.23", true},
		"Aurora PostgreSQL":                          {"aurora-postgresql", "15.4", "16.1", true},
		"Aurora MySQL 2 to 3":                        {"aurora-mysql", "5.7.mysql_aurora.2.11.2", "8.0.mysql_aurora.3.05.2", true},
		"Aurora MySQL within 3":                      {"aurora-mysql", "8.0.mysql_aurora.3.05.2", "8.0.mysql_aurora.3.08.0", false},
		"Oracle 19 to 21":                            {"oracle-ee", "19.0.0.0.ru-2024-01.rur-2024-01.r1", "21.0.0.0.ru-2024-01.rur-2024-01.r1", true},
		"Oracle within 19":                           {"oracle-ee", "19.0.0.0.ru-2024-01.rur-2024-01.r1", "19.0.0.0.ru-2024-04.rur-2024-04.r1", false},
		"Oracle 12.1 to 12.2":                        {"oracle-se2", "12.1.0.2.v1", "12.2.0.1.ru-2019-01", true},
		"SQL Server 2019 to 2022":                    {"sqlserver-ex", "15.00.4236.7.v1", "16.00.4085.2.v1", true},
		"SQL Server within 2019":                     {"sqlserver-ex", "15.00.4236.7.v1", "15.00.4365.2.v1", false},
		"Db2 11.5 to 12.1":                           {"db2-se", "11.5.9.0.sb00000000.r1", "12.1.0.0.sb00000000.r1", true},
		"an engine that is new, by its first figure": {"custom-thing", "1.2", "1.3", false},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			side := func(version string) string {
				return fmt.Sprintf(`{"engine": %q, "engine_version": %q}`, test.engine, version)
			}
			for _, kind := range []string{"aws_db_instance", "aws_rds_cluster", "aws_rds_cluster_instance", "aws_rds_global_cluster"} {
				found := Check(decode(t, resource(kind+".this", update, values(side(test.old), side(test.new)))))
				if (len(found) == 1) != test.changes {
					t.Errorf("%s: found %v", kind, told(found))
				}
			}
		})
	}
}

func TestEngineVersions(t *testing.T) {
	version := func(kind, attribute, old, new string) []string {
		return []string{resource(kind+".this", update, values(fmt.Sprintf(`{%q: %q}`, attribute, old), fmt.Sprintf(`{%q: %q}`, attribute, new)))}
	}
	found := func(kind, attribute, old, new, was, will string) []string {
		return []string{fmt.Sprintf("stops [engine version] %s.this: update: the major version changes from %s to %s (%s: %q → %q)", kind, was, will, attribute, old, new)}
	}
	const database = "aws_db_instance.this"
	judged{
		"DocumentDB 4.0 to 5.0":                {version("aws_docdb_cluster", "engine_version", "4.0.0", "5.0.0"), found("aws_docdb_cluster", "engine_version", "4.0.0", "5.0.0", "4.0", "5.0")},
		"Neptune 1.2 to 1.3":                   {version("aws_neptune_cluster", "engine_version", "1.2.1.0", "1.3.0.0"), found("aws_neptune_cluster", "engine_version", "1.2.1.0", "1.3.0.0", "1.2", "1.3")},
		"Neptune within 1.3":                   {version("aws_neptune_cluster", "engine_version", "1.3.0.0", "1.3.1.0"), nil},
		"Redis 6 to 7":                         {version("aws_elasticache_replication_group", "engine_version", "6.x", "7.1"), found("aws_elasticache_replication_group", "engine_version", "6.x", "7.1", "6", "7")},
		"Redis within 7":                       {version("aws_elasticache_replication_group", "engine_version", "7.0", "7.1"), nil},
		"a serverless cache":                   {version("aws_elasticache_serverless_cache", "major_engine_version", "7", "8"), found("aws_elasticache_serverless_cache", "major_engine_version", "7", "8", "7", "8")},
		"MemoryDB":                             {version("aws_memorydb_cluster", "engine_version", "6.2", "7.0"), found("aws_memorydb_cluster", "engine_version", "6.2", "7.0", "6", "7")},
		"OpenSearch 1 to 2":                    {version("aws_opensearch_domain", "engine_version", "OpenSearch_1.3", "OpenSearch_2.11"), found("aws_opensearch_domain", "engine_version", "OpenSearch_1.3", "OpenSearch_2.11", "OpenSearch_1", "OpenSearch_2")},
		"Elasticsearch to OpenSearch":          {version("aws_opensearch_domain", "engine_version", "Elasticsearch_7.10", "OpenSearch_1.3"), found("aws_opensearch_domain", "engine_version", "Elasticsearch_7.10", "OpenSearch_1.3", "Elasticsearch_7", "OpenSearch_1")},
		"OpenSearch within 2":                  {version("aws_opensearch_domain", "engine_version", "OpenSearch_2.9", "OpenSearch_2.11"), nil},
		"Elasticsearch by its older name":      {version("aws_elasticsearch_domain", "elasticsearch_version", "6.8", "7.10"), found("aws_elasticsearch_domain", "elasticsearch_version", "6.8", "7.10", "6", "7")},
		"what isn't a database":                {version("aws_eks_cluster", "version", "1.31", "1.32"), nil},
		"a version that is no longer said":     {[]string{resource(database, update, values(`{"engine": "mysql", "engine_version": "8.4.3"}`, `{"engine": "mysql", "engine_version": null}`))}, nil},
		"a new database":                       {[]string{resource(database, create, values(`null`, `{"engine": "mysql", "engine_version": "8.4"}`))}, nil},
		"versions of wrong types":              {[]string{resource(database, update, values(`{"engine": 1, "engine_version": [8]}`, `{"engine": {}, "engine_version": 8.4}`))}, nil},
		"Memcached, which keeps nothing":       {[]string{resource("aws_elasticache_cluster.this", update, values(`{"engine": "memcached", "engine_version": "1.6.22"}`, `{"engine": "memcached", "engine_version": "2.0.0"}`))}, nil},
		"a version that isn't known":           {[]string{resource(database, update, values(`{"engine": "mysql", "engine_version": "8.4.3"}`, `{"engine": "mysql"}`, `{"engine_version": true}`))}, []string{"stops [engine version] " + database + `: update: its version isn't known before the apply, and may be another major one (engine_version: "8.4.3" → (known after apply))`}},
		"another engine that takes the data":   {[]string{resource("aws_elasticache_replication_group.this", update, values(`{"engine": "redis", "engine_version": "7.1"}`, `{"engine": "valkey", "engine_version": "7.2"}`))}, []string{`stops [engine version] aws_elasticache_replication_group.this: update: another engine takes the data over (engine: "redis" → "valkey", engine_version: "7.1" → "7.2")`}},
		"a version that changes with all else": {[]string{resource(database, replace, `"action_reason": "replace_by_request"`, values(`{"engine": "mysql", "engine_version": "8.0"}`, `{"engine": "mysql", "engine_version": "8.4"}`))}, []string{"stops [data] " + database + ": replace: a database: its data goes, except for what a snapshot keeps; the option -replace names it"}},
	}.test(t)
}
