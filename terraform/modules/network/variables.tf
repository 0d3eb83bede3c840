variable "name" {
  description = "Name of the VPC, and first part of the others."
  type        = string
}

variable "cidr" {
  description = "IPv4 range of the VPC."
  type        = string
}

variable "availability_zones" {
  description = "How many zones to spread over; at most 8, which is how many private subnets the range is cut into."
  type        = number

  validation {
    condition     = var.availability_zones >= 2 && var.availability_zones <= 8
    error_message = "availability_zones is a number from 2 to 8."
  }
}

variable "nat" {
  description = "single, per-az or none; none makes the endpoints instead."
  type        = string

  validation {
    condition     = contains(["single", "per-az", "none"], var.nat)
    error_message = "nat is single, per-az or none."
  }
}

variable "endpoints" {
  description = "AWS services that tasks call, by the last part of their endpoint's name: ecr.api."
  type        = list(string)
  default     = []
}
