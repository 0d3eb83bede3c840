resource "terraform_data" "this" {
  input = "goes"
}
