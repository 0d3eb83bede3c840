resource "terraform_data" "this" {
  input = 1
}

check "size" {
  assert {
    condition     = terraform_data.this.input < 2
    error_message = "The size is ${terraform_data.this.input}, which | is `too` large."
  }
}
