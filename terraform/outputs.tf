output "contract" {
  description = "The contract with the pipeline, as published in the parameter."
  value       = local.contract
}

output "contract_parameter" {
  description = "Name of the SSM parameter that holds the contract."
  value       = aws_ssm_parameter.contract.name
}

output "url" {
  description = "Where the application answers."
  value       = local.url
}

output "repository_url" {
  description = "ECR repository that the pipeline pushes to."
  value       = module.service.repository_url
}

output "load_balancer_dns_name" {
  description = "What a DNS record of var.domain points to."
  value       = module.load_balancer.dns_name
}

output "secret_arn" {
  description = "Secrets Manager secret with the generated values."
  value       = module.secrets.arn
}
