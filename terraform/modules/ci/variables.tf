variable "name" {
  description = "The application."
  type        = string

  validation {
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name))
    error_message = "name is \"${var.name}\": lower-case letters, digits and single hyphens between them, beginning with a letter."
  }
}

variable "environments" {
  description = "The environments that get roles. A job deploys from the GitHub environment of the same name, and plans from the one with \"-plan\" behind it."
  type        = set(string)

  validation {
    condition     = length(var.environments) > 0 && alltrue([for name in var.environments : can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", name))])
    error_message = "environments are named by lower-case letters, digits and single hyphens between them. Each is named, there is no pattern for several."
  }

  validation {
    condition     = length(setintersection(var.environments, [for name in var.environments : "${name}-plan"])) == 0
    error_message = "One of environments is called like another's plan environment: whoever deploys the one could read the other's secrets."
  }
}

variable "region" {
  description = "AWS region of the environments."
  type        = string
}

variable "account" {
  description = "Number of the account."
  type        = string
}

variable "partition" {
  description = "Part of AWS that the account is in: aws, aws-cn, aws-us-gov."
  type        = string
  default     = "aws"
}

variable "repository" {
  description = "The GitHub repository whose jobs may take the roles, as it stands in the token's sub: \"octo-org/octo-repo\", or with ids \"octo-org@123456/octo-repo@456789\"."
  type        = string

  validation {
    # Neither a pattern nor a colon, with which more of the sub could be said. Ids belong to both or to none.
    # https://docs.github.com/en/actions/reference/security/oidc#immutable-subject-claims
    condition     = can(regex("^[A-Za-z0-9-]+(/[A-Za-z0-9._-]+|@[0-9]+/[A-Za-z0-9._-]+@[0-9]+)$", var.repository))
    error_message = "repository is \"${var.repository}\": it is OWNER/NAME, or OWNER@ID/NAME@ID, in full. A pattern like * would let other repositories in."
  }
}

variable "state_bucket" {
  description = "The bucket of Terraform's state, which bootstrap makes."
  type        = string
}

variable "state_kms_key_arn" {
  description = "The key that encrypts the bucket, where bootstrap made one with --kms."
  type        = string
  default     = null
}

variable "lock_table" {
  description = "DynamoDB table with Terraform's locks, where one is used."
  type        = string
  default     = null
}

variable "oidc_provider_arn" {
  description = "GitHub's OIDC provider, where the account has it: there can be only one. Without, it is made."
  type        = string
  default     = null

  validation {
    condition     = var.oidc_provider_arn == null || can(regex("^arn:[a-z-]+:iam::[0-9]{12}:oidc-provider/token\\.actions\\.githubusercontent\\.com$", var.oidc_provider_arn))
    error_message = "oidc_provider_arn isn't the ARN of an OIDC provider for token.actions.githubusercontent.com."
  }
}

variable "permissions_boundary_arn" {
  description = "Policy that bounds what the roles can be allowed at all."
  type        = string
  default     = null
}

variable "max_session_duration" {
  description = "Seconds for which credentials of the roles may last at most."
  type        = number
  default     = 3600

  validation {
    # https://docs.aws.amazon.com/IAM/latest/APIReference/API_CreateRole.html
    condition     = var.max_session_duration >= 3600 && var.max_session_duration <= 43200
    error_message = "max_session_duration is from 3600 to 43200 seconds, one hour to twelve."
  }
}

variable "deploy_policy_arns" {
  description = "Further policies for the deploy roles, for what an application's own Terraform makes. At most eight."
  type        = set(string)
  default     = []

  validation {
    # A role takes ten: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
    condition     = length(var.deploy_policy_arns) <= 8
    error_message = "deploy_policy_arns are at most eight: a role takes ten, and two are made here."
  }
}
