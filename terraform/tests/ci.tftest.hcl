mock_provider "aws" {
  mock_resource "aws_iam_openid_connect_provider" {
    defaults = { arn = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com" }
  }

  mock_resource "aws_iam_policy" {
    defaults = { arn = "arn:aws:iam::111122223333:policy/slipway/a" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/slipway/a" }
  }
}

variables {
  name         = "blog"
  environments = ["dev", "prod"]
  region       = "eu-central-1"
  account      = "111122223333"
  repository   = "octo-org/octo-repo"
  state_bucket = "slipway-state-111122223333-eu-central-1"
}

run "roles" {
  module {
    source = "./modules/ci"
  }

  assert {
    condition = { for key, role in aws_iam_role.this : key => "${role.path}${role.name}" } == {
      dev       = "/slipway/blog-dev-eu-central-1-deploy"
      dev-plan  = "/slipway/blog-dev-eu-central-1-plan"
      prod      = "/slipway/blog-prod-eu-central-1-deploy"
      prod-plan = "/slipway/blog-prod-eu-central-1-plan"
    }
    error_message = "There is not one role to plan and one to deploy for each environment."
  }

  assert {
    condition = alltrue([for key, role in aws_iam_role.this : jsondecode(role.assume_role_policy).Statement == [{
      Effect    = "Allow"
      Principal = { Federated = aws_iam_openid_connect_provider.this[0].arn }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = { StringEquals = {
        "token.actions.githubusercontent.com:aud" = "sts.amazonaws.com"
        "token.actions.githubusercontent.com:sub" = "repo:octo-org/octo-repo:environment:${key}"
      } }
    }]])
    error_message = "A role can be taken by others than the jobs of one GitHub environment."
  }

  assert {
    condition     = aws_iam_openid_connect_provider.this[0].url == "https://token.actions.githubusercontent.com" && aws_iam_openid_connect_provider.this[0].client_id_list == toset(["sts.amazonaws.com"])
    error_message = "The OIDC provider isn't GitHub's, or is for another audience."
  }
}

run "planning_changes_nothing" {
  module {
    source = "./modules/ci"
  }

  # What a plan writes are locks and leases, beside the state.
  assert {
    condition = alltrue([
      for statement in jsondecode(aws_iam_role_policy.this["dev-plan"].policy).Statement : alltrue([
        for action in flatten([statement.Action]) : can(regex(":(Get|List|Describe)", action)) || statement.Sid == "LockState"
      ])
    ])
    error_message = "The plan role may write."
  }

  assert {
    condition = one([
      for statement in jsondecode(aws_iam_role_policy.this["dev-plan"].policy).Statement : statement.Resource if statement.Sid == "LockState"
    ]) == "arn:aws:s3:::slipway-state-111122223333-eu-central-1/blog/dev/terraform.tfstate.*"
    error_message = "The plan role may write the state."
  }
}

run "a_role_is_for_one_environment" {
  module {
    source = "./modules/ci"
  }

  assert {
    condition = !strcontains(join("", [
      aws_iam_role_policy.this["dev"].policy, aws_iam_role_policy.this["dev-plan"].policy,
      aws_iam_policy.this["dev-application"].policy, aws_iam_policy.this["dev-verify"].policy,
    ]), "prod")
    error_message = "A role of dev reaches prod."
  }

  assert {
    condition = alltrue(flatten([
      for statement in jsondecode(aws_iam_role_policy.this["dev"].policy).Statement : [
        for resource in flatten([statement.Resource]) : resource != "*" && !strcontains(resource, ":role/slipway/") && !startswith(resource, "arn:aws:iam::111122223333:role/*")
      ] if anytrue([for action in flatten([statement.Action]) : startswith(action, "iam:")])
    ]))
    error_message = "A deploy role may change itself."
  }

  assert {
    condition     = keys(aws_iam_role_policy_attachment.this) == ["dev-application", "dev-verify", "prod-application", "prod-verify"]
    error_message = "A deploy role lacks what a deployment needs."
  }
}

run "policies_fit" {
  module {
    source = "./modules/ci"
  }

  # The longest names that terraform/ takes, in the region and the partition with the longest names.
  variables {
    name              = "a-blog-of-twenty-two-c"
    environments      = ["dev"]
    region            = "ap-southeast-2"
    partition         = "aws-us-gov"
    state_bucket      = "a-state-bucket-whose-name-is-as-long-as-one-in-s3-can-possibly-b"
    state_kms_key_arn = "arn:aws-us-gov:kms:ap-southeast-2:111122223333:key/00000000-0000-0000-0000-000000000000"
    lock_table        = "slipway-locks"
  }

  # https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html
  assert {
    condition     = alltrue([for policy in aws_iam_role_policy.this : length(policy.policy) <= 10240])
    error_message = "An inline policy is longer than a role takes."
  }

  assert {
    condition     = alltrue([for policy in aws_iam_policy.this : length(policy.policy) <= 6144])
    error_message = "A managed policy is longer than IAM takes."
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.this : length(role.name) <= 64])
    error_message = "A role's name is longer than IAM takes."
  }
}

