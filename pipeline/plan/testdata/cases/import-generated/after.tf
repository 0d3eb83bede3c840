import {
  to = aws_ssm_parameter.this
  id = "/blog/dev/found"
}
