# Thrown away after the run that made it.
protect                        = false
nat                            = "single"
log_retention_days             = 1
database_backup_retention_days = 0
database_apply_immediately     = true

# The emulator forgets that it was asked for these, and every later plan would ask again.
database_log_exports = []
