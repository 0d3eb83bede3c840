mock_provider "aws" {
  mock_resource "aws_ecr_repository" {
    defaults = {
      arn            = "arn:aws:ecr:eu-central-1:111122223333:repository/journal-dev"
      repository_url = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/journal-dev"
    }
  }

  mock_resource "aws_cloudwatch_log_group" {
    defaults = { arn = "arn:aws:logs:eu-central-1:111122223333:log-group:/slipway/journal/dev" }
  }

  mock_resource "aws_iam_role" {
    defaults = { arn = "arn:aws:iam::111122223333:role/a" }
  }

  mock_resource "aws_ecs_cluster" {
    defaults = { arn = "arn:aws:ecs:eu-central-1:111122223333:cluster/journal-dev" }
  }

  mock_resource "aws_ecs_task_definition" {
    defaults = { arn = "arn:aws:ecs:eu-central-1:111122223333:task-definition/journal-dev-web:1" }
  }
}

variables {
  name               = "journal-dev"
  service            = "web"
  command            = ["web"]
  region             = "eu-central-1"
  account            = "111122223333"
  vpc_id             = "vpc-1"
  subnet_ids         = ["subnet-1", "subnet-2"]
  target_group_arn   = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/journal-dev-9000/1"
  container_port     = 9000
  cpu                = 256
  memory             = 512
  cpu_architecture   = "X86_64"
  environment        = { PORT = "9000", HTTPS = "off" }
  secret_arn         = "arn:aws:secretsmanager:eu-central-1:111122223333:secret:journal/dev/app-AbCdEf"
  secret_keys        = ["SECRET_KEY", "DATABASE_PASSWORD"]
  execute_command    = false
  container_insights = "disabled"
  log_group          = "/slipway/journal/dev"
  log_retention_days = 30
  protect            = true
}

run "names_and_port_come_from_one_place" {
  module {
    source = "./modules/service"
  }

  assert {
    condition     = [aws_ecr_repository.this.name, aws_ecs_cluster.this.name, aws_ecs_service.this.name, aws_ecs_task_definition.this.family] == ["journal-dev", "journal-dev", "journal-dev-web", "journal-dev-web"]
    error_message = "A name was not made from var.name."
  }

  assert {
    condition = (
      jsondecode(aws_ecs_task_definition.this.container_definitions)[0].name == "web" &&
      one(aws_ecs_service.this.load_balancer).container_name == "web"
    )
    error_message = "Service and template disagree about the container."
  }

  assert {
    condition = (
      jsondecode(aws_ecs_task_definition.this.container_definitions)[0].portMappings[0].containerPort == 9000 &&
      one(aws_ecs_service.this.load_balancer).container_port == 9000
    )
    error_message = "Service and template disagree about the port."
  }
}

run "template" {
  module {
    source = "./modules/service"
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].image == "111122223333.dkr.ecr.eu-central-1.amazonaws.com/journal-dev:template"
    error_message = "The template names an image that may exist."
  }

  assert {
    condition = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].secrets == [
      { name = "DATABASE_PASSWORD", valueFrom = "${var.secret_arn}:DATABASE_PASSWORD::" },
      { name = "SECRET_KEY", valueFrom = "${var.secret_arn}:SECRET_KEY::" },
    ]
    error_message = "Secrets are given by reference."
  }

  assert {
    condition = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].environment == [
      { name = "HTTPS", value = "off" },
      { name = "PORT", value = "9000" },
    ]
    error_message = "The environment holds what was given and nothing else."
  }

  assert {
    condition     = aws_ecs_service.this.desired_count == 0 && aws_ecs_service.this.deployment_circuit_breaker[0].rollback
    error_message = "The service starts without tasks, and rolls back."
  }
}

run "least_privilege" {
  module {
    source = "./modules/service"
  }

  assert {
    condition = { for statement in jsondecode(aws_iam_role_policy.execution.policy).Statement : statement.Sid => statement.Resource } == {
      LogInToRegistry = "*"
      PullImage       = "arn:aws:ecr:eu-central-1:111122223333:repository/journal-dev"
      WriteLog        = "arn:aws:logs:eu-central-1:111122223333:log-group:/slipway/journal/dev:*"
      ReadSecret      = var.secret_arn
    }
    error_message = "The execution role reaches more, or less, than one repository, one log group and one secret."
  }

  assert {
    condition     = length(aws_iam_role_policy.task) == 0
    error_message = "The application calls no AWS service."
  }

  assert {
    condition     = jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem && !aws_ecs_service.this.enable_execute_command
    error_message = "The root file system is writable."
  }
}

run "own_key" {
  module {
    source = "./modules/service"
  }

  variables {
    kms_key_arn = "arn:aws:kms:eu-central-1:111122223333:key/1"
  }

  assert {
    condition     = contains(jsondecode(aws_iam_role_policy.execution.policy).Statement[*].Resource, var.kms_key_arn)
    error_message = "The secret can't be decrypted."
  }
}

run "execute_command" {
  module {
    source = "./modules/service"
  }

  variables {
    execute_command = true
  }

  assert {
    condition     = length(aws_iam_role_policy.task) == 1 && !jsondecode(aws_ecs_task_definition.this.container_definitions)[0].readonlyRootFilesystem
    error_message = "The agent of execute-command has no permission, or nowhere to write."
  }
}

run "thrown_away" {
  module {
    source = "./modules/service"
  }

  variables {
    protect = false
  }

  assert {
    condition     = aws_ecr_repository.this.force_delete
    error_message = "The repository stays behind with its images."
  }
}

run "protected" {
  module {
    source = "./modules/service"
  }

  assert {
    condition     = !aws_ecr_repository.this.force_delete
    error_message = "The repository is deleted with its images."
  }
}
