resource "terraform_data" "new" {
  input = "second"
}

moved {
  from = terraform_data.old
  to   = terraform_data.new
}
