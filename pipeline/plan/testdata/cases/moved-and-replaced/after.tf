resource "terraform_data" "new" {
  triggers_replace = "second"
}

moved {
  from = terraform_data.old
  to   = terraform_data.new
}
