resource "aws_db_instance" "this" {
  identifier              = "blog-dev"
  engine                  = "mysql"
  engine_version          = "8.0.45"
  instance_class          = "db.t4g.micro"
  allocated_storage       = 50
  storage_encrypted       = true
  backup_retention_period = 7
  deletion_protection     = true
  skip_final_snapshot     = true
  username                = "admin"
  password_wo             = "write-only-database"
  password_wo_version     = 1
}
