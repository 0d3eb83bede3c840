variable "name" {
  description = "The application. With the environment it names everything: `blog` and `dev` make `blog-dev`."
  type        = string

  validation {
    # What ECR, ECS, RDS and load balancers take, all at once.
    # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
    # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
    condition     = can(regex("^[a-z][a-z0-9]*(-[a-z0-9]+)*$", var.name))
    error_message = "name is \"${var.name}\": ECR, ECS, RDS and the load balancer together take lower-case letters, digits and single hyphens between them, beginning with a letter."
  }

  validation {
    # A target group's name has at most 32 characters, of which the port takes six ("-65535").
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateTargetGroup.html
    condition     = length("${var.name}-${var.environment}") <= 26
    error_message = "\"${var.name}-${var.environment}\" is longer than 26 characters: the load balancer's target group carries it, with the port, in a name of 32. Shorten name or environment."
  }

  validation {
    # https://docs.aws.amazon.com/elasticloadbalancing/latest/APIReference/API_CreateLoadBalancer.html
    condition     = !startswith("${var.name}-", "internal-")
    error_message = "name is \"${var.name}\": a load balancer's name must not begin with \"internal-\"."
  }
}

variable "environment" {
  description = "The copy of the application: dev, prod. A file of this name in environments/ sets the rest."
  type        = string

  validation {
    condition     = can(regex("^[a-z0-9]+(-[a-z0-9]+)*$", var.environment))
    error_message = "environment is \"${var.environment}\": it takes lower-case letters, digits and single hyphens between them, as names in ECR, RDS and the load balancer do."
  }
}

variable "region" {
  description = "AWS region."
  type        = string

  validation {
    condition     = can(regex("^[a-z]{2}(-[a-z]+)+-[0-9]$", var.region))
    error_message = "region is \"${var.region}\": it looks like eu-central-1."
  }
}

variable "protect" {
  description = "Guards what holds data or takes visitors: deletion protection, a final snapshot, a secret that can be restored, a repository that isn't deleted with its images. false is for environments that are thrown away."
  type        = bool
  default     = true
  nullable    = false
}

variable "deletion_protection" {
  description = "Refuses the deletion of the database and the load balancer; by default what `protect` says. false, applied before an environment is taken away, leaves the rest of `protect` as it is: the final snapshot is made, and the secret can be restored."
  type        = bool
  default     = null
}

# Network

variable "vpc_cidr" {
  description = "IPv4 range of the VPC; a sixteenth of it for each subnet."
  type        = string
  default     = "10.0.0.0/16"

  validation {
    condition     = can(cidrhost(var.vpc_cidr, 0)) && try(tonumber(split("/", var.vpc_cidr)[1]), 0) >= 16 && try(tonumber(split("/", var.vpc_cidr)[1]), 99) <= 22
    error_message = "vpc_cidr is an IPv4 range from /16 (the largest a VPC takes) to /22 (subnets of 64 addresses)."
  }
}

variable "availability_zones" {
  description = "How many availability zones to spread over."
  type        = number
  default     = 2

  validation {
    # A load balancer and a database's subnet group each need two.
    condition     = contains([2, 3, 4, 5, 6], var.availability_zones)
    error_message = "availability_zones is a number from 2 to 6."
  }
}

variable "nat" {
  description = "How private subnets reach the internet: one NAT gateway for all (cheapest), one per zone (survives the loss of a zone), or none, with VPC endpoints for the AWS services the tasks need."
  type        = string
  default     = "single"

  validation {
    condition     = contains(["single", "per-az", "none"], var.nat)
    error_message = "nat is single, per-az or none."
  }
}

variable "outbound_ports" {
  description = "TCP ports on the internet that tasks may connect to; of no effect with nat = none."
  type        = set(number)
  default     = [443]

  validation {
    condition     = alltrue([for port in var.outbound_ports : port >= 1 && port <= 65535 && floor(port) == port])
    error_message = "outbound_ports are port numbers from 1 to 65535."
  }
}

variable "allowed_cidrs" {
  description = "IPv4 ranges that may visit the application."
  type        = set(string)
  default     = ["0.0.0.0/0"]

  validation {
    condition     = length(var.allowed_cidrs) > 0 && alltrue([for cidr in var.allowed_cidrs : can(cidrnetmask(cidr))])
    error_message = "allowed_cidrs holds at least one IPv4 range such as 203.0.113.0/24."
  }
}

