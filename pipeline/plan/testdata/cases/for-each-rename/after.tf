resource "terraform_data" "this" {
  for_each = toset(["backend", "web"])
  input    = each.key
}
