variable "name" {
  description = "The application."
  type        = string
}

variable "environment" {
  description = "Where the state of these roles lies, beside those of the application's environments: github-actions."
  type        = string
}

variable "region" {
  description = "AWS region of the application's environments."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is \"${var.region}\": it looks like eu-central-1."
  }
}

variable "repository" {
  description = "The GitHub repository whose jobs may take the roles: \"octo-org/octo-repo\", or with ids, as docs/iam.md says."
  type        = string
}

variable "environments" {
  description = "The application's environments that get roles."
  type        = set(string)
}

variable "state_bucket" {
  description = "The state bucket; by default the one that bootstrap names by itself."
  type        = string
  default     = null
}

variable "state_kms_key_arn" {
  description = "The key that encrypts the state bucket, where bootstrap made one."
  type        = string
  default     = null
}

variable "lock_table" {
  description = "DynamoDB table with Terraform's locks, where one is used."
  type        = string
  default     = null
}

variable "oidc_provider_arn" {
  description = "GitHub's OIDC provider, where the account has it already."
  type        = string
  default     = null
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds the roles."
  type        = string
  default     = null
}

variable "max_session_duration" {
  description = "Seconds for which credentials of the roles may last at most."
  type        = number
  default     = 3600
}

variable "deploy_policy_arns" {
  description = "Further policies for the deploy roles."
  type        = set(string)
  default     = []
}
