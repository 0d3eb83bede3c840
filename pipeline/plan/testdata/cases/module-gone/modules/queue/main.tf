resource "terraform_data" "this" {
  count = 2
  input = "goes with its module"
}
