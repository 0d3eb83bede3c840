output "arn" {
  description = "The secret, once it has values."
  value       = aws_secretsmanager_secret.this.arn

  depends_on = [aws_secretsmanager_secret_version.this]
}

output "values" {
  description = "The values as stored."
  value       = jsondecode(ephemeral.aws_secretsmanager_secret_version.this.secret_string)
  ephemeral   = true
  sensitive   = true
}
