locals {
  issuer   = "token.actions.githubusercontent.com"
  provider = var.oidc_provider_arn != null ? var.oidc_provider_arn : aws_iam_openid_connect_provider.this[0].arn

  # Exactly one GitHub environment each, so that its protection rules hold for whoever takes the role. With a pattern here
  # every workflow of the repository, those of pull requests too, could take it.
  roles = merge(
    { for name in var.environments : "${name}-plan" => { environment = name, kind = "plan", policy = "plan" } },
    { for name in var.environments : name => { environment = name, kind = "deploy", policy = "infrastructure" } },
  )

  # The policies of docs/iam.md, for one environment each.
  values = {
    for name in var.environments : name => {
      partition    = var.partition
      account      = var.account
      region       = var.region
      name         = var.name
      environment  = name
      state_bucket = var.state_bucket
    }
  }

  state_key = var.state_kms_key_arn == null ? [] : [{
    Sid       = "StateKey"
    Effect    = "Allow"
    Action    = ["kms:Decrypt", "kms:GenerateDataKey"]
    Resource  = var.state_kms_key_arn
    Condition = { StringEquals = { "kms:ViaService" = "s3.${var.region}.amazonaws.com" } }
  }]

  lock_table_arn = "arn:${var.partition}:dynamodb:${var.region}:${var.account}:table/${coalesce(var.lock_table, "none")}"
  lock_table = {
    for name in var.environments : name => [
      for statement in [
        {
          Sid      = "LockTable"
          Effect   = "Allow"
          Action   = "dynamodb:DescribeTable"
          Resource = local.lock_table_arn
        },
        {
          Sid      = "LocksOfThisEnvironment"
          Effect   = "Allow"
          Action   = ["dynamodb:DeleteItem", "dynamodb:GetItem", "dynamodb:PutItem"]
          Resource = local.lock_table_arn
          # The lock's item is named like the state's object, and the checksum's with more behind it.
          Condition = {
            "ForAllValues:StringLike" = { "dynamodb:LeadingKeys" = "${var.state_bucket}/${var.name}/${name}/*" }
          }
        },
      ] : statement if var.lock_table != null
    ]
  }
}

resource "aws_iam_openid_connect_provider" "this" {
  count = var.oidc_provider_arn == null ? 1 : 0

  # AWS knows GitHub's certificate authority, and so needs no thumbprint.
  # https://docs.aws.amazon.com/IAM/latest/UserGuide/id_roles_providers_create_oidc_verify-thumbprint.html
  url            = "https://${local.issuer}"
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "this" {
  for_each = local.roles

  name        = "${var.name}-${each.value.environment}-${var.region}-${each.value.kind}"
  description = "Lets GitHub Actions ${each.value.kind} ${var.name}-${each.value.environment}"

  # A deploy role may change the roles of its environment, which have no path. It must not change itself.
  path                 = "/slipway/"
  max_session_duration = var.max_session_duration
  permissions_boundary = var.permissions_boundary_arn

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = local.provider }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          "${local.issuer}:aud" = "sts.amazonaws.com"
          "${local.issuer}:sub" = "repo:${var.repository}:environment:${each.key}"
        }
      }
    }]
  })
}

# Inline, of which a role takes 10,240 characters in all: what an apply needs fills more than the 6,144 of a managed policy.
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
resource "aws_iam_role_policy" "this" {
  for_each = local.roles

  name = each.value.policy
  role = aws_iam_role.this[each.key].name

  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      jsondecode(templatefile("${path.module}/policies/${each.value.policy}.json.tftpl", local.values[each.value.environment])).Statement,
      local.state_key,
      local.lock_table[each.value.environment],
    )
  })
}

locals {
  # What a deploy role needs beside it, which has no room there.
  managed = {
    for pair in setproduct(var.environments, ["application", "verify"]) : "${pair[0]}-${pair[1]}" => { environment = pair[0], policy = pair[1] }
  }
}

resource "aws_iam_policy" "this" {
  for_each = local.managed

  name        = "${var.name}-${each.value.environment}-${var.region}-${each.value.policy}"
  path        = "/slipway/"
  description = "docs/iam.md: ${each.value.policy}, of ${var.name}-${each.value.environment}"
  policy      = jsonencode(jsondecode(templatefile("${path.module}/policies/${each.value.policy}.json.tftpl", local.values[each.value.environment])))
}

resource "aws_iam_role_policy_attachment" "this" {
  for_each = local.managed

  role       = aws_iam_role.this[each.value.environment].name
  policy_arn = aws_iam_policy.this[each.key].arn
}

resource "aws_iam_role_policy_attachment" "further" {
  for_each = {
    for pair in setproduct(var.environments, var.deploy_policy_arns) : "${pair[0]} ${pair[1]}" => { environment = pair[0], arn = pair[1] }
  }

  role       = aws_iam_role.this[each.value.environment].name
  policy_arn = each.value.arn
}
