package guard

import (
	"slices"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// setting is an attribute whose change in place hurts.
type setting struct {
	rule  string
	what  string
	path  string
	types []string
	// hurts compares the value before with the one after. What the provider fills in by itself stays the same in a plan, so
	// nil after the change is an attribute that was taken out of the configuration.
	hurts func(before, after any) bool
	// new says that the setting hurts in a new resource too.
	new bool
	// local says that AWS doesn't know the setting, only Terraform. So an import can't tell what it was, and nothing changes by it:
	// until then no Terraform could destroy the resource at all.
	local bool
}

// unknown stands for a value after the change that only the apply will tell: it may be any.
type unknown struct{}

// leaves is a value that protects and is no longer set; becomes one that endangers and wasn't set before.
func leaves(good any) func(before, after any) bool {
	return func(before, after any) bool { return same(before, good) && !same(after, good) }
}

func becomes(bad any) func(before, after any) bool {
	return func(before, after any) bool { return !same(before, bad) && (same(after, bad) || after == unknown{}) }
}

// shrinks is a number that gets lower; ends one that becomes 0 or isn't set any more.
func shrinks(before, after any) bool {
	old, was := number(before)
	now, is := number(after)
	return was && (is && now < old || after == unknown{})
}

func ends(before, after any) bool {
	old, _ := number(before)
	now, is := number(after)
	return old > 0 && (after == nil || is && now == 0 || after == unknown{})
}

// changes in place that hurt.
var changes = []setting{
	{rule: Protection, what: "deletion protection is switched off", path: "deletion_protection", hurts: leaves(true), types: []string{
		"aws_db_instance", "aws_rds_cluster", "aws_rds_global_cluster", "aws_docdb_cluster", "aws_docdb_global_cluster",
		"aws_neptune_cluster", "aws_neptune_global_cluster", "aws_neptunegraph_graph", "aws_qldb_ledger", "aws_eks_cluster",
	}},
	{rule: Protection, what: "deletion protection is switched off", path: "deletion_protection_enabled", hurts: leaves(true), types: []string{
		"aws_dynamodb_table", "aws_dynamodb_table_replica", "aws_dsql_cluster", "aws_cloudwatch_log_group",
	}},
	{rule: Protection, what: "deletion protection is switched off", path: "enable_deletion_protection", hurts: leaves(true), types: []string{"aws_lb", "aws_alb"}},
	{rule: Protection, what: "deletion protection is switched off", path: "delete_protection", hurts: leaves(true), types: []string{"aws_networkfirewall_firewall"}},
	{rule: Protection, what: "deletion protection is switched off", path: "deletion_protection", hurts: leaves("ACTIVE"), types: []string{"aws_cognito_user_pool"}},
	{rule: Protection, what: "deletion protection is switched off", path: "deletion_protection", hurts: leaves("ENABLED"), types: []string{"aws_verifiedpermissions_policy_store"}},
	{rule: Protection, what: "deletion protection is switched off", path: "termination_protection_enabled", hurts: leaves(true), types: []string{"aws_cloudtrail_event_data_store"}},
	{rule: Protection, local: true, what: "a later destruction may take what it holds along", path: "force_delete", hurts: becomes(true), types: []string{
		"aws_ecr_repository", "aws_lightsail_bucket",
	}},
	{rule: Protection, local: true, what: "a later destruction may take what it holds along", path: "force_destroy", hurts: becomes(true), types: []string{
		"aws_s3_bucket", "aws_s3_directory_bucket", "aws_s3tables_table_bucket", "aws_s3vectors_vector_bucket", "aws_ecrpublic_repository",
		"aws_route53_zone", "aws_backup_vault", "aws_dsql_cluster", "aws_rds_global_cluster",
	}},
	{rule: Protection, local: true, what: "a later destruction loses the logs, which were to stay", path: "skip_destroy", hurts: leaves(true), types: []string{"aws_cloudwatch_log_group"}},
	{rule: Protection, local: true, what: "a later destruction is final at once", path: "recovery_window_in_days", hurts: becomes(0.0), types: []string{"aws_secretsmanager_secret"}},
	{rule: Protection, local: true, what: "a later destruction makes no final snapshot", path: "skip_final_snapshot", hurts: becomes(true), types: []string{
		"aws_db_instance", "aws_rds_cluster", "aws_docdb_cluster", "aws_neptune_cluster", "aws_redshift_cluster", "aws_lightsail_database",
	}},
	{rule: Protection, local: true, what: "a later destruction makes no final backup", path: "skip_final_backup", hurts: becomes(true), types: []string{
		"aws_fsx_lustre_file_system", "aws_fsx_windows_file_system", "aws_fsx_openzfs_file_system", "aws_fsx_ontap_volume",
	}},
	{rule: Protection, local: true, what: "a later destruction deletes the automated backups", path: "delete_automated_backups", hurts: leaves(false), types: []string{
		"aws_db_instance", "aws_rds_cluster",
	}},

	{rule: Storage, what: "the storage shrinks", path: "allocated_storage", hurts: shrinks, types: []string{"aws_db_instance", "aws_rds_cluster"}},
	{rule: Storage, what: "the storage shrinks", path: "size", hurts: shrinks, types: []string{"aws_ebs_volume"}},
	{rule: Storage, what: "the storage shrinks", path: "storage_capacity", hurts: shrinks, types: []string{
		"aws_fsx_lustre_file_system", "aws_fsx_windows_file_system", "aws_fsx_openzfs_file_system", "aws_fsx_ontap_file_system",
	}},
	{rule: Storage, what: "the storage shrinks", path: "size_in_megabytes", hurts: shrinks, types: []string{"aws_fsx_ontap_volume"}},
	{rule: Storage, what: "the storage shrinks", path: "ebs_options.0.volume_size", hurts: shrinks, types: []string{"aws_opensearch_domain", "aws_elasticsearch_domain"}},
	{rule: Storage, what: "the storage shrinks", path: "broker_node_group_info.0.storage_info.0.ebs_storage_info.0.volume_size", hurts: shrinks, types: []string{"aws_msk_cluster"}},

	{rule: Backups, what: "automated backups end, and those that there are go", path: "backup_retention_period", hurts: ends, types: []string{
		"aws_db_instance", "aws_rds_cluster", "aws_docdb_cluster", "aws_docdbelastic_cluster", "aws_neptune_cluster",
	}},
	{rule: Backups, what: "automated backups end", path: "backup_retention_enabled", hurts: leaves(true), types: []string{"aws_lightsail_database"}},
	{rule: Backups, what: "automated snapshots end", path: "automated_snapshot_retention_period", hurts: ends, types: []string{"aws_redshift_cluster"}},
	{rule: Backups, what: "automated snapshots end", path: "snapshot_retention_limit", hurts: ends, types: []string{
		"aws_elasticache_cluster", "aws_elasticache_replication_group", "aws_elasticache_serverless_cache", "aws_memorydb_cluster",
	}},
	{rule: Backups, what: "automatic backups end", path: "automatic_backup_retention_days", hurts: ends, types: []string{
		"aws_fsx_lustre_file_system", "aws_fsx_windows_file_system", "aws_fsx_openzfs_file_system", "aws_fsx_ontap_file_system",
	}},
	{rule: Backups, what: "automatic backups end", path: "backup_policy.0.status", hurts: leaves("ENABLED"), types: []string{"aws_efs_backup_policy"}},
	{rule: Backups, what: "point-in-time recovery ends, and its backups go", path: "point_in_time_recovery.0.enabled", hurts: leaves(true), types: []string{"aws_dynamodb_table"}},
	{rule: Backups, what: "point-in-time recovery ends, and its backups go", path: "point_in_time_recovery", hurts: leaves(true), types: []string{"aws_dynamodb_table_replica"}},
	{rule: Backups, what: "point-in-time recovery ends, and its backups go", path: "point_in_time_recovery.0.status", hurts: leaves("ENABLED"), types: []string{"aws_keyspaces_table"}},
	{rule: Backups, what: "overwritten and deleted objects are no longer kept", path: "versioning_configuration.0.status", hurts: leaves("Enabled"), types: []string{"aws_s3_bucket_versioning"}},
	{rule: Backups, what: "overwritten and deleted objects are no longer kept", path: "versioning.0.enabled", hurts: leaves(true), types: []string{"aws_s3_bucket"}},
	{rule: Backups, what: "scheduled snapshots end", path: "state", hurts: leaves("ENABLED"), types: []string{"aws_dlm_lifecycle_policy"}},

	{rule: Public, new: true, what: "it gets a public address", path: "publicly_accessible", hurts: becomes(true), types: []string{
		"aws_db_instance", "aws_rds_cluster_instance", "aws_rds_shard_group", "aws_neptune_cluster_instance", "aws_lightsail_database",
		"aws_redshift_cluster", "aws_redshiftserverless_workgroup", "aws_mq_broker",
	}},
	{rule: Public, new: true, what: "its brokers get public addresses", hurts: becomes("SERVICE_PROVIDED_EIPS"), types: []string{"aws_msk_cluster"},
		path: "broker_node_group_info.0.connectivity_info.0.public_access.0.type"},
}

// settings finds attributes that change in place and protect less afterwards.
func settings(_ planned, c change) []report.Finding {
	var findings []report.Finding
	for _, s := range changes {
		if !slices.Contains(s.types, c.Type) || !c.updates() && !(s.new && c.makes()) {
			continue
		}
		if s.local && c.Change.Importing != nil {
			continue
		}
		before, after, untold := c.value(path(s.path))
		what := s.what
		if untold {
			if !c.updates() { // a new resource has many values that the provider fills in
				continue
			}
			what, after = what+", or may be: its value isn't known before the apply", unknown{}
		}
		if s.hurts(before, after) {
			findings = append(findings, report.Finding{Rule: s.rule, What: what, Values: []report.FindingValue{c.show(path(s.path))}})
		}
	}
	return findings
}

// removedSafeguard is a resource that is no data itself: its destruction switches something off.
type removedSafeguard struct {
	rule, what string
	kind       string
	// of is the attribute with the id of what it safeguards, and whose the type of that: where both go, nothing is left to lose.
	of, whose string
}

var safeguards = []removedSafeguard{
	{kind: "aws_s3_bucket_versioning", rule: Backups, what: "overwritten and deleted objects are no longer kept", of: "bucket", whose: "aws_s3_bucket"},
	{kind: "aws_s3_bucket_object_lock_configuration", rule: Protection, what: "new objects are no longer locked", of: "bucket", whose: "aws_s3_bucket"},
	{kind: "aws_s3_bucket_public_access_block", rule: Public, what: "nothing keeps the bucket from being made public", of: "bucket", whose: "aws_s3_bucket"},
	{kind: "aws_s3_account_public_access_block", rule: Public, what: "nothing keeps the account's buckets from being made public"},
	{kind: "aws_efs_backup_policy", rule: Backups, what: "automatic backups end", of: "file_system_id", whose: "aws_efs_file_system"},
	{kind: "aws_backup_vault_lock_configuration", rule: Protection, what: "recovery points can be deleted again", of: "backup_vault_name", whose: "aws_backup_vault"},
	{kind: "aws_backup_plan", rule: Backups, what: "scheduled backups end"},
	{kind: "aws_backup_selection", rule: Backups, what: "scheduled backups of what it selects end"},
	{kind: "aws_dlm_lifecycle_policy", rule: Backups, what: "scheduled snapshots end"},
	{kind: "aws_db_instance_automated_backups_replication", rule: Backups, what: "backups are no longer copied to another region"},
	{kind: "aws_redshift_snapshot_copy", rule: Backups, what: "snapshots are no longer copied to another region"},
}

// removedSafeguards finds those that are destroyed for good. One that is replaced comes back.
func removedSafeguards(all planned, c change) []report.Finding {
	if !c.destroys() || c.makes() || c.DeposedKey != "" {
		return nil
	}
	var findings []report.Finding
	for _, s := range safeguards {
		id, _ := c.before[s.of].(string)
		// A bucket's public access block can stay when Terraform lets go of it.
		if s.kind != c.Type || all.gone[s.whose+" "+id] || c.before["skip_destroy"] == true {
			continue
		}
		finding := report.Finding{Rule: s.rule, What: s.what}
		finding.Why, _ = c.why()
		findings = append(findings, finding)
	}
	return findings
}
