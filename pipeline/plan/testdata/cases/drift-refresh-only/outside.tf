resource "aws_ssm_parameter" "this" {
  name  = "/blog/dev/colour"
  type  = "String"
  value = "red"

  tags = { Team = "web", Owner = "somebody" }
}