variable "domain" {
  description = "Host name under which people visit; its DNS record is made elsewhere and points to the output load_balancer_dns_name. Without one it is the load balancer's own."
  type        = string
  default     = null

  validation {
    condition     = var.domain == null || can(regex("^([a-z0-9]([a-z0-9-]*[a-z0-9])?\\.)+[a-z]{2,}$", var.domain))
    error_message = "domain is a host name such as blog.example.com, without scheme or path."
  }
}

variable "certificate_arn" {
  description = "ACM certificate for the domain. Turns HTTPS on, and HTTP into a redirect to it."
  type        = string
  default     = null

  validation {
    condition     = var.certificate_arn == null || can(regex("^arn:aws[a-z-]*:acm:", var.certificate_arn))
    error_message = "certificate_arn is the ARN of an ACM certificate: arn:aws:acm:…"
  }

  validation {
    condition     = var.certificate_arn == null || var.domain != null
    error_message = "certificate_arn needs domain: no certificate holds for the load balancer's own name."
  }
}

# Application

variable "container_port" {
  description = "Port that the application listens on."
  type        = number
  default     = 8000

  validation {
    condition     = var.container_port >= 1024 && var.container_port <= 65535 && floor(var.container_port) == var.container_port
    error_message = "container_port is from 1024, below which the application's user must not bind, to 65535."
  }
}

variable "health_check_path" {
  description = "Path that answers 200 when a task can serve. The load balancer asks for it, and the pipeline after a deployment."
  type        = string
  default     = "/readyz"

  validation {
    condition     = can(regex("^/[!-~]*$", var.health_check_path))
    error_message = "health_check_path begins with / and has no spaces."
  }
}

variable "cpu" {
  description = "CPU units of a task; 1024 are one virtual CPU."
  type        = number
  default     = 256

  validation {
    condition     = contains([256, 512, 1024, 2048, 4096, 8192, 16384], var.cpu)
    error_message = "cpu is 256, 512, 1024, 2048, 4096, 8192 or 16384."
  }
}

variable "memory" {
  description = "Memory of a task in MiB; Fargate takes certain amounts for each cpu."
  type        = number
  default     = 512

  validation {
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size
    condition = contains(lookup({
      256   = [512, 1024, 2048]
      512   = range(1024, 4097, 1024)
      1024  = range(2048, 8193, 1024)
      2048  = range(4096, 16385, 1024)
      4096  = range(8192, 30721, 1024)
      8192  = range(16384, 61441, 4096)
      16384 = range(32768, 122881, 8192)
    }, var.cpu, [var.memory]), var.memory)
    error_message = "Fargate has no task of cpu = ${var.cpu} with memory = ${var.memory}. The pairs: https://docs.aws.amazon.com/AmazonECS/latest/developerguide/fargate-tasks-services.html#fargate-tasks-size"
  }
}

variable "cpu_architecture" {
  description = "Processor that the image is built for."
  type        = string
  default     = "X86_64"

  validation {
    condition     = contains(["X86_64", "ARM64"], var.cpu_architecture)
    error_message = "cpu_architecture is X86_64 or ARM64."
  }
}

variable "desired_count" {
  description = "Tasks that the pipeline asks for when it deploys. The service itself is made with none."
  type        = number
  default     = 1

  validation {
    condition     = var.desired_count >= 1 && floor(var.desired_count) == var.desired_count
    error_message = "desired_count is a whole number, at least 1."
  }
}

variable "environment_variables" {
  description = "Further environment variables of the application, such as SITE_TITLE. Nothing secret."
  type        = map(string)
  default     = {}
  nullable    = false

  validation {
    condition     = alltrue([for key in keys(var.environment_variables) : can(regex("^[A-Z][A-Z0-9_]*$", key))])
    error_message = "environment_variables have names of capital letters, digits and underscores."
  }

  validation {
    # ECS refuses a name that is both a variable and a secret, but not until a task definition is registered.
    condition     = alltrue([for key in keys(var.environment_variables) : !contains(keys(local.secrets), key)])
    error_message = "environment_variables holds a name that comes from the secret (${join(", ", keys(local.secrets))})."
  }
}

variable "admin_username" {
  description = "Name of the administrator that a release makes sure of."
  type        = string
  default     = "admin"

  validation {
    condition     = can(regex("^[A-Za-z0-9_@+.-]{1,150}$", var.admin_username))
    error_message = "admin_username takes up to 150 letters, digits and @ . + - _"
  }
}

