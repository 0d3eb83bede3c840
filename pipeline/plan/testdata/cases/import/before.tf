resource "terraform_data" "other" {
  input = "here before"
}
