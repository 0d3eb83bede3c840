# Credentials and, for the rehearsal, the emulator's address (AWS_ENDPOINT_URL) come from the environment.
provider "aws" {
  region = var.region

  default_tags {
    tags = local.tags
  }
}
