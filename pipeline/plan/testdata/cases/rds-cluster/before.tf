resource "aws_rds_cluster" "this" {
  cluster_identifier      = "blog-dev"
  engine                  = "aurora-mysql"
  engine_version          = "8.0.mysql_aurora.3.08.2"
  master_username         = "admin"
  master_password         = "cluster-password-first"
  backup_retention_period = 7
  deletion_protection     = true
  skip_final_snapshot     = true
}