run "options" {
  module {
    source = "./modules/ci"
  }

  variables {
    repository               = "octo-org@123456/octo-repo@456789"
    oidc_provider_arn        = "arn:aws:iam::111122223333:oidc-provider/token.actions.githubusercontent.com"
    permissions_boundary_arn = "arn:aws:iam::111122223333:policy/boundary"
    max_session_duration     = 7200
    state_kms_key_arn        = "arn:aws:kms:eu-central-1:111122223333:key/1"
    lock_table               = "slipway-locks"
    deploy_policy_arns       = ["arn:aws:iam::111122223333:policy/more"]
  }

  assert {
    condition     = length(aws_iam_openid_connect_provider.this) == 0 && output.oidc_provider_arn == var.oidc_provider_arn
    error_message = "A second provider is made, which IAM refuses."
  }

  assert {
    condition     = alltrue([for role in aws_iam_role.this : role.permissions_boundary == var.permissions_boundary_arn && role.max_session_duration == 7200])
    error_message = "A role isn't bounded, or ends too early."
  }

  assert {
    condition     = jsondecode(aws_iam_role.this["dev"].assume_role_policy).Statement[0].Condition.StringEquals["token.actions.githubusercontent.com:sub"] == "repo:octo-org@123456/octo-repo@456789:environment:dev"
    error_message = "The ids aren't in the sub."
  }

  assert {
    condition = alltrue([for policy in aws_iam_role_policy.this : length(setintersection(
      jsondecode(policy.policy).Statement[*].Sid, ["StateKey", "LockTable", "LocksOfThisEnvironment"],
    )) == 3])
    error_message = "A role can't read the encrypted state, or can't lock it in the table."
  }

  assert {
    condition     = keys(aws_iam_role_policy_attachment.further) == ["dev arn:aws:iam::111122223333:policy/more", "prod arn:aws:iam::111122223333:policy/more"]
    error_message = "The further policy isn't attached to the deploy roles alone."
  }
}

run "every_repository" {
  command = plan

  module {
    source = "./modules/ci"
  }

  variables {
    repository   = "octo-org/*"
    environments = ["*"]
  }

  expect_failures = [var.repository, var.environments]
}

run "more_of_the_sub_than_a_repository" {
  command = plan

  module {
    source = "./modules/ci"
  }

  variables {
    repository = "octo-org/octo-repo:ref"
  }

  expect_failures = [var.repository]
}

run "ids_of_the_owner_alone" {
  command = plan

  module {
    source = "./modules/ci"
  }

  variables {
    repository = "octo-org@123456/octo-repo"
  }

  expect_failures = [var.repository]
}

run "an_environment_called_like_anothers_plan" {
  command = plan

  module {
    source = "./modules/ci"
  }

  variables {
    environments = ["dev", "dev-plan"]
  }

  expect_failures = [var.environments]
}

run "values_that_aws_would_refuse" {
  command = plan

  module {
    source = "./modules/ci"
  }

  variables {
    oidc_provider_arn    = "arn:aws:iam::111122223333:oidc-provider/example.com"
    max_session_duration = 60
  }

  expect_failures = [var.oidc_provider_arn, var.max_session_duration]
}
