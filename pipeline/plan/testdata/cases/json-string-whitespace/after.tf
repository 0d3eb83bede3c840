resource "terraform_data" "this" {
  input = "{\"b\":[1,2],\"a\":1}"
}
