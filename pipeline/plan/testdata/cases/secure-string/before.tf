resource "aws_ssm_parameter" "this" {
  name  = "/blog/dev/password"
  type  = "SecureString"
  value = "secure-string-first"
}
