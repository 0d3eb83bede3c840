resource "terraform_data" "this" {
  for_each = toset(["a", "b"])
  input    = "worker ${each.key}"
}
