resource "terraform_data" "this" {
  input = {
    name    = "blog"
    size    = 3
    enabled = true
    nothing = null
    zones   = ["a", "c", "b"]
    labels  = { team = "web", "cost centre" = "43" }
  }
}
