resource "terraform_data" "this" {
  input = tolist([])
}

resource "terraform_data" "other" {
  input = ""
}
