resource "terraform_data" "this" {
  input = { a = "text", b = ["x"], c = { k = "v" }, d = true }
}
