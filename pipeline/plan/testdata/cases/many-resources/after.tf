resource "terraform_data" "this" {
  count = 120
  input = { index = count.index, text = "worker ${count.index}" }
}
