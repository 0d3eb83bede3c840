resource "terraform_data" "this" {
  input = { value = sensitive("hidden-from-now-on"), size = 1 }
}
