removed {
  from = aws_kms_key.this

  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_secretsmanager_secret.this

  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_ecr_repository.this

  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_cloudwatch_log_group.this

  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_eip.this

  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_route53_zone.this

  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_dynamodb_table.this

  lifecycle {
    destroy = false
  }
}

removed {
  from = aws_efs_file_system.this

  lifecycle {
    destroy = false
  }
}
