removed {
  from = aws_db_instance.this

  lifecycle {
    destroy = false
  }
}
