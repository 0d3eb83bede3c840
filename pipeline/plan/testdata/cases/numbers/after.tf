resource "terraform_data" "this" {
  input = { big = 12345678901234567891, small = 0.10000000000000001, negative = -2, exponent = 1e31, text = 1 }
}
