# One of everything; changes of the database don't wait for its maintenance window.
nat                        = "single"
desired_count              = 1
log_retention_days         = 14
database_apply_immediately = true
