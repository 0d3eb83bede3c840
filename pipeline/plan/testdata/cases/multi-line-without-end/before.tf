resource "terraform_data" "this" {
  input = "first\nsecond\n"
}
