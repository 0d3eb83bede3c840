# Credentials and, for a rehearsal, the emulator's address (AWS_ENDPOINT_URL) come from the environment.
provider "aws" {
  region = var.region

  default_tags {
    tags = {
      Application = var.name
      Environment = var.environment
      ManagedBy   = "terraform"
    }
  }
}
