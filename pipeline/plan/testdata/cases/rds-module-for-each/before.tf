module "stack" {
  source    = "./modules/stack"
  for_each  = { "dev.eu" = { "v1.main" = { storage = 20 }, "v1.audit" = { storage = 20 } } }
  databases = each.value
}
