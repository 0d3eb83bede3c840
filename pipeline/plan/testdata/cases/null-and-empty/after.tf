resource "terraform_data" "this" {
  input = { a = "", b = null, c = {}, d = [], e = "", f = [], g = null, h = null, i = null }
}
