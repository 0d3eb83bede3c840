resource "aws_ssm_parameter" "this" {
  name  = "/blog/dev/colour"
  type  = "String"
  value = "green"

  tags = { Team = "web" }
}

resource "aws_ssm_parameter" "size" {
  name  = "/blog/dev/size"
  type  = "String"
  value = "3"
}
