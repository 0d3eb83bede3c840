module "queue" {
  source   = "./modules/queue"
  for_each = toset(["eu-central-1.a", "eu-central-1.b"])
}

moved {
  from = terraform_data.this[0]
  to   = module.queue["eu-central-1.a"].terraform_data.this
}

moved {
  from = terraform_data.this[1]
  to   = module.queue["eu-central-1.b"].terraform_data.this
}
