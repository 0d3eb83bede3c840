resource "terraform_data" "this" {
  input = "set by the first apply"
}

import {
  to = terraform_data.this
  id = "taken-over"
}
