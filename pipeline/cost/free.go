package cost

import (
	"slices"
	"strings"
)

// free are the types of resource that cost nothing themselves, however much they are used. Those whose use is paid for elsewhere
// are among them: a task definition costs nothing, the service that runs it does.
var free = []string{
	// Network: https://aws.amazon.com/vpc/pricing/
	"aws_default_network_acl", "aws_default_route_table", "aws_default_security_group", "aws_default_subnet", "aws_default_vpc",
	"aws_egress_only_internet_gateway", "aws_eip_association", "aws_internet_gateway", "aws_internet_gateway_attachment",
	"aws_main_route_table_association", "aws_network_acl", "aws_network_acl_association", "aws_network_acl_rule",
	"aws_network_interface", "aws_network_interface_sg_attachment", "aws_route", "aws_route_table", "aws_route_table_association",
	"aws_security_group", "aws_security_group_rule", "aws_subnet", "aws_vpc", "aws_vpc_dhcp_options", "aws_vpc_dhcp_options_association",
	"aws_vpc_endpoint_policy", "aws_vpc_endpoint_route_table_association", "aws_vpc_endpoint_security_group_association",
	"aws_vpc_ipv4_cidr_block_association", "aws_vpc_peering_connection", "aws_vpc_peering_connection_accepter",
	"aws_vpc_security_group_egress_rule", "aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_vpc_association",
	"aws_ec2_managed_prefix_list", "aws_ec2_managed_prefix_list_entry",
	// Parts of a load balancer: https://aws.amazon.com/elasticloadbalancing/pricing/
	"aws_alb_listener", "aws_alb_listener_certificate", "aws_alb_listener_rule", "aws_alb_target_group", "aws_alb_target_group_attachment",
	"aws_lb_listener", "aws_lb_listener_certificate", "aws_lb_listener_rule", "aws_lb_target_group", "aws_lb_target_group_attachment",
	// Parts of ECS and ECR: https://aws.amazon.com/ecs/pricing/
	"aws_ecs_account_setting_default", "aws_ecs_capacity_provider", "aws_ecs_cluster_capacity_providers", "aws_ecs_task_definition",
	"aws_appautoscaling_policy", "aws_appautoscaling_scheduled_action", "aws_appautoscaling_target",
	"aws_ecr_lifecycle_policy", "aws_ecr_pull_through_cache_rule", "aws_ecr_registry_policy", "aws_ecr_repository_policy",
	"aws_service_discovery_http_namespace",
	// Parts of RDS: https://aws.amazon.com/rds/pricing/
	"aws_db_event_subscription", "aws_db_option_group", "aws_db_parameter_group", "aws_db_subnet_group",
	"aws_rds_cluster_parameter_group",
	// Permissions and certificates: https://aws.amazon.com/iam/ and https://aws.amazon.com/certificate-manager/pricing/
	"aws_acm_certificate", "aws_acm_certificate_validation",
	"aws_iam_access_key", "aws_iam_account_alias", "aws_iam_account_password_policy", "aws_iam_group", "aws_iam_group_membership",
	"aws_iam_group_policy", "aws_iam_group_policy_attachment", "aws_iam_instance_profile", "aws_iam_openid_connect_provider",
	"aws_iam_policy", "aws_iam_policy_attachment", "aws_iam_role", "aws_iam_role_policies_exclusive", "aws_iam_role_policy",
	"aws_iam_role_policy_attachment", "aws_iam_role_policy_attachments_exclusive", "aws_iam_saml_provider",
	"aws_iam_service_linked_role", "aws_iam_user", "aws_iam_user_group_membership", "aws_iam_user_policy",
	"aws_iam_user_policy_attachment",
	// Parts of secrets and keys; a grant, an alias and a version come with what they belong to
	"aws_kms_alias", "aws_kms_grant", "aws_kms_key_policy",
	"aws_secretsmanager_secret_policy", "aws_secretsmanager_secret_version",
	// Settings of a bucket and of a table: https://aws.amazon.com/s3/pricing/
	"aws_dynamodb_table_item", "aws_s3_account_public_access_block", "aws_s3_bucket_accelerate_configuration", "aws_s3_bucket_acl",
	"aws_s3_bucket_cors_configuration", "aws_s3_bucket_lifecycle_configuration", "aws_s3_bucket_logging", "aws_s3_bucket_notification",
	"aws_s3_bucket_object_lock_configuration", "aws_s3_bucket_ownership_controls", "aws_s3_bucket_policy",
	"aws_s3_bucket_public_access_block", "aws_s3_bucket_server_side_encryption_configuration", "aws_s3_bucket_versioning",
	"aws_s3_bucket_website_configuration", "aws_s3_object",
	// Parts of CloudWatch and Route 53
	"aws_cloudwatch_log_metric_filter", "aws_cloudwatch_log_resource_policy", "aws_cloudwatch_log_stream",
	"aws_cloudwatch_log_subscription_filter", "aws_route53_record", "aws_route53_zone_association",
	"aws_resourcegroups_group",
}

// freeProviders are the providers whose resources are nowhere but in the state or on the machine that runs Terraform.
var freeProviders = []string{"archive_", "cloudinit_", "external_", "local_", "null_", "random_", "terraform_data", "time_", "tls_"}

func freeOfCharge(kind string) bool {
	return slices.Contains(free, kind) || slices.ContainsFunc(freeProviders, func(prefix string) bool { return strings.HasPrefix(kind, prefix) })
}
