# Survives the loss of an availability zone. With domain and certificate_arn, which are yours to add, it speaks HTTPS.
nat           = "per-az"
desired_count = 2
cpu           = 512
memory        = 1024

container_insights = "enabled"
log_retention_days = 90

database_instance_class        = "db.t4g.small"
database_multi_az              = true
database_backup_retention_days = 14
