output "arn" {
  description = "The load balancer."
  value       = aws_lb.this.arn
}

output "dns_name" {
  description = "Name under which the load balancer answers."
  value       = aws_lb.this.dns_name
}

output "ports" {
  description = "Ports on which visitors are heard."
  value       = var.certificate_arn == null ? [80] : [80, 443]
}

output "security_group_id" {
  description = "The load balancer's security group, which has no rules of its own."
  value       = aws_security_group.this.id
}

output "target_group_arn" {
  description = "Where a service registers its tasks."
  value       = aws_lb_target_group.this.arn

  # ECS refuses a target group that no listener uses.
  depends_on = [aws_lb_listener.http, aws_lb_listener.https]
}
