locals {
  # "8.4" of "8.4.7".
  major_version = regex("^[0-9]+\\.[0-9]+", var.engine_version)

  # Not the application's name, which may be a word that MySQL reserves ("order").
  database = "app"
}

resource "aws_security_group" "this" {
  name        = "${var.name}-database"
  description = "Database of ${var.name}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-database" }
}

resource "aws_db_subnet_group" "this" {
  name       = var.name
  subnet_ids = var.subnet_ids
}

resource "aws_db_parameter_group" "this" {
  # The version is part of the name because a change of it makes a new group, before the instance lets go of the old one.
  name   = "${var.name}-mysql${replace(local.major_version, ".", "-")}"
  family = "mysql${local.major_version}"

  parameter {
    name  = "character_set_server"
    value = "utf8mb4"
  }

  parameter {
    name  = "collation_server"
    value = "utf8mb4_0900_ai_ci"
  }

  # The application asks for TLS already; this keeps everybody else to it.
  parameter {
    name  = "require_secure_transport"
    value = "1"
  }

  # To a file, which is what reaches CloudWatch Logs; RDS may have it in a table.
  # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_LogAccess.MySQLDB.PublishtoCloudWatchLogs.html
  parameter {
    name  = "log_output"
    value = "FILE"
  }

  parameter {
    name  = "slow_query_log"
    value = "1"
  }

  parameter {
    name  = "long_query_time"
    value = "1"
  }

  lifecycle {
    create_before_destroy = true
  }
}

# RDS would make these itself, never to expire and never to be deleted.
resource "aws_cloudwatch_log_group" "this" {
  for_each = var.log_exports

  name              = "/aws/rds/instance/${var.name}/${each.key}"
  retention_in_days = var.log_retention_days
}

# Has the life of the instance: a snapshot's name must be new each time that an environment of this name is destroyed.
resource "terraform_data" "final_snapshot" {}

resource "aws_db_instance" "this" {
  identifier = var.name

  engine                      = "mysql"
  engine_version              = var.engine_version
  auto_minor_version_upgrade  = true
  allow_major_version_upgrade = false
  parameter_group_name        = aws_db_parameter_group.this.name
  instance_class              = var.instance_class
  multi_az                    = var.multi_az
  apply_immediately           = var.apply_immediately

  storage_type          = "gp3"
  storage_encrypted     = true
  kms_key_id            = var.kms_key_arn
  allocated_storage     = var.allocated_storage
  max_allocated_storage = var.max_allocated_storage

  # No port: MySQL's own, and the output passes on what the instance says.
  db_subnet_group_name   = aws_db_subnet_group.this.name
  vpc_security_group_ids = [aws_security_group.this.id]
  publicly_accessible    = false

  # The authority that new instances get is the account's default, which may be one that has expired by now.
  # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/UsingWithRDS.SSL.html
  ca_cert_identifier = "rds-ca-rsa2048-g1"

  db_name             = local.database
  username            = local.database
  password_wo         = var.password
  password_wo_version = var.password_version

  backup_retention_period   = var.backup_retention_days
  copy_tags_to_snapshot     = true
  deletion_protection       = var.deletion_protection
  delete_automated_backups  = !var.protect
  skip_final_snapshot       = !var.protect
  final_snapshot_identifier = var.protect ? "${var.name}-final-${terraform_data.final_snapshot.id}" : null

  performance_insights_enabled    = var.performance_insights
  enabled_cloudwatch_logs_exports = var.log_exports

  depends_on = [aws_cloudwatch_log_group.this]
}
