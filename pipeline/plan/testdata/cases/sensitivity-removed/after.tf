resource "terraform_data" "this" {
  input = { value = "was-hidden-before", size = 1 }
}
