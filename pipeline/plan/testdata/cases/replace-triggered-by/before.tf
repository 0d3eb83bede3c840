resource "terraform_data" "image" {
  input = "blog:1"
}

resource "terraform_data" "service" {
  input = "blog"

  lifecycle {
    replace_triggered_by = [terraform_data.image]
  }
}
