variable "token" {
  type      = string
  sensitive = true
  default   = "tok-7f3a9c51"
}

resource "terraform_data" "this" {
  for_each = { plain = "first" }
  input    = { token = var.token, note = "first" }
}
