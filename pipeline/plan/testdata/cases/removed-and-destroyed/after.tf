removed {
  from = terraform_data.this

  lifecycle {
    destroy = true
  }
}
