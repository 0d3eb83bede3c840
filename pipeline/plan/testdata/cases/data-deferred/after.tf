resource "aws_ssm_parameter" "this" {
  name  = "/blog/dev/made"
  type  = "String"
  value = "made"
}

data "aws_ssm_parameter" "this" {
  name = aws_ssm_parameter.this.arn
}

resource "terraform_data" "this" {
  input = data.aws_ssm_parameter.this.insecure_value
}
