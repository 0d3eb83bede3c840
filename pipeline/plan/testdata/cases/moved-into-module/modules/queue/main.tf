resource "terraform_data" "this" {
  input = "kept"
}
