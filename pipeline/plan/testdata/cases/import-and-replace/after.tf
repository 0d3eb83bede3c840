resource "terraform_data" "this" {
  triggers_replace = "new"
}

import {
  to = terraform_data.this
  id = "taken-over"
}
