variable "token" {
  type      = string
  sensitive = true
  default   = "tok-7f3a9c51"
}

resource "terraform_data" "this" {
  for_each = { plain = "first", "for-${nonsensitive(var.token)}" = "second" }
  input = {
    token   = var.token
    note    = "the token is ${nonsensitive(var.token)}, said in the open"
    encoded = base64encode("user:${nonsensitive(var.token)}")
  }
}

output "hint" {
  value = "https://example.com/?t=${nonsensitive(var.token)}"
}
