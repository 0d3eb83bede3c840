variable "name" {
  description = "Name of the load balancer, and first part of the others."
  type        = string

  validation {
    condition     = length(var.name) <= 26
    error_message = "name has at most 26 characters: with the port it must fit the 32 of a target group's name."
  }
}

variable "vpc_id" {
  description = "VPC of the targets."
  type        = string
}

variable "subnet_ids" {
  description = "Public subnets, in two zones or more."
  type        = list(string)

  validation {
    condition     = length(var.subnet_ids) >= 2
    error_message = "subnet_ids are at least two: a load balancer spans zones."
  }
}

variable "target_port" {
  description = "Port of the targets."
  type        = number
}

variable "health_check_path" {
  description = "Path that answers 200 when a target can serve."
  type        = string
}

variable "certificate_arn" {
  description = "ACM certificate; turns HTTPS on, and HTTP into a redirect to it."
  type        = string
  default     = null
}

variable "deletion_protection" {
  description = "Refuses the load balancer's deletion."
  type        = bool
}
