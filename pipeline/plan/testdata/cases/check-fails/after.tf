resource "terraform_data" "this" {
  input = 1
}

check "size" {
  assert {
    condition     = local.size < 2
    error_message = "The size is ${local.size}, which | is `too` large."
  }
}

check "later" {
  assert {
    condition     = terraform_data.later.id != ""
    error_message = "Known after apply only."
  }
}

resource "terraform_data" "later" {
  lifecycle {
    postcondition {
      condition     = self.id != ""
      error_message = "It has no id."
    }
  }
}

locals {
  size = 3
}
