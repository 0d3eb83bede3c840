output "oidc_provider_arn" {
  description = "GitHub's OIDC provider in the account."
  value       = local.provider
}

output "plan_role_arns" {
  description = "By environment: the role of jobs that plan."
  value       = { for name in var.environments : name => aws_iam_role.this["${name}-plan"].arn }
}

output "deploy_role_arns" {
  description = "By environment: the role of jobs that apply and deploy."
  value       = { for name in var.environments : name => aws_iam_role.this[name].arn }
}
