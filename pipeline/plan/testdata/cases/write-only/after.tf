resource "aws_ssm_parameter" "this" {
  name             = "/blog/dev/password"
  type             = "SecureString"
  value_wo         = "write-only-second"
  value_wo_version = 2
}

resource "aws_secretsmanager_secret" "this" {
  name = "blog/dev/app"
}

resource "aws_secretsmanager_secret_version" "this" {
  secret_id                = aws_secretsmanager_secret.this.id
  secret_string_wo         = jsonencode({ PASSWORD = "write-only-second" })
  secret_string_wo_version = 2
}
