resource "terraform_data" "this" {
  triggers_replace = ["v1"]

  provisioner "local-exec" {
    when    = destroy
    command = "exit 1"
  }

  lifecycle {
    create_before_destroy = true
  }
}
