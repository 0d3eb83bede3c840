removed {
  from = aws_cloudwatch_log_group.old

  lifecycle {
    destroy = false
  }
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/slipway/blog/import"
  retention_in_days = 30
}

import {
  to = aws_cloudwatch_log_group.this
  id = "/slipway/blog/import"
}
