mock_provider "aws" {
  mock_data "aws_availability_zones" {
    defaults = { names = ["eu-central-1c", "eu-central-1a", "eu-central-1b"] }
  }

  mock_data "aws_region" {
    defaults = { region = "eu-central-1" }
  }
}

variables {
  name               = "blog-dev"
  cidr               = "10.0.0.0/16"
  availability_zones = 3
  endpoints          = ["ecr.api", "logs"]
}

run "single" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    nat = "single"
  }

  assert {
    condition     = keys(aws_nat_gateway.this) == ["eu-central-1a"]
    error_message = "There is one NAT gateway, in the first zone."
  }

  assert {
    condition     = keys(aws_route.private) == ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    error_message = "Every zone has a route to it."
  }

  assert {
    condition     = length(aws_vpc_endpoint.interface) == 0 && length(aws_security_group.endpoints) == 0
    error_message = "Endpoints are paid for and not needed."
  }

  assert {
    condition     = aws_vpc_endpoint.s3.vpc_endpoint_type == "Gateway"
    error_message = "Image layers pay for NAT."
  }

  assert {
    condition     = length(distinct(concat(values(aws_subnet.public)[*].cidr_block, values(aws_subnet.private)[*].cidr_block))) == 6
    error_message = "Subnets overlap."
  }
}

run "per_az" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    nat = "per-az"
  }

  assert {
    condition     = keys(aws_nat_gateway.this) == ["eu-central-1a", "eu-central-1b", "eu-central-1c"]
    error_message = "Every zone has its NAT gateway."
  }
}

run "none" {
  command = plan

  module {
    source = "./modules/network"
  }

  variables {
    nat = "none"
  }

  assert {
    condition     = length(aws_nat_gateway.this) == 0 && length(aws_eip.nat) == 0 && length(aws_route.private) == 0
    error_message = "A private subnet has a way to the internet."
  }

  assert {
    condition     = keys(aws_vpc_endpoint.interface) == ["ecr.api", "logs"] && aws_vpc_endpoint.interface["ecr.api"].service_name == "com.amazonaws.eu-central-1.ecr.api"
    error_message = "The endpoints asked for are not there."
  }

  assert {
    condition     = alltrue([for endpoint in aws_vpc_endpoint.interface : endpoint.private_dns_enabled])
    error_message = "Tasks would look for the service on the internet."
  }
}
