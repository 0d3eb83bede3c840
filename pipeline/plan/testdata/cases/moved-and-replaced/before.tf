resource "terraform_data" "old" {
  triggers_replace = "first"
}
