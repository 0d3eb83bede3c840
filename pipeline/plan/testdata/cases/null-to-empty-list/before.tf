resource "terraform_data" "this" {
  input = tolist(["only"])
}

resource "terraform_data" "other" {
}
