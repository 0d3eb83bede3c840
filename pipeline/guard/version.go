package guard

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// versioned are resources whose engine's version can change in place.
type versioned struct {
	types   []string
	version string // attribute with the version
	engine  string // attribute that names the engine, or
	only    string // the one engine that there is
}

var engines = []versioned{
	{types: []string{"aws_db_instance", "aws_rds_cluster", "aws_rds_cluster_instance", "aws_rds_global_cluster"}, version: "engine_version", engine: "engine"},
	{types: []string{"aws_docdb_cluster", "aws_docdb_global_cluster"}, version: "engine_version", only: "docdb"},
	{types: []string{"aws_neptune_cluster", "aws_neptune_cluster_instance", "aws_neptune_global_cluster"}, version: "engine_version", only: "neptune"},
	{types: []string{"aws_elasticache_cluster", "aws_elasticache_replication_group", "aws_elasticache_global_replication_group"},
		version: "engine_version", engine: "engine"},
	{types: []string{"aws_elasticache_serverless_cache"}, version: "major_engine_version", engine: "engine"},
	{types: []string{"aws_memorydb_cluster", "aws_memorydb_multi_region_cluster"}, version: "engine_version", engine: "engine"},
	{types: []string{"aws_opensearch_domain"}, version: "engine_version", only: "opensearch"},
	{types: []string{"aws_elasticsearch_domain"}, version: "elasticsearch_version", only: "opensearch"},
}

// engineVersions finds changes of a database's engine or of its major version, up or down: the data is converted, and there
// is no way back but a backup.
func engineVersions(_ planned, c change) []report.Finding {
	if !c.updates() {
		return nil
	}
	i := slices.IndexFunc(engines, func(v versioned) bool { return slices.Contains(v.types, c.Type) })
	if i < 0 {
		return nil
	}
	v, engine := engines[i], engines[i].only
	if v.engine != "" {
		before, after, unknown := c.value(path(v.engine))
		if old, ok := before.(string); ok && old != "" && !unknown && after != nil && !same(before, after) {
			return []report.Finding{{Rule: EngineVersion, What: "another engine takes the data over", Values: []report.FindingValue{
				c.show(path(v.engine)), c.show(path(v.version)),
			}}}
		}
		engine, _ = before.(string)
	}
	before, after, unknown := c.value(path(v.version))
	old, known := before.(string)
	next, _ := after.(string)
	if !known || old == "" || engine == "memcached" { // which keeps nothing
		return nil
	}
	finding := report.Finding{Rule: EngineVersion, Values: []report.FindingValue{c.show(path(v.version))}}
	switch was, will := major(engine, old), major(engine, next); {
	case unknown:
		finding.What = "its version isn't known before the apply, and may be another major one"
	case next != "" && was != will:
		finding.What = fmt.Sprintf("the major version changes from %s to %s", printable(was), printable(will))
	default:
		return nil
	}
	return []report.Finding{finding}
}

// major is the part of a version that AWS counts as the major one. What an engine makes of its numbers:
//
//   - MySQL 8.0 and 8.4: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/MySQL.Concepts.VersionMgmt.html
//   - MariaDB 10.6 and 10.11: https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/MariaDB.Concepts.VersionMgmt.html
//   - PostgreSQL 13 and 14, and before 10 the first two: https://www.postgresql.org/support/versioning/
//   - Aurora MySQL after the MySQL that it speaks, "8.0.mysql_aurora.3.05.2":
//     https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/AuroraMySQL.Updates.Versions.html
//   - Oracle 19 and 21, SQL Server 15 and 16, and before Oracle 18 the first two
//   - Db2 11.5 and 12.1, DocumentDB 4.0 and 5.0
//   - Neptune 1.2 and 1.3: https://docs.aws.amazon.com/neptune/latest/userguide/release-types.html
//   - Redis and Valkey 6 and 7, OpenSearch_1 and OpenSearch_2
func major(engine, version string) string {
	parts := strings.Split(version, ".")
	first, _ := strconv.Atoi(parts[0])
	count := 1
	switch {
	case strings.Contains(engine, "postgres"):
		if first < 10 {
			count = 2
		}
	case strings.Contains(engine, "oracle"):
		if first < 18 {
			count = 2
		}
	case engine == "mysql", engine == "mariadb", strings.HasPrefix(engine, "aurora"), strings.HasPrefix(engine, "db2"), engine == "docdb", engine == "neptune":
		count = 2
	}
	return strings.Join(parts[:min(count, len(parts))], ".")
}