variable "admin_email" {
  description = "Address of the administrator."
  type        = string
  default     = "admin@example.com"

  validation {
    condition     = can(regex("^[^@\\s]+@[^@\\s]+$", var.admin_email))
    error_message = "admin_email is an e-mail address."
  }
}

variable "execute_command" {
  description = "Allows `aws ecs execute-command` into tasks. Their root file system is then writable, which its agent needs."
  type        = bool
  default     = false
  nullable    = false
}

variable "container_insights" {
  description = "CloudWatch Container Insights of the cluster; costs by the metric."
  type        = string
  default     = "disabled"

  validation {
    condition     = contains(["disabled", "enabled", "enhanced"], var.container_insights)
    error_message = "container_insights is disabled, enabled or enhanced."
  }
}

variable "log_retention_days" {
  description = "Days that logs are kept."
  type        = number
  default     = 30

  validation {
    # https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_PutRetentionPolicy.html
    condition     = contains([1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653], var.log_retention_days)
    error_message = "log_retention_days is one of CloudWatch Logs' steps: 1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288 or 3653."
  }
}

variable "secrets_version" {
  description = "Raise it to have every generated value drawn anew, the database's password too. Running tasks keep the old ones: deploy right after."
  type        = number
  default     = 1

  validation {
    condition     = var.secrets_version >= 1 && floor(var.secrets_version) == var.secrets_version
    error_message = "secrets_version is a whole number, at least 1."
  }
}

variable "kms_key_arn" {
  description = "KMS key of your own for the secret and the database's storage; AWS's own without. Changing it replaces the database."
  type        = string
  default     = null

  validation {
    condition     = var.kms_key_arn == null || can(regex("^arn:aws[a-z-]*:kms:[a-z0-9-]+:[0-9]{12}:key/", var.kms_key_arn))
    error_message = "kms_key_arn is the ARN of a key, not of an alias: arn:aws:kms:…:key/…"
  }
}

# Database

variable "database_engine_version" {
  description = "MySQL version. Major and minor suffice: AWS then keeps the patch level up to date."
  type        = string
  default     = "8.4"

  validation {
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/MySQL.Concepts.VersionMgmt.html
    condition     = can(regex("^8\\.(0|4)(\\.[0-9]+)?$", var.database_engine_version))
    error_message = "database_engine_version is 8.0 or 8.4, with or without a patch level."
  }
}

variable "database_instance_class" {
  description = "Size of the database instance."
  type        = string
  default     = "db.t4g.micro"

  validation {
    condition     = can(regex("^db\\.[a-z0-9]+\\.[a-z0-9]+$", var.database_instance_class))
    error_message = "database_instance_class looks like db.t4g.micro."
  }
}

variable "database_allocated_storage" {
  description = "Storage of the database at first, in GiB."
  type        = number
  default     = 20

  validation {
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/CHAP_Storage.html#gp3-storage
    condition     = var.database_allocated_storage >= 20 && floor(var.database_allocated_storage) == var.database_allocated_storage
    error_message = "database_allocated_storage is at least 20 GiB, the least that gp3 takes."
  }
}

variable "database_max_allocated_storage" {
  description = "GiB up to which the database's storage grows by itself."
  type        = number
  default     = 100

  validation {
    condition     = var.database_max_allocated_storage > var.database_allocated_storage
    error_message = "database_max_allocated_storage is larger than database_allocated_storage (${var.database_allocated_storage})."
  }
}

variable "database_multi_az" {
  description = "Keeps a standby of the database in another zone."
  type        = bool
  default     = false
  nullable    = false
}

variable "database_backup_retention_days" {
  description = "Days that the database's automatic backups are kept."
  type        = number
  default     = 7

  validation {
    condition     = var.database_backup_retention_days >= (var.protect ? 1 : 0) && var.database_backup_retention_days <= 35
    error_message = "database_backup_retention_days is from 1 to 35; 0 turns backups off and needs protect = false."
  }
}

variable "database_performance_insights" {
  description = "Turns on Performance Insights, which the smallest instance classes lack."
  type        = bool
  default     = false
  nullable    = false
}

variable "database_apply_immediately" {
  description = "Changes the database at once, not in its maintenance window; some changes restart it."
  type        = bool
  default     = false
  nullable    = false
}

variable "database_log_exports" {
  description = "Logs of the database that go to CloudWatch."
  type        = set(string)
  default     = ["error", "slowquery"]

  validation {
    condition     = length(setsubtract(var.database_log_exports, ["audit", "error", "general", "slowquery"])) == 0
    error_message = "database_log_exports are of audit, error, general and slowquery."
  }
}
