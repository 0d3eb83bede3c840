data "aws_caller_identity" "this" {}

data "aws_partition" "this" {}

module "ci" {
  source = "../modules/ci"

  name                     = var.name
  environments             = var.environments
  region                   = var.region
  account                  = data.aws_caller_identity.this.account_id
  partition                = data.aws_partition.this.partition
  repository               = var.repository
  state_bucket             = coalesce(var.state_bucket, "slipway-state-${data.aws_caller_identity.this.account_id}-${var.region}")
  state_kms_key_arn        = var.state_kms_key_arn
  lock_table               = var.lock_table
  oidc_provider_arn        = var.oidc_provider_arn
  permissions_boundary_arn = var.permissions_boundary_arn
  max_session_duration     = var.max_session_duration
  deploy_policy_arns       = var.deploy_policy_arns
}
