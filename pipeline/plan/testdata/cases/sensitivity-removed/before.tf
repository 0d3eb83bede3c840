resource "terraform_data" "this" {
  input = { value = sensitive("was-hidden-before"), size = 1 }
}
