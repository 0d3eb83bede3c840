# What AWS gives ids to, in three waves: each wave needs the ids of the one before.

terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.34.0"
    }
  }

  backend "s3" {}
}

variable "name" {
  type = string
}

variable "environment" {
  type = string
}

variable "region" {
  type = string
}

variable "generation" {
  type = string
}

locals {
  prefix = "${var.name}-${var.environment}"
}

provider "aws" {
  region                      = var.region
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true

  default_tags {
    tags = { Environment = var.environment, Generation = var.generation }
  }
}

resource "aws_vpc" "this" {
  cidr_block = "10.77.0.0/16"
  tags       = { Name = local.prefix }
}

resource "aws_eip" "this" {
  domain = "vpc"
  tags   = { Name = local.prefix }
}

resource "aws_secretsmanager_secret" "this" {
  name                    = "${local.prefix}/app"
  recovery_window_in_days = 0
}

resource "aws_subnet" "this" {
  vpc_id     = aws_vpc.this.id
  cidr_block = "10.77.0.0/20"
  tags       = { Name = local.prefix }
}

resource "aws_internet_gateway" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = local.prefix }
}

resource "aws_route_table" "this" {
  vpc_id = aws_vpc.this.id
  tags   = { Name = local.prefix }
}

resource "aws_security_group" "this" {
  name        = local.prefix
  description = "Killed as it was created"
  vpc_id      = aws_vpc.this.id
  tags        = { Name = local.prefix }
}

resource "aws_vpc_endpoint" "s3" {
  vpc_id       = aws_vpc.this.id
  service_name = "com.amazonaws.${var.region}.s3"
  tags         = { Name = local.prefix }
}

resource "aws_lb_target_group" "this" {
  name     = local.prefix
  port     = 8000
  protocol = "HTTP"
  vpc_id   = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "this" {
  security_group_id = aws_security_group.this.id
  ip_protocol       = "tcp"
  from_port         = 80
  to_port           = 80
  cidr_ipv4         = "0.0.0.0/0"
}

resource "aws_vpc_security_group_egress_rule" "this" {
  security_group_id            = aws_security_group.this.id
  ip_protocol                  = "tcp"
  from_port                    = 3306
  to_port                      = 3306
  referenced_security_group_id = aws_security_group.this.id
}

resource "aws_route" "this" {
  route_table_id         = aws_route_table.this.id
  destination_cidr_block = "0.0.0.0/0"
  gateway_id             = aws_internet_gateway.this.id
}

resource "aws_route_table_association" "this" {
  subnet_id      = aws_subnet.this.id
  route_table_id = aws_route_table.this.id
}
