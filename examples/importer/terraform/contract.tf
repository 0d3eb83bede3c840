# What Slipway reads of this infrastructure; it is the only thing that the two share.

resource "aws_ssm_parameter" "contract" {
  name = "/slipway/${var.name}/${var.environment}/contract"
  type = "String"

  insecure_value = jsonencode({
    version            = 1
    name               = var.name
    environment        = var.environment
    region             = var.region
    account            = data.aws_caller_identity.this.account_id
    cluster            = aws_ecs_cluster.this.name
    repository_url     = aws_ecr_repository.this.repository_url
    log_group          = aws_cloudwatch_log_group.this.name
    execution_role_arn = aws_iam_role.execution.arn
    url                = "http://${aws_lb.this.dns_name}"
    health_path        = "/readyz"

    # Where a one-off task runs.
    tasks = {
      subnets          = data.aws_subnets.default.ids
      security_groups  = [aws_security_group.tasks.id]
      assign_public_ip = true
    }

    # An application with a database names here what migrates it: migration = { service = "web", command = ["migrate"] }

    services = [{
      name             = "web"
      service          = aws_ecs_service.this.name
      template         = aws_ecs_task_definition.this.arn
      container        = local.container
      desired_count    = var.tasks
      target_group_arn = aws_lb_target_group.this.arn
    }]
  })
}
