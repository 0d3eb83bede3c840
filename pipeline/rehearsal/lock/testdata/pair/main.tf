# Needs no provider: for many runs in little time.

terraform {
  required_version = ">= 1.11"

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

resource "terraform_data" "this" {
  input = "${var.name} ${var.environment} ${var.region} ${var.generation}"
}
