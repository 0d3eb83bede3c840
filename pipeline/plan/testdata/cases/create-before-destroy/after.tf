resource "terraform_data" "this" {
  triggers_replace = ["v2"]

  lifecycle {
    create_before_destroy = true
  }
}
