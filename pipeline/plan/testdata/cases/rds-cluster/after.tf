resource "aws_rds_cluster" "this" {
  cluster_identifier      = "blog-dev"
  engine                  = "aurora-mysql"
  engine_version          = "8.0.mysql_aurora.3.08.2"
  master_username         = "root"
  master_password         = "cluster-password-second"
  backup_retention_period = 1
  deletion_protection     = false
  skip_final_snapshot     = true
}
