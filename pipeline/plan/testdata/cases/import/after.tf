resource "terraform_data" "other" {
  input = "here before"
}

resource "terraform_data" "this" {
}

import {
  to = terraform_data.this
  id = "taken-over"
}
