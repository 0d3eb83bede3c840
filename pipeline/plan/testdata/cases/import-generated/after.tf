import {
  to = aws_cloudwatch_log_group.this
  id = "/blog/dev/found"
}
