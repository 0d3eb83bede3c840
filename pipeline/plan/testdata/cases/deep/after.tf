resource "terraform_data" "this" {
  input = { a = { b = { c = { d = { e = { f = [[[{ g = "second", kept = 1 }]]] } } } } } }
}
