resource "terraform_data" "this" {
  count = 5
  input = "worker ${count.index}"
}
