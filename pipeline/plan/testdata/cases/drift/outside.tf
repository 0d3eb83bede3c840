resource "aws_ssm_parameter" "this" {
  name  = "/blog/dev/colour"
  type  = "String"
  value = "red"

  tags = { Team = "web", Owner = "somebody" }
}

resource "aws_ssm_parameter" "size" {
  name  = "/blog/dev/size"
  type  = "String"
  value = "2"
}
