resource "aws_secretsmanager_secret" "this" {
  name       = var.name
  kms_key_id = var.kms_key_arn

  # Without a window the name is free again at once, for the next throw-away environment.
  recovery_window_in_days = var.protect ? 30 : 0
}

# Ephemeral, and stored through a write-only argument: the values reach neither state nor plan.
ephemeral "aws_secretsmanager_random_password" "this" {
  for_each = var.lengths

  # Only letters and digits, which need no quoting anywhere: the least is 190 bits.
  exclude_punctuation = true

  # The ARN is known once the secret exists. Until then there is nothing to draw for, so the plan of an environment that
  # isn't there yet asks AWS for nothing (nor does `terraform test`, whose mocks don't cover ephemeral resources).
  password_length = aws_secretsmanager_secret.this.arn == "" ? 0 : each.value
}

resource "aws_secretsmanager_secret_version" "this" {
  secret_id                = aws_secretsmanager_secret.this.id
  secret_string_wo         = jsonencode({ for key, drawn in ephemeral.aws_secretsmanager_random_password.this : key => drawn.random_password })
  secret_string_wo_version = var.values_version
}

# What was stored, not what has just been drawn: that differs in every run. After an apply that failed between the secret
# and the database, the next one would otherwise make a database whose password nobody has.
ephemeral "aws_secretsmanager_secret_version" "this" {
  # The version's ARN, not the secret's: a secret that has no value yet can't be read.
  secret_id = aws_secretsmanager_secret_version.this.arn
}
