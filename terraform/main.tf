data "aws_caller_identity" "this" {}

# Every name is made here, and only from these.
locals {
  prefix = "${var.name}-${var.environment}"

  # The service, its container and the argument that makes the image's entry point start it.
  service = "web"

  # The argument with which the same image migrates the database and ends.
  migration_command = ["release"]

  # Values generated once and kept in the application's secret, by the environment variable that carries each, with lengths.
  # RDS takes at most 41 characters for a MySQL password.
  # https://docs.aws.amazon.com/AmazonRDS/latest/APIReference/API_CreateDBInstance.html
  secrets = {
    SECRET_KEY        = 64
    DATABASE_PASSWORD = 40
    ADMIN_PASSWORD    = 32
  }

  tags = {
    Application = var.name
    Environment = var.environment
    ManagedBy   = "terraform"
  }

  deletion_protection = coalesce(var.deletion_protection, var.protect)

  url = (
    var.certificate_arn != null ? "https://${var.domain}" :
    var.domain != null ? "http://${var.domain}" :
    "http://${module.load_balancer.dns_name}"
  )

  # What the application reads. A value made here goes before one of the same name in var.environment_variables.
  environment_variables = merge(var.environment_variables, {
    ENVIRONMENT    = var.environment
    PORT           = tostring(var.container_port)
    SITE_URL       = local.url
    ALLOWED_HOSTS  = join(",", compact([module.load_balancer.dns_name, var.domain]))
    HTTPS          = var.certificate_arn != null ? "on" : "off"
    DATABASE_HOST  = module.database.address
    DATABASE_PORT  = tostring(module.database.port)
    DATABASE_NAME  = module.database.database
    DATABASE_USER  = module.database.username
    ADMIN_USERNAME = var.admin_username
    ADMIN_EMAIL    = var.admin_email
  })
}

module "network" {
  source = "./modules/network"

  name               = local.prefix
  cidr               = var.vpc_cidr
  availability_zones = var.availability_zones
  nat                = var.nat

  # What a task needs to start and to log: its image, its log group, its secret. ssm is for a value in Parameter Store.
  # https://docs.aws.amazon.com/AmazonECR/latest/userguide/vpc-endpoints.html#ecr-setting-up-vpc-create
  endpoints = concat(
    ["ecr.api", "ecr.dkr", "logs", "secretsmanager", "ssm"],
    var.execute_command ? ["ssmmessages"] : [],
  )
}

module "load_balancer" {
  source = "./modules/load-balancer"

  name              = local.prefix
  vpc_id            = module.network.vpc_id
  subnet_ids        = module.network.public_subnet_ids
  target_port       = var.container_port
  health_check_path = var.health_check_path
  certificate_arn   = var.certificate_arn

  deletion_protection = local.deletion_protection
}

module "secrets" {
  source = "./modules/secrets"

  name           = "${var.name}/${var.environment}/app"
  lengths        = local.secrets
  values_version = var.secrets_version
  kms_key_arn    = var.kms_key_arn
  protect        = var.protect
}

module "database" {
  source = "./modules/database"

  name                  = local.prefix
  vpc_id                = module.network.vpc_id
  subnet_ids            = module.network.private_subnet_ids
  password              = module.secrets.values["DATABASE_PASSWORD"]
  password_version      = var.secrets_version
  engine_version        = var.database_engine_version
  instance_class        = var.database_instance_class
  allocated_storage     = var.database_allocated_storage
  max_allocated_storage = var.database_max_allocated_storage
  multi_az              = var.database_multi_az
  backup_retention_days = var.database_backup_retention_days
  performance_insights  = var.database_performance_insights
  apply_immediately     = var.database_apply_immediately
  log_exports           = var.database_log_exports
  log_retention_days    = var.log_retention_days
  kms_key_arn           = var.kms_key_arn
  protect               = var.protect
  deletion_protection   = local.deletion_protection
}

module "service" {
  source = "./modules/service"

  name             = local.prefix
  service          = local.service
  command          = [local.service]
  region           = var.region
  account          = data.aws_caller_identity.this.account_id
  vpc_id           = module.network.vpc_id
  subnet_ids       = module.network.private_subnet_ids
  target_group_arn = module.load_balancer.target_group_arn
  container_port   = var.container_port

  cpu                = var.cpu
  memory             = var.memory
  cpu_architecture   = var.cpu_architecture
  execute_command    = var.execute_command
  container_insights = var.container_insights

  log_group          = "/slipway/${var.name}/${var.environment}"
  log_retention_days = var.log_retention_days
  kms_key_arn        = var.kms_key_arn
  protect            = var.protect

  secret_arn  = module.secrets.arn
  secret_keys = keys(local.secrets)
  environment = local.environment_variables
}
