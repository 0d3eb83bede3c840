# The root module as planned for an account that is empty. Not with a mocked provider, because mocks don't cover the
# ephemeral resources of modules/secrets, but with the real one, which calls AWS for none of this.

provider "aws" {
  region                      = var.region
  access_key                  = "none"
  secret_key                  = "none"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
}

override_data {
  target = data.aws_caller_identity.this
  values = { account_id = "111122223333" }
}

override_data {
  target = module.network.data.aws_availability_zones.this
  values = { names = ["eu-central-1a", "eu-central-1b", "eu-central-1c"] }
}

override_resource {
  target          = module.load_balancer.aws_lb.this
  override_during = plan
  values = {
    arn      = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/app/blog-dev/1"
    dns_name = "blog-dev-1.eu-central-1.elb.amazonaws.com"
  }
}

override_resource {
  target          = module.load_balancer.aws_lb_target_group.this
  override_during = plan
  values          = { arn = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/blog-dev-8000/1" }
}

override_resource {
  target          = module.database.aws_db_instance.this
  override_during = plan
  values          = { address = "blog-dev.rds.example.com", port = 3306 }
}

override_resource {
  target          = module.service.aws_ecr_repository.this
  override_during = plan
  values          = { repository_url = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/blog-dev" }
}

override_resource {
  target          = module.service.aws_ecs_task_definition.this
  override_during = plan
  values          = { arn = "arn:aws:ecs:eu-central-1:111122223333:task-definition/blog-dev-web:1" }
}

override_resource {
  target          = module.service.aws_iam_role.execution
  override_during = plan
  values          = { arn = "arn:aws:iam::111122223333:role/execution" }
}

override_resource {
  target          = module.service.aws_iam_role.task
  override_during = plan
  values          = { arn = "arn:aws:iam::111122223333:role/task" }
}

override_resource {
  target          = module.service.aws_security_group.this
  override_during = plan
  values          = { id = "sg-service" }
}

override_resource {
  target          = module.network.aws_subnet.private
  override_during = plan
  values          = { id = "subnet-private" }
}

variables {
  name        = "blog"
  environment = "dev"
  region      = "eu-central-1"
}

run "contract" {
  command = plan

  assert {
    condition = output.contract == {
      version            = 1
      name               = "blog"
      environment        = "dev"
      region             = "eu-central-1"
      account            = "111122223333"
      cluster            = "blog-dev"
      repository_url     = "111122223333.dkr.ecr.eu-central-1.amazonaws.com/blog-dev"
      log_group          = "/slipway/blog/dev"
      execution_role_arn = "arn:aws:iam::111122223333:role/execution"
      task_role_arn      = "arn:aws:iam::111122223333:role/task"
      url                = "http://blog-dev-1.eu-central-1.elb.amazonaws.com"
      health_path        = "/readyz"
      tasks              = { subnets = ["subnet-private", "subnet-private"], security_groups = ["sg-service"], assign_public_ip = false }
      migration          = { service = "web", command = ["release"] }
      services = [{
        name             = "web"
        service          = "blog-dev-web"
        template         = "arn:aws:ecs:eu-central-1:111122223333:task-definition/blog-dev-web:1"
        container        = "web"
        desired_count    = 1
        target_group_arn = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:targetgroup/blog-dev-8000/1"
        load_balancer = {
          arn      = "arn:aws:elasticloadbalancing:eu-central-1:111122223333:loadbalancer/app/blog-dev/1"
          dns_name = "blog-dev-1.eu-central-1.elb.amazonaws.com"
        }
      }]
    }
    error_message = "The contract isn't what the pipeline reads (pipeline/contract)."
  }

  assert {
    condition     = jsondecode(aws_ssm_parameter.contract.insecure_value) == output.contract
    error_message = "The parameter holds something else than the output."
  }

  assert {
    condition     = aws_ssm_parameter.contract.name == "/slipway/blog/dev/contract" && aws_ssm_parameter.contract.type == "String"
    error_message = "The pipeline looks for a String of the name /slipway/<name>/<environment>/contract."
  }
}

run "a_new_name_reaches_everything" {
  command = plan

  variables {
    name = "journal"
  }

  assert {
    condition = [
      output.contract_parameter, output.contract.cluster, output.contract.log_group,
      output.contract.services[0].service, output.contract.services[0].container,
    ] == ["/slipway/journal/dev/contract", "journal-dev", "/slipway/journal/dev", "journal-dev-web", "web"]
    error_message = "A name was not made from var.name."
  }
}

run "one_port" {
  command = plan

  variables {
    container_port = 9000
  }

  assert {
    condition     = local.environment_variables.PORT == "9000"
    error_message = "The application is not told its port."
  }

  assert {
    condition = alltrue([
      for rule in [aws_vpc_security_group_egress_rule.connection["load-balancer-to-service"], aws_vpc_security_group_ingress_rule.connection["load-balancer-to-service"]] :
      rule.from_port == 9000 && rule.to_port == 9000
    ])
    error_message = "The security groups don't let the load balancer through."
  }
}

run "http" {
  command = plan

  variables {
    domain = "blog.example.com"
  }

  assert {
    condition     = output.url == "http://blog.example.com" && local.environment_variables.HTTPS == "off"
    error_message = "Without a certificate there is no HTTPS."
  }

  assert {
    condition     = local.environment_variables.ALLOWED_HOSTS == "blog-dev-1.eu-central-1.elb.amazonaws.com,blog.example.com"
    error_message = "The application answers under the load balancer's name and the domain."
  }

  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.visitors) == ["80 from 0.0.0.0/0"]
    error_message = "Only port 80 is open."
  }
}

