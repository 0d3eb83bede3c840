resource "terraform_data" "this" {
  input = {
    name    = "blog"
    size    = 2
    enabled = true
    nothing = null
    zones   = ["a", "b"]
    labels  = { team = "web", "cost centre" = "42" }
  }
}
