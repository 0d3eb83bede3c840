variable "session" {
  type      = string
  ephemeral = true
  default   = "ephemeral-session-value"
}

resource "terraform_data" "this" {
  input = "first"
}
