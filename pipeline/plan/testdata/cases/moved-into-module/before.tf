resource "terraform_data" "this" {
  count = 2
  input = "kept"
}
