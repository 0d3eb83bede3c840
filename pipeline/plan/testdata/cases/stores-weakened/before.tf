resource "aws_kms_key" "this" {
  description         = "blog-dev"
  enable_key_rotation = true
}

resource "aws_secretsmanager_secret" "this" {
  name = "blog/dev/app"
}

resource "aws_ecr_repository" "this" {
  name                 = "blog-dev"
  image_tag_mutability = "IMMUTABLE"
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/slipway/blog/dev"
  retention_in_days = 30
}

resource "aws_eip" "this" {
  domain = "vpc"
}

resource "aws_route53_zone" "this" {
  name = "blog.example.com"
}

resource "aws_dynamodb_table" "this" {
  name                        = "blog-dev-sessions"
  billing_mode                = "PAY_PER_REQUEST"
  hash_key                    = "id"
  deletion_protection_enabled = true

  attribute {
    name = "id"
    type = "S"
  }

  point_in_time_recovery {
    enabled = true
  }
}

resource "aws_efs_file_system" "this" {
  creation_token = "blog-dev"
  encrypted      = true
}
