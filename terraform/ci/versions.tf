terraform {
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.34.0"
    }
  }

  # Bucket, key and region differ by account and application: they come with -backend-config (../README.md).
  backend "s3" {}
}
