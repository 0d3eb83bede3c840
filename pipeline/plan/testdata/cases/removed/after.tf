resource "terraform_data" "this" {
  input = "stays"
}

removed {
  from = terraform_data.let_go

  lifecycle {
    destroy = false
  }
}
