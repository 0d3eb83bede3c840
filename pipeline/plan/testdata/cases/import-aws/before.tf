resource "aws_cloudwatch_log_group" "old" {
  name = "/slipway/blog/import"
}
