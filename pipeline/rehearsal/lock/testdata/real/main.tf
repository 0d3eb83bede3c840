# What the tests of the lease apply: each generation replaces all of it, in two waves with a pause between them.

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

variable "bucket" {
  type = string
}

variable "generation" {
  type = string
}

provider "aws" {
  region                      = var.region
  s3_use_path_style           = true
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_region_validation      = true
}

resource "aws_ssm_parameter" "first" {
  count = 2

  name  = "/${var.name}/${var.environment}/${var.generation}/first-${count.index}"
  type  = "String"
  value = var.generation
}

resource "terraform_data" "pause" {
  triggers_replace = var.generation

  provisioner "local-exec" {
    command = "sleep 0.4"
  }

  depends_on = [aws_ssm_parameter.first]
}

resource "aws_ssm_parameter" "second" {
  count = 2

  name  = "/${var.name}/${var.environment}/${var.generation}/second-${count.index}"
  type  = "String"
  value = var.generation

  depends_on = [terraform_data.pause]
}

resource "aws_s3_object" "second" {
  bucket  = var.bucket
  key     = "objects/${var.environment}/${var.generation}"
  content = var.generation

  depends_on = [terraform_data.pause]
}

resource "aws_iam_role" "this" {
  name               = "${var.name}-${var.environment}-${var.generation}"
  assume_role_policy = jsonencode({ Version = "2012-10-17", Statement = [] })
}
