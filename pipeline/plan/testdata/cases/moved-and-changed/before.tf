resource "terraform_data" "old" {
  input = "first"
}
