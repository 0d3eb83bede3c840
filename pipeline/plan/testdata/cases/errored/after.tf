resource "terraform_data" "this" {
  input = "second"
}

resource "terraform_data" "refused" {
  lifecycle {
    precondition {
      condition     = terraform_data.this.input == "first"
      error_message = "This can't be planned."
    }
  }
}
