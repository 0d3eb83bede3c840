resource "terraform_data" "source" {
  input = "first"
}

resource "terraform_data" "this" {
  input = {
    id     = "fixed"
    list   = ["a", "b"]
    object = { id = "fixed", name = "blog" }
  }
}
