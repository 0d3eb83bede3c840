mock_provider "aws" {}

variables {
  name                = "blog-dev"
  vpc_id              = "vpc-1"
  subnet_ids          = ["subnet-1", "subnet-2"]
  target_port         = 8000
  health_check_path   = "/readyz"
  deletion_protection = true
}

run "http" {
  command = plan

  module {
    source = "./modules/load-balancer"
  }

  assert {
    condition     = aws_lb_listener.http.default_action[0].type == "forward" && length(aws_lb_listener.https) == 0
    error_message = "Without a certificate, port 80 serves."
  }

  assert {
    condition     = aws_lb_target_group.this.health_check[0].interval * aws_lb_target_group.this.health_check[0].unhealthy_threshold > 120
    error_message = "A failover of the database has every task replaced."
  }
}

run "https" {
  command = plan

  module {
    source = "./modules/load-balancer"
  }

  variables {
    certificate_arn = "arn:aws:acm:eu-central-1:111122223333:certificate/1"
  }

  assert {
    condition     = aws_lb_listener.http.default_action[0].type == "redirect" && aws_lb_listener.http.default_action[0].redirect[0].port == "443"
    error_message = "Port 80 redirects to port 443."
  }

  assert {
    condition     = aws_lb_listener.https[0].default_action[0].type == "forward" && startswith(aws_lb_listener.https[0].ssl_policy, "ELBSecurityPolicy-TLS13-")
    error_message = "Port 443 serves, with a modern policy."
  }
}

run "protected" {
  command = plan

  module {
    source = "./modules/load-balancer"
  }

  assert {
    condition     = aws_lb.this.enable_deletion_protection
    error_message = "The load balancer can be deleted."
  }
}

run "thrown_away" {
  command = plan

  module {
    source = "./modules/load-balancer"
  }

  variables {
    deletion_protection = false
  }

  assert {
    condition     = !aws_lb.this.enable_deletion_protection
    error_message = "The load balancer can't be deleted."
  }
}

run "one_subnet" {
  command = plan

  module {
    source = "./modules/load-balancer"
  }

  variables {
    subnet_ids = ["subnet-1"]
  }

  expect_failures = [var.subnet_ids]
}
