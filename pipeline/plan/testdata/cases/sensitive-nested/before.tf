variable "password" {
  type      = string
  sensitive = true
  default   = "hunter2-first"
}

resource "terraform_data" "this" {
  input = {
    user     = "blog"
    password = var.password
    url      = "mysql://blog:${var.password}@db.internal/blog"
    list     = ["plain", var.password]
    nested   = { deeper = { token = sensitive("tok-first"), open = 1 } }
  }
}
