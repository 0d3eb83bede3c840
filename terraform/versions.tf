terraform {
  # 1.11 is the first with write-only arguments and the lock file in S3.
  required_version = ">= 1.11"

  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.34.0"
    }
  }

  # Bucket, key and region differ by account and environment: they come with -backend-config (README.md).
  backend "s3" {}
}
