variable "databases" {
  type = map(object({ storage = number }))
}

resource "aws_db_instance" "this" {
  for_each = var.databases

  identifier              = "blog-${replace(each.key, ".", "-")}"
  engine                  = "mysql"
  engine_version          = "8.0.45"
  instance_class          = "db.t4g.micro"
  allocated_storage       = each.value.storage
  backup_retention_period = 1
  skip_final_snapshot     = true
  username                = "admin"
  password_wo             = "write-only-database"
  password_wo_version     = 1
}
