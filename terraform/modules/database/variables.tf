variable "name" {
  description = "Identifier of the instance, and first part of the others."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the database."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets, in two zones or more."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids are at least two: RDS wants a second zone even where it keeps no standby."
  }
}

variable "password" {
  description = "The master user's password. Ephemeral: it reaches RDS and nothing else."
  type        = string
  ephemeral   = true
  sensitive   = true
}

variable "password_version" {
  description = "A number that changes whenever the password does."
  type        = number
}

variable "engine_version" {
  description = "MySQL version, with or without a patch level."
  type        = string
}

variable "instance_class" {
  description = "Size of the instance."
  type        = string
}

variable "allocated_storage" {
  description = "Storage at first, in GiB."
  type        = number
}

variable "max_allocated_storage" {
  description = "GiB up to which storage grows by itself."
  type        = number
}

variable "multi_az" {
  description = "Keeps a standby in another zone."
  type        = bool
}

variable "backup_retention_days" {
  description = "Days that automatic backups are kept."
  type        = number
}

variable "performance_insights" {
  description = "Turns on Performance Insights."
  type        = bool
}

variable "apply_immediately" {
  description = "Changes the instance at once, not in its maintenance window."
  type        = bool
}

variable "log_exports" {
  description = "Logs that go to CloudWatch."
  type        = set(string)
}

variable "log_retention_days" {
  description = "Days that the database's logs are kept."
  type        = number
}

variable "kms_key_arn" {
  description = "KMS key of your own for storage; AWS's own for RDS without."
  type        = string
  default     = null
}

variable "protect" {
  description = "Makes a final snapshot when the database is deleted, and keeps the automatic backups."
  type        = bool
}

variable "deletion_protection" {
  description = "Refuses deletion."
  type        = bool
}
