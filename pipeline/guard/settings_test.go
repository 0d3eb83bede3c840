package guard

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// changed is a resource one attribute of which changes. The attribute is a path as in the table of settings.
func changed(kind, path, old, new string) string {
	return resource(kind+".this", update, values(nested(path, old), nested(path, new)))
}

// nested is the JSON in which a value is found at a path: numbers stand for blocks, of which there is one.
func nested(path, value string) string {
	steps := strings.Split(path, ".")
	for i := len(steps) - 1; i >= 0; i-- {
		if steps[i] == "0" {
			value = "[" + value + "]"
		} else {
			value = fmt.Sprintf("{%q: %s}", steps[i], value)
		}
	}
	return value
}

func TestChangesInPlaceThatHurt(t *testing.T) {
	tests := map[string]struct {
		kind, path   string
		old, new     string
		rule, what   string // what is empty where nothing is to be found
		before, then string // as they are shown
	}{
		"a database's deletion protection":             {"aws_db_instance", "deletion_protection", `true`, `false`, Protection, "deletion protection is switched off", "true", "false"},
		"one that is no longer said":                   {"aws_rds_cluster", "deletion_protection", `true`, `null`, Protection, "deletion protection is switched off", "true", "(none)"},
		"one that is switched on":                      {kind: "aws_db_instance", path: "deletion_protection", old: `false`, new: `true`},
		"one that was off":                             {kind: "aws_db_instance", path: "deletion_protection", old: `false`, new: `null`},
		"one that stays":                               {kind: "aws_db_instance", path: "deletion_protection", old: `true`, new: `true`},
		"a load balancer's":                            {"aws_lb", "enable_deletion_protection", `true`, `false`, Protection, "deletion protection is switched off", "true", "false"},
		"a load balancer's, by its old name":           {"aws_alb", "enable_deletion_protection", `true`, `false`, Protection, "deletion protection is switched off", "true", "false"},
		"a table's":                                    {"aws_dynamodb_table", "deletion_protection_enabled", `true`, `false`, Protection, "deletion protection is switched off", "true", "false"},
		"a user pool's":                                {"aws_cognito_user_pool", "deletion_protection", `"ACTIVE"`, `"INACTIVE"`, Protection, "deletion protection is switched off", `"ACTIVE"`, `"INACTIVE"`},
		"a user pool's that is switched on":            {kind: "aws_cognito_user_pool", path: "deletion_protection", old: `"INACTIVE"`, new: `"ACTIVE"`},
		"a repository may go with its images":          {"aws_ecr_repository", "force_delete", `false`, `true`, Protection, "a later destruction may take what it holds along", "false", "true"},
		"a repository may no longer":                   {kind: "aws_ecr_repository", path: "force_delete", old: `true`, new: `false`},
		"a bucket may go with its objects":             {"aws_s3_bucket", "force_destroy", `null`, `true`, Protection, "a later destruction may take what it holds along", "(none)", "true"},
		"a user of IAM may, who holds nothing":         {kind: "aws_iam_user", path: "force_destroy", old: `false`, new: `true`},
		"a secret without recovery":                    {"aws_secretsmanager_secret", "recovery_window_in_days", `30`, `0`, Protection, "a later destruction is final at once", "30", "0"},
		"a secret with a shorter one":                  {kind: "aws_secretsmanager_secret", path: "recovery_window_in_days", old: `30`, new: `7`},
		"a secret with the provider's":                 {kind: "aws_secretsmanager_secret", path: "recovery_window_in_days", old: `7`, new: `null`},
		"no final snapshot":                            {"aws_db_instance", "skip_final_snapshot", `false`, `true`, Protection, "a later destruction makes no final snapshot", "false", "true"},
		"a final snapshot":                             {kind: "aws_db_instance", path: "skip_final_snapshot", old: `true`, new: `false`},
		"a file system without a final backup":         {"aws_fsx_windows_file_system", "skip_final_backup", `false`, `true`, Protection, "a later destruction makes no final backup", "false", "true"},
		"logs that were to stay":                       {"aws_cloudwatch_log_group", "skip_destroy", `true`, `false`, Protection, "a later destruction loses the logs, which were to stay", "true", "false"},
		"a smaller database":                           {"aws_db_instance", "allocated_storage", `100`, `50`, Storage, "the storage shrinks", "100", "50"},
		"a larger one":                                 {kind: "aws_db_instance", path: "allocated_storage", old: `50`, new: `100`},
		"a smaller search domain":                      {"aws_opensearch_domain", "ebs_options.0.volume_size", `100`, `10`, Storage, "the storage shrinks", "100", "10"},
		"a smaller instance class":                     {kind: "aws_db_instance", path: "instance_class", old: `"db.m7g.large"`, new: `"db.t4g.micro"`},
		"no more backups":                              {"aws_db_instance", "backup_retention_period", `7`, `0`, Backups, "automated backups end, and those that there are go", "7", "0"},
		"backups that are kept shorter":                {kind: "aws_db_instance", path: "backup_retention_period", old: `7`, new: `1`},
		"backups that weren't":                         {kind: "aws_db_instance", path: "backup_retention_period", old: `0`, new: `0`},
		"no more snapshots of a cache":                 {"aws_elasticache_replication_group", "snapshot_retention_limit", `5`, `null`, Backups, "automated snapshots end", "5", "(none)"},
		"no more recovery of a table":                  {"aws_dynamodb_table", "point_in_time_recovery.0.enabled", `true`, `false`, Backups, "point-in-time recovery ends, and its backups go", "true", "false"},
		"recovery of a table":                          {kind: "aws_dynamodb_table", path: "point_in_time_recovery.0.enabled", old: `false`, new: `true`},
		"no more versions":                             {"aws_s3_bucket_versioning", "versioning_configuration.0.status", `"Enabled"`, `"Suspended"`, Backups, "overwritten and deleted objects are no longer kept", `"Enabled"`, `"Suspended"`},
		"versions":                                     {kind: "aws_s3_bucket_versioning", path: "versioning_configuration.0.status", old: `"Suspended"`, new: `"Enabled"`},
		"no more versions, in the bucket's own block":  {"aws_s3_bucket", "versioning.0.enabled", `true`, `false`, Backups, "overwritten and deleted objects are no longer kept", "true", "false"},
		"no more backups of a file system":             {"aws_efs_backup_policy", "backup_policy.0.status", `"ENABLED"`, `"DISABLED"`, Backups, "automatic backups end", `"ENABLED"`, `"DISABLED"`},
		"a database with a public address":             {"aws_db_instance", "publicly_accessible", `false`, `true`, Public, "it gets a public address", "false", "true"},
		"a database without":                           {kind: "aws_db_instance", path: "publicly_accessible", old: `true`, new: `false`},
		"a replication instance, which is no database": {kind: "aws_dms_replication_instance", path: "publicly_accessible", old: `false`, new: `true`},
		"numbers of the wrong type":                    {kind: "aws_db_instance", path: "allocated_storage", old: `"100"`, new: `[50]`},
		"an object in place of a number":               {kind: "aws_db_instance", path: "backup_retention_period", old: `{"a": 7}`, new: `0`},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			var want []report.Finding
			if test.what != "" {
				want = []report.Finding{{
					Address: test.kind + ".this", Type: test.kind, Rule: test.rule, Action: "update", What: test.what, Verdict: report.Stops,
					Values: []report.FindingValue{{Attribute: test.path, Before: test.before, After: test.then}},
				}}
			}
			got := Check(decode(t, changed(test.kind, test.path, test.old, test.new)))
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// Every row of the table stops for each of its types, and lets the way back pass.
func TestEverySettingStops(t *testing.T) {
	for _, s := range changes {
		old, now := "", ""
		for _, pair := range [][2]string{
			{`true`, `false`}, {`false`, `true`}, {`"ACTIVE"`, `"INACTIVE"`}, {`"ENABLED"`, `"DISABLED"`}, {`"Enabled"`, `"Suspended"`},
			{`"DISABLED"`, `"SERVICE_PROVIDED_EIPS"`}, {`7`, `0`},
		} {
			var before, after any
			if json.Unmarshal([]byte(pair[0]), &before) != nil || json.Unmarshal([]byte(pair[1]), &after) != nil {
				t.Fatal(pair)
			}
			if s.hurts(before, after) && !s.hurts(after, before) {
				old, now = pair[0], pair[1]
				break
			}
		}
		if old == "" {
			t.Errorf("%s of %v hurts in no way that this test knows", s.path, s.types)
		}
		for _, kind := range s.types {
			if found := Check(decode(t, changed(kind, s.path, old, now))); len(found) != 1 || found[0].Rule != s.rule || found[0].Verdict != report.Stops {
				t.Errorf("%s.%s from %s to %s: found %v", kind, s.path, old, now, told(found))
			}
			if found := Check(decode(t, changed(kind, s.path, now, old))); len(found) != 0 {
				t.Errorf("%s.%s from %s to %s: found %v", kind, s.path, now, old, told(found))
			}
			made := Check(decode(t, resource(kind+".this", create, values(`null`, nested(s.path, now)))))
			if (len(made) == 1) != s.new {
				t.Errorf("a new %s with %s = %s: found %v", kind, s.path, now, told(made))
			}
		}
	}
}

func TestSettingsThatOnlyTheApplyTells(t *testing.T) {
	const database = "aws_db_instance.this"
	judged{
		"protection": {
			[]string{resource(database, update, values(`{"deletion_protection": true}`, `{}`, `{"deletion_protection": true}`))},
			[]string{"stops [protection] " + database + ": update: deletion protection is switched off, or may be: its value isn't known before the apply " +
				"(deletion_protection: true → (known after apply))"},
		},
		"protection that there wasn't": {
			[]string{resource(database, update, values(`{"deletion_protection": false}`, `{}`, `{"deletion_protection": true}`))}, nil,
		},
		"storage": {
			[]string{resource(database, update, values(`{"allocated_storage": 20}`, `{}`, `{"allocated_storage": true}`))},
			[]string{"stops [storage] " + database + ": update: the storage shrinks, or may be: its value isn't known before the apply " +
				"(allocated_storage: 20 → (known after apply))"},
		},
		"a block": {
			[]string{resource("aws_dynamodb_table.this", update,
				values(`{"point_in_time_recovery": [{"enabled": true}]}`, `{"point_in_time_recovery": [{}]}`, `{"point_in_time_recovery": [{"enabled": true}]}`))},
			[]string{"stops [backups] aws_dynamodb_table.this: update: point-in-time recovery ends, and its backups go, or may be: its value isn't known before the apply " +
				"(point_in_time_recovery.0.enabled: true → (known after apply))"},
		},
		"what the provider fills into a new resource": {[]string{resource("aws_rds_cluster_instance.this", create, values(`null`, `{}`, `{"publicly_accessible": true}`))}, nil},
	}.test(t)
}

func TestSettingsOfResourcesThatAreMadeOrReplaced(t *testing.T) {
	const database = "aws_db_instance.this"
	judged{
		"a new database without protection": {[]string{resource(database, create, values(`null`, `{"deletion_protection": false, "skip_final_snapshot": true, "backup_retention_period": 0}`))}, nil},
		"a new database with a public address": {
			[]string{resource(database, create, values(`null`, `{"publicly_accessible": true}`))},
			[]string{"stops [public] " + database + ": create: it gets a public address (publicly_accessible: (absent) → true)"},
		},
		"a block that is taken out": {
			[]string{resource("aws_dynamodb_table.this", update, values(`{"point_in_time_recovery": [{"enabled": true}]}`, `{"point_in_time_recovery": []}`))},
			[]string{"stops [backups] aws_dynamodb_table.this: update: point-in-time recovery ends, and its backups go (point_in_time_recovery.0.enabled: true → (none))"},
		},
		"a load balancer that is replaced by one without protection": {
			[]string{resource("aws_lb.this", replace, values(`{"enable_deletion_protection": true}`, `{"enable_deletion_protection": false}`))}, nil,
		},
	}.test(t)
}

func TestRemovedSafeguards(t *testing.T) {
	noBlock := `"action_reason": "delete_because_no_resource_config"`
	because := "; the configuration has no resource block for it any more"
	of := func(kind, attribute string) string {
		return resource(kind+".this", destroy, noBlock, values(`{"`+attribute+`": "a", "id": "a"}`, `null`))
	}
	judged{
		"versions of a bucket": {[]string{of("aws_s3_bucket_versioning", "bucket")},
			[]string{"stops [backups] aws_s3_bucket_versioning.this: destroy: overwritten and deleted objects are no longer kept" + because}},
		"of a bucket that goes too": {
			[]string{of("aws_s3_bucket_versioning", "bucket"), of("aws_s3_bucket_public_access_block", "bucket"), resource("aws_s3_bucket.this", destroy, noBlock, values(`{"id": "a"}`, `null`))},
			[]string{"stops [data] aws_s3_bucket.this: destroy: a bucket: its objects go, and its name is free for anybody" + because},
		},
		"of a bucket that is replaced, while another goes": {
			[]string{
				of("aws_s3_bucket_public_access_block", "bucket"), resource("aws_s3_bucket.this", replace, `"action_reason": "replace_by_request"`, values(`{"id": "a"}`, `{}`)),
				resource("aws_s3_bucket.that", destroy, noBlock, values(`{"id": "b"}`, `null`)),
			},
			[]string{
				"stops [public] aws_s3_bucket_public_access_block.this: destroy: nothing keeps the bucket from being made public" + because,
				"stops [data] aws_s3_bucket.this: replace: a bucket: its objects go, and its name is free for anybody; the option -replace names it",
				"stops [data] aws_s3_bucket.that: destroy: a bucket: its objects go, and its name is free for anybody" + because,
			},
		},
		"a block that stays when Terraform lets go of it": {
			[]string{resource("aws_s3_bucket_public_access_block.this", destroy, noBlock, values(`{"bucket": "a", "skip_destroy": true}`, `null`))}, nil,
		},
		"an account's block": {[]string{of("aws_s3_account_public_access_block", "account_id")},
			[]string{"stops [public] aws_s3_account_public_access_block.this: destroy: nothing keeps the account's buckets from being made public" + because}},
		"backups of a file system": {[]string{of("aws_efs_backup_policy", "file_system_id")},
			[]string{"stops [backups] aws_efs_backup_policy.this: destroy: automatic backups end" + because}},
		"a backup plan":                  {[]string{of("aws_backup_plan", "name")}, []string{"stops [backups] aws_backup_plan.this: destroy: scheduled backups end" + because}},
		"a backup plan that is replaced": {[]string{resource("aws_backup_plan.this", replace)}, nil},
		"encryption, which stays on":     {[]string{of("aws_s3_bucket_server_side_encryption_configuration", "bucket")}, nil},
	}.test(t)
}

// What only Terraform knows is in no import's past: the plan shows null, and what it will be is as in a new resource.
func TestAnImportChangesNoSettingThatOnlyTerraformKnows(t *testing.T) {
	tests := map[string]struct {
		kind, path, old, new string
		want                 int
	}{
		"it may be destroyed with what it holds": {"aws_ecr_repository", "force_delete", `null`, `true`, 0},
		"it leaves no final snapshot":            {"aws_db_instance", "skip_final_snapshot", `false`, `true`, 0},
		"it loses its protection, which AWS has": {"aws_db_instance", "deletion_protection", `true`, `false`, 1},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			imported := strings.Replace(changed(test.kind, test.path, test.old, test.new), `"change": {`, `"change": {"importing": {"id": "x"}, `, 1)
			if !strings.Contains(imported, "importing") {
				t.Fatalf("the change is no import: %s", imported)
			}
			if got := Check(decode(t, imported)); len(got) != test.want {
				t.Errorf("it found %v", got)
			}
		})
	}
}
