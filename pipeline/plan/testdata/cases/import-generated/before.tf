resource "aws_cloudwatch_log_group" "this" {
  name              = "/blog/dev/found"
  retention_in_days = 30
}
