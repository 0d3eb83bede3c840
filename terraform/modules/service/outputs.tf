output "cluster" {
  description = "Name of the cluster."
  value       = aws_ecs_cluster.this.name
}

output "service" {
  description = "Name of the service."
  value       = aws_ecs_service.this.name
}

output "container" {
  description = "Name of the container."
  value       = var.service
}

output "template_arn" {
  description = "The task-definition revision to copy for a release."
  value       = aws_ecs_task_definition.this.arn
}

output "repository_url" {
  description = "Repository of the image."
  value       = aws_ecr_repository.this.repository_url
}

output "log_group" {
  description = "Log group of the tasks."
  value       = aws_cloudwatch_log_group.this.name
}

output "execution_role_arn" {
  description = "Role with which ECS starts tasks."
  value       = aws_iam_role.execution.arn
}

output "task_role_arn" {
  description = "Role of the application."
  value       = aws_iam_role.task.arn
}

output "security_group_id" {
  description = "The tasks' security group, which has no rules of its own."
  value       = aws_security_group.this.id
}
