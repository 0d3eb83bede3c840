resource "terraform_data" "this" {
  input = { a = ["text"], b = { x = true }, c = "v", d = "true" }
}
