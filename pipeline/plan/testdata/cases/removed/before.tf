resource "terraform_data" "let_go" {
  input = "kept outside of Terraform"
}

resource "terraform_data" "this" {
  input = "stays"
}
