variable "name" {
  description = "Name of the secret."
  type        = string
}

variable "lengths" {
  description = "The values to generate: key in the secret's JSON to number of characters."
  type        = map(number)

  validation {
    condition     = alltrue([for length in values(var.lengths) : length >= 32])
    error_message = "lengths are at least 32."
  }
}

variable "values_version" {
  description = "Raise it to have all values drawn anew."
  type        = number
}

variable "kms_key_arn" {
  description = "KMS key of your own; AWS's own for Secrets Manager without."
  type        = string
  default     = null
}

variable "protect" {
  description = "Lets a deleted secret be restored for 30 days."
  type        = bool
}
