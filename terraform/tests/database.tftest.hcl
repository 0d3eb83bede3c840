mock_provider "aws" {}

variables {
  name                  = "blog-dev"
  vpc_id                = "vpc-1"
  subnet_ids            = ["subnet-1", "subnet-2"]
  password              = "generated"
  password_version      = 1
  engine_version        = "8.4.7"
  instance_class        = "db.t4g.micro"
  allocated_storage     = 20
  max_allocated_storage = 100
  multi_az              = false
  backup_retention_days = 7
  performance_insights  = false
  apply_immediately     = false
  log_exports           = ["error"]
  log_retention_days    = 30
  protect               = true
  deletion_protection   = true
}

run "protected" {
  command = apply

  module {
    source = "./modules/database"
  }

  assert {
    condition     = aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot && !aws_db_instance.this.delete_automated_backups
    error_message = "The database can be lost."
  }

  assert {
    condition     = startswith(aws_db_instance.this.final_snapshot_identifier, "blog-dev-final-")
    error_message = "The final snapshot has no name."
  }

  assert {
    condition     = aws_db_instance.this.storage_encrypted && !aws_db_instance.this.publicly_accessible
    error_message = "The database is encrypted, and private."
  }

  assert {
    condition     = aws_db_instance.this.password == null && aws_db_instance.this.password_wo == null
    error_message = "The password is in the state."
  }

  assert {
    condition     = aws_db_parameter_group.this.family == "mysql8.4"
    error_message = "The parameter group is of another version than the database."
  }

  assert {
    condition     = keys(aws_cloudwatch_log_group.this) == ["error"] && aws_cloudwatch_log_group.this["error"].name == "/aws/rds/instance/blog-dev/error"
    error_message = "RDS would make the log group itself, to be kept for ever."
  }
}

# What is applied before a protected environment is taken away.
run "about_to_go" {
  command = apply

  module {
    source = "./modules/database"
  }

  variables {
    deletion_protection = false
  }

  assert {
    condition     = !aws_db_instance.this.deletion_protection && !aws_db_instance.this.skip_final_snapshot && !aws_db_instance.this.delete_automated_backups
    error_message = "The database can't be deleted, or is without a final snapshot."
  }
}

run "thrown_away" {
  command = plan

  module {
    source = "./modules/database"
  }

  variables {
    protect             = false
    deletion_protection = false
  }

  assert {
    condition     = !aws_db_instance.this.deletion_protection && aws_db_instance.this.skip_final_snapshot && aws_db_instance.this.delete_automated_backups
    error_message = "Something of the database stays behind."
  }
}
