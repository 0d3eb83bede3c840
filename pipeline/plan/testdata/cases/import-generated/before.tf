resource "aws_ssm_parameter" "this" {
  name  = "/blog/dev/found"
  type  = "String"
  value = "found"
}
