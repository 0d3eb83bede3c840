resource "terraform_data" "this" {
  input = { a = null, b = "", c = [], d = {}, e = "text", f = ["x"], g = 0, h = false }
}
