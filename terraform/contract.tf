# All that the pipeline knows of this infrastructure (docs/design.md, "The contract"). A field that changes its meaning or
# goes away needs a new version; a further field does not.
locals {
  contract = {
    version            = 1
    name               = var.name
    environment        = var.environment
    region             = var.region
    account            = data.aws_caller_identity.this.account_id
    cluster            = module.service.cluster
    repository_url     = module.service.repository_url
    log_group          = module.service.log_group
    execution_role_arn = module.service.execution_role_arn
    task_role_arn      = module.service.task_role_arn
    url                = local.url
    health_path        = var.health_check_path

    # Where a one-off task runs: where the service's own tasks do.
    tasks = {
      subnets          = module.network.private_subnet_ids
      security_groups  = [module.service.security_group_id]
      assign_public_ip = false
    }

    migration = {
      service = local.service
      command = local.migration_command
    }

    services = [{
      name             = local.service
      service          = module.service.service
      template         = module.service.template_arn
      container        = module.service.container
      desired_count    = var.desired_count
      target_group_arn = module.load_balancer.target_group_arn
      load_balancer = {
        arn      = module.load_balancer.arn
        dns_name = module.load_balancer.dns_name
      }
    }]
  }
}

resource "aws_ssm_parameter" "contract" {
  name        = "/slipway/${var.name}/${var.environment}/contract"
  description = "What the pipeline knows of ${local.prefix}."
  type        = "String"

  # Not `value`, which hides in a plan what changes. Nothing in the contract is secret.
  insecure_value = jsonencode(local.contract)

  # Published last: whoever reads it finds everything in place.
  depends_on = [
    module.network,
    module.service,
    aws_vpc_security_group_egress_rule.connection,
    aws_vpc_security_group_egress_rule.internet,
    aws_vpc_security_group_egress_rule.s3,
    aws_vpc_security_group_ingress_rule.connection,
    aws_vpc_security_group_ingress_rule.visitors,
  ]
}