run "https" {
  command = plan

  variables {
    domain          = "blog.example.com"
    certificate_arn = "arn:aws:acm:eu-central-1:111122223333:certificate/1"
    allowed_cidrs   = ["203.0.113.0/24"]
  }

  assert {
    condition     = output.url == "https://blog.example.com" && local.environment_variables.HTTPS == "on"
    error_message = "A certificate turns HTTPS on."
  }

  assert {
    condition     = keys(aws_vpc_security_group_ingress_rule.visitors) == ["443 from 203.0.113.0/24", "80 from 203.0.113.0/24"]
    error_message = "Ports 80, for the redirect, and 443 are open to the ranges allowed."
  }
}

run "tasks_reach_the_internet_through_nat" {
  command = plan

  variables {
    outbound_ports = [443, 587]
  }

  assert {
    condition     = keys(aws_vpc_security_group_egress_rule.internet) == ["443", "587"] && length(aws_vpc_security_group_egress_rule.s3) == 0
    error_message = "Tasks may connect to the outbound ports, and to no other."
  }

  assert {
    condition     = keys(local.connections) == ["load-balancer-to-service", "service-to-database"]
    error_message = "There are no endpoints to connect to."
  }
}

run "tasks_reach_endpoints_only" {
  command = plan

  variables {
    nat = "none"
  }

  assert {
    condition     = length(aws_vpc_security_group_egress_rule.internet) == 0 && length(aws_vpc_security_group_egress_rule.s3) == 1
    error_message = "Without NAT there is S3 outside the VPC and nothing else."
  }

  assert {
    condition     = aws_vpc_security_group_egress_rule.connection["service-to-endpoints"].from_port == 443
    error_message = "Tasks don't reach the VPC endpoints."
  }
}

run "secrets_are_not_environment_variables" {
  command = plan

  assert {
    condition     = length(setintersection(keys(local.environment_variables), keys(local.secrets))) == 0
    error_message = "A secret value would be readable in the task definition."
  }
}

run "a_secret_given_as_an_environment_variable" {
  command = plan

  variables {
    environment_variables = { SECRET_KEY = "in plain sight" }
  }

  expect_failures = [var.environment_variables]
}

run "name_with_capitals" {
  command = plan

  variables {
    name = "Blog"
  }

  expect_failures = [var.name]
}

run "name_with_double_hyphen" {
  command = plan

  variables {
    name = "my--blog"
  }

  expect_failures = [var.name]
}

run "name_beginning_with_a_digit" {
  command = plan

  variables {
    name = "2blog"
  }

  expect_failures = [var.name]
}

run "name_and_environment_of_26_characters" {
  command = plan

  variables {
    name        = "a-blog-of-twenty-two-c"
    environment = "dev"
  }
}

run "name_and_environment_of_27_characters" {
  command = plan

  variables {
    name        = "a-blog-of-twenty-two-c"
    environment = "prod"
  }

  expect_failures = [var.name]
}

run "name_that_load_balancers_reserve" {
  command = plan

  variables {
    name = "internal"
  }

  expect_failures = [var.name]
}

run "values_that_aws_would_refuse" {
  command = plan

  variables {
    environment                    = "Dev"
    nat                            = "two"
    vpc_cidr                       = "10.0.0.0/24"
    cpu                            = 256
    memory                         = 4096
    container_port                 = 80
    certificate_arn                = "arn:aws:acm:eu-central-1:111122223333:certificate/1"
    log_retention_days             = 10
    database_engine_version        = "5.7"
    database_max_allocated_storage = 20
    database_backup_retention_days = 0
  }

  expect_failures = [
    var.environment,
    var.nat,
    var.vpc_cidr,
    var.memory,
    var.container_port,
    var.certificate_arn,
    var.log_retention_days,
    var.database_engine_version,
    var.database_max_allocated_storage,
    var.database_backup_retention_days,
  ]
}
