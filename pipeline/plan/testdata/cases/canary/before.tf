variable "canary" {
  type      = string
  sensitive = true
  default   = "canary-3e9f17c2a"
}

locals {
  copy = "local ${var.canary}"
}

output "canary" {
  value     = var.canary
  sensitive = true
}

resource "aws_ssm_parameter" "source" {
  name  = "/blog/dev/canary"
  type  = "SecureString"
  value = var.canary
}

data "aws_ssm_parameter" "this" {
  name = aws_ssm_parameter.source.name
}

resource "aws_secretsmanager_secret" "this" {
  name = "blog/dev/canary"
}

resource "aws_secretsmanager_secret_version" "this" {
  secret_id     = aws_secretsmanager_secret.this.id
  secret_string = jsonencode({ PASSWORD = var.canary })
}

resource "aws_launch_template" "this" {
  name      = "blog-dev-canary"
  user_data = base64encode("#!/bin/sh\nexport DB_PASSWORD=${var.canary}\n")
}

resource "aws_ecs_task_definition" "this" {
  family = "blog-dev-canary"
  container_definitions = jsonencode([{
    name        = "app"
    image       = "blog:1"
    memory      = 128
    command     = ["web", "--password", var.canary]
    environment = [{ name = "GREETING", value = var.canary }]
  }])
}

resource "aws_s3_bucket" "this" {
  bucket = "blog-dev-canary"
  tags   = { Generation = "1", Canary = var.canary }
}

resource "terraform_data" "this" {
  input            = { local = local.copy, data = data.aws_ssm_parameter.this.value, generation = "1" }
  triggers_replace = [sha256(var.canary)]

  provisioner "local-exec" {
    command     = "true"
    environment = { CANARY = var.canary }
  }
}

check "canary" {
  assert {
    condition     = var.canary == ""
    error_message = "The canary is ${nonsensitive(var.canary)}."
  }
}
