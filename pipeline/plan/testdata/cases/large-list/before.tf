resource "terraform_data" "this" {
  input = tolist([for i in range(200) : "item ${i}" if i != 50])
}
