resource "terraform_data" "this" {
  input = { a = { b = { c = { d = { e = { f = [[[{ g = "first", kept = 1 }]]] } } } } } }
}
