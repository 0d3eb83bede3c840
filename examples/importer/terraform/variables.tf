# Slipway gives the first three, and the file environments/ENVIRONMENT.tfvars.

variable "name" {
  description = "Name of the application."
  type        = string
}

variable "environment" {
  description = "Copy of the application, like dev."
  type        = string
}

variable "region" {
  description = "AWS region."
  type        = string
}

variable "greeting" {
  description = "How visitors are greeted."
  type        = string
}

variable "tasks" {
  description = "How many tasks the first deployment starts."
  type        = number
  default     = 1
}

variable "throw_away" {
  description = "Whether the repository may be deleted with its images in it."
  type        = bool
  default     = false
}
