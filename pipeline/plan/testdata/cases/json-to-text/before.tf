resource "terraform_data" "this" {
  input = jsonencode({ a = 1 })
}
