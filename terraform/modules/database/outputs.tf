output "address" {
  description = "Host name of the database."
  value       = aws_db_instance.this.address
}

output "port" {
  description = "Port of the database."
  value       = aws_db_instance.this.port
}

output "database" {
  description = "Name of the database."
  value       = aws_db_instance.this.db_name
}

output "username" {
  description = "The master user, as whom the application connects."
  value       = aws_db_instance.this.username
}

output "security_group_id" {
  description = "The database's security group, which has no rules of its own."
  value       = aws_security_group.this.id
}
