terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.34.0"
    }
  }

  # Slipway gives bucket, key and region.
  backend "s3" {}
}

provider "aws" {
  region = var.region
}
