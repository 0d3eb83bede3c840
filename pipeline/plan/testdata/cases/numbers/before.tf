resource "terraform_data" "this" {
  input = { big = 12345678901234567890, small = 0.1, negative = -1, exponent = 1e30, text = "1" }
}
