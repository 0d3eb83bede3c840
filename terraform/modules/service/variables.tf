variable "name" {
  description = "Name of the cluster and the repository, and first part of the others."
  type        = string
}

variable "service" {
  description = "Last part of the service's name, and name of its container."
  type        = string
}

variable "command" {
  description = "Command that starts the service in its container."
  type        = list(string)
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "account" {
  description = "AWS account."
  type        = string
}

variable "vpc_id" {
  description = "VPC of the tasks."
  type        = string
}

variable "subnet_ids" {
  description = "Private subnets of the tasks."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) > 0
    error_message = "subnet_ids holds at least one subnet."
  }
}

variable "target_group_arn" {
  description = "Target group that the tasks are registered in."
  type        = string
}

variable "container_port" {
  description = "Port that the container listens on."
  type        = number
}

variable "cpu" {
  description = "CPU units of a task."
  type        = number
}

variable "memory" {
  description = "Memory of a task in MiB."
  type        = number
}

variable "cpu_architecture" {
  description = "X86_64 or ARM64."
  type        = string
}

variable "environment" {
  description = "Environment variables of the container. Nothing secret."
  type        = map(string)
}

variable "secret_arn" {
  description = "Secrets Manager secret, a JSON object."
  type        = string
}

variable "secret_keys" {
  description = "Keys of the secret that the container gets as environment variables of the same names."
  type        = list(string)

  validation {
    condition     = alltrue([for key in var.secret_keys : !contains(keys(var.environment), key)])
    error_message = "A name is in both environment and secret_keys, which ECS refuses."
  }
}

variable "execute_command" {
  description = "Allows execute-command into tasks, whose root file system is then writable."
  type        = bool
}

variable "container_insights" {
  description = "disabled, enabled or enhanced."
  type        = string
}

variable "log_group" {
  description = "Name of the tasks' log group."
  type        = string
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
}

variable "kms_key_arn" {
  description = "KMS key of your own that the secret is encrypted with."
  type        = string
  default     = null
}

variable "protect" {
  description = "Refuses to delete the repository while it holds images."
  type        = bool
}
