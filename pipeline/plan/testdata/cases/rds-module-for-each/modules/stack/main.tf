variable "databases" {
  type = map(object({ storage = number }))
}

module "database" {
  source    = "../database"
  databases = var.databases
}
