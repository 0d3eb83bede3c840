resource "terraform_data" "this" {
  triggers_replace = ["v1"]

  lifecycle {
    create_before_destroy = true
  }
}
