resource "terraform_data" "this" {
  count = 4
  input = "worker ${count.index}"
}
