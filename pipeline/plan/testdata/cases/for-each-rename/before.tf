resource "terraform_data" "this" {
  for_each = toset(["api", "web"])
  input    = each.key
}
