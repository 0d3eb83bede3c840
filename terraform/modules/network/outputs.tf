output "vpc_id" {
  description = "The VPC."
  value       = aws_vpc.this.id
}

output "public_subnet_ids" {
  description = "Subnets with a way to and from the internet, one for each zone."
  value       = [for zone in keys(local.zones) : aws_subnet.public[zone].id]
}

output "private_subnet_ids" {
  description = "Subnets for tasks and database, one for each zone."
  value       = [for zone in keys(local.zones) : aws_subnet.private[zone].id]
}

output "endpoints_security_group_id" {
  description = "Security group of the VPC endpoints; null where there is NAT."
  value       = one(aws_security_group.endpoints[*].id)
}

output "s3_prefix_list_id" {
  description = "Addresses of S3, for the rule that lets tasks reach it through its gateway endpoint."
  value       = aws_vpc_endpoint.s3.prefix_list_id
}
