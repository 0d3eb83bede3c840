resource "terraform_data" "this" {
  input = { value = "hidden-from-now-on", size = 1 }
}
