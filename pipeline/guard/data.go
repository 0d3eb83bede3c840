package guard

import (
	"slices"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// kind is resource types that hold data of one kind.
type kind struct {
	noun string // "a database"
	// loss is why the kind stands here: what is gone with it, and what isn't.
	loss  string
	types []string
	// only narrows the kind down; nil is all of it.
	only func(change) bool
}

// kinds is the list of what holds data that nobody can make again. What Terraform writes from its configuration, objects in
// a bucket and versions of a secret among them, can be made again and isn't in it.
var kinds = []kind{
	{
		noun: "a database", loss: "its data goes, except for what a snapshot keeps",
		types: []string{
			"aws_db_instance", "aws_rds_cluster", "aws_rds_global_cluster", "aws_rds_shard_group",
			"aws_docdb_cluster", "aws_docdb_global_cluster", "aws_docdbelastic_cluster",
			"aws_neptune_cluster", "aws_neptune_global_cluster", "aws_neptunegraph_graph",
			"aws_dsql_cluster", "aws_memorydb_cluster", "aws_memorydb_multi_region_cluster",
			"aws_redshift_cluster", "aws_redshiftserverless_namespace",
			"aws_opensearch_domain", "aws_opensearchserverless_collection", "aws_elasticsearch_domain", "aws_cloudsearch_domain", "aws_kendra_index",
			"aws_keyspaces_keyspace", "aws_keyspaces_table",
			"aws_timestreamwrite_database", "aws_timestreamwrite_table", "aws_timestreaminfluxdb_db_instance", "aws_timestreaminfluxdb_db_cluster",
			"aws_qldb_ledger", "aws_healthlake_fhir_datastore", "aws_lightsail_database",
		},
	},
	{
		noun: "an instance of a database cluster", loss: "the cluster answers through its instances",
		types: []string{"aws_rds_cluster_instance", "aws_docdb_cluster_instance", "aws_neptune_cluster_instance"},
	},
	{
		noun: "a cache that keeps snapshots", loss: "what it holds goes, except for a final snapshot",
		types: []string{"aws_elasticache_cluster", "aws_elasticache_replication_group", "aws_elasticache_serverless_cache"},
		only: func(c change) bool {
			kept, _ := number(c.before["snapshot_retention_limit"])
			return kept > 0
		},
	},
	{
		noun: "a snapshot", loss: "what it keeps may be all that is left of its source",
		types: []string{
			"aws_db_snapshot", "aws_db_snapshot_copy", "aws_db_cluster_snapshot", "aws_rds_cluster_snapshot_copy",
			"aws_docdb_cluster_snapshot", "aws_neptune_cluster_snapshot", "aws_memorydb_snapshot",
			"aws_redshift_cluster_snapshot", "aws_redshiftserverless_snapshot",
			"aws_ebs_snapshot", "aws_ebs_snapshot_copy", "aws_ebs_snapshot_import", "aws_ami", "aws_ami_copy", "aws_ami_from_instance",
			"aws_fsx_backup", "aws_fsx_openzfs_snapshot",
		},
	},
	{
		noun: "a DynamoDB table", loss: "its items go, and with them the backups for point-in-time recovery after 35 days",
		types: []string{"aws_dynamodb_table", "aws_dynamodb_table_replica", "aws_dynamodb_global_table"},
	},
	{
		noun: "a bucket", loss: "its objects go, and its name is free for anybody",
		types: []string{
			"aws_s3_bucket", "aws_s3_directory_bucket", "aws_s3control_bucket", "aws_s3tables_table_bucket", "aws_s3tables_table",
			"aws_s3vectors_vector_bucket", "aws_s3vectors_index", "aws_glacier_vault", "aws_lightsail_bucket",
		},
	},
	{
		noun: "a file system", loss: "its files go, except for what a backup keeps",
		types: []string{
			"aws_efs_file_system", "aws_fsx_lustre_file_system", "aws_fsx_windows_file_system", "aws_fsx_openzfs_file_system", "aws_fsx_openzfs_volume",
			"aws_fsx_ontap_file_system", "aws_fsx_ontap_storage_virtual_machine", "aws_fsx_ontap_volume",
		},
	},
	{
		noun: "a volume", loss: "what is written on it goes, except for what a snapshot keeps",
		types: []string{"aws_ebs_volume", "aws_lightsail_disk", "aws_storagegateway_stored_iscsi_volume", "aws_storagegateway_cached_iscsi_volume"},
	},
	{
		noun: "a backup vault", loss: "its recovery points go",
		types: []string{"aws_backup_vault", "aws_backup_logically_air_gapped_vault"},
	},
	{
		noun: "a key", loss: "its deletion is scheduled, and then nothing that it encrypted can be read",
		types: []string{
			"aws_kms_key", "aws_kms_external_key", "aws_kms_replica_key", "aws_kms_replica_external_key", "aws_kms_custom_key_store",
			"aws_cloudhsm_v2_cluster", "aws_paymentcryptography_key", "aws_acmpca_certificate_authority",
		},
	},
	{
		noun: "a secret", loss: "its values go, the older ones too",
		types: []string{"aws_secretsmanager_secret"},
	},
	{
		noun: "a SecureString parameter", loss: "its value and its history go",
		types: []string{"aws_ssm_parameter"},
		// A plain parameter's value stands in the configuration.
		only: func(c change) bool { return c.before["type"] == "SecureString" },
	},
	{
		noun: "a repository", loss: "what was pushed to it goes, and what runs from it can't start any more",
		types: []string{
			"aws_ecr_repository", "aws_ecrpublic_repository", "aws_codecommit_repository", "aws_codeartifact_domain", "aws_codeartifact_repository",
		},
	},
	{
		noun: "logs", loss: "what was logged goes",
		types: []string{"aws_cloudwatch_log_group", "aws_cloudwatch_log_stream", "aws_cloudtrail_event_data_store", "aws_cloudwatch_event_archive"},
	},
	{
		noun: "a queue or stream", loss: "what is in it and wasn't read yet goes",
		types: []string{"aws_sqs_queue", "aws_kinesis_stream", "aws_kinesis_video_stream", "aws_msk_cluster", "aws_msk_serverless_cluster", "aws_mq_broker"},
	},
	{
		noun: "a public address", loss: "it is released and can't be had again; whoever allows or names it elsewhere loses it",
		types: []string{"aws_eip", "aws_lightsail_static_ip", "aws_globalaccelerator_accelerator", "aws_globalaccelerator_custom_routing_accelerator"},
	},
	{
		noun: "a DNS zone or domain", loss: "a new one has other name servers, so the domain is dark until the registrar's are changed",
		types: []string{
			"aws_route53_zone", "aws_route53_delegation_set", "aws_route53domains_domain",
			"aws_service_discovery_public_dns_namespace", "aws_lightsail_domain",
		},
	},
	{
		noun: "a directory of users", loss: "its users and their passwords go",
		types: []string{"aws_cognito_user_pool", "aws_cognito_identity_pool", "aws_directory_service_directory"},
	},
	{
		noun: "a store behind a service", loss: "what people or programs put into it goes",
		types: []string{
			"aws_eks_cluster", "aws_cloudformation_stack", "aws_organizations_account", "aws_prometheus_workspace", "aws_grafana_workspace",
			"aws_sagemaker_domain", "aws_sagemaker_notebook_instance", "aws_workspaces_workspace",
			"aws_cloudfront_key_value_store", "aws_verifiedpermissions_policy_store",
		},
	},
}

// lost finds what holds data and is destroyed or replaced, the object that an earlier replacement left behind too. What
// Terraform only forgets stays in AWS: that is worth a note.
func lost(_ planned, c change) []report.Finding {
	if !c.destroys() && !c.forgets() {
		return nil
	}
	i := slices.IndexFunc(kinds, func(k kind) bool { return slices.Contains(k.types, c.Type) && (k.only == nil || k.only(c)) })
	if i < 0 {
		return nil
	}
	finding := report.Finding{Rule: Data, What: kinds[i].noun + ": " + kinds[i].loss}
	finding.Why, finding.Values = c.why()
	if !c.destroys() || c.before["skip_destroy"] == true { // which log groups have
		finding.Verdict = report.Noted
		finding.What = kinds[i].noun + ": it stays in AWS, and Terraform no longer looks after it"
	}
	return []report.Finding{finding}
}
