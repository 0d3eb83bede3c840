resource "aws_ssm_parameter" "this" {
  name  = "/blog/dev/colour"
  type  = "String"
  value = "blue"

  tags = { Team = "web" }
}
