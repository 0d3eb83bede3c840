resource "terraform_data" "this" {
  input = "no longer JSON"
}
