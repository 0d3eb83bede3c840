output "oidc_provider_arn" {
  description = "GitHub's OIDC provider in the account."
  value       = module.ci.oidc_provider_arn
}

output "plan_role_arns" {
  description = "By environment: the role of jobs that plan."
  value       = module.ci.plan_role_arns
}

output "deploy_role_arns" {
  description = "By environment: the role of jobs that apply and deploy."
  value       = module.ci.deploy_role_arns
}
