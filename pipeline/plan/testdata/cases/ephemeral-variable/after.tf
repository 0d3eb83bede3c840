variable "session" {
  type      = string
  ephemeral = true
  default   = "ephemeral-session-value"
}

resource "terraform_data" "this" {
  input = "second"

  provisioner "local-exec" {
    command     = "true"
    environment = { SESSION = var.session }
  }
}
