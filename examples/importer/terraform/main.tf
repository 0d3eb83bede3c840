# The greeter in the account's default VPC: a load balancer in front of a service without tasks, which the first deployment
# brings.

locals {
  prefix    = "${var.name}-${var.environment}"
  container = "greeter"
  port      = 8000
}

data "aws_caller_identity" "this" {}

data "aws_vpc" "default" {
  default = true
}

data "aws_subnets" "default" {
  filter {
    name   = "vpc-id"
    values = [data.aws_vpc.default.id]
  }
}

resource "aws_ecr_repository" "this" {
  name                 = local.prefix
  image_tag_mutability = "IMMUTABLE"
  force_delete         = var.throw_away
}

resource "aws_cloudwatch_log_group" "this" {
  name              = "/greeter/${local.prefix}"
  retention_in_days = 14
}

# Visitors reach the load balancer, and only the load balancer reaches the tasks.

resource "aws_security_group" "load_balancer" {
  name        = "${local.prefix}-load-balancer"
  description = "Load balancer of ${local.prefix}"
  vpc_id      = data.aws_vpc.default.id

  ingress {
    description = "visitors"
    protocol    = "tcp"
    from_port   = 80
    to_port     = 80
    cidr_blocks = ["0.0.0.0/0"]
  }

  egress {
    description = "tasks"
    protocol    = "tcp"
    from_port   = local.port
    to_port     = local.port
    cidr_blocks = [data.aws_vpc.default.cidr_block]
  }
}

resource "aws_security_group" "tasks" {
  name        = "${local.prefix}-tasks"
  description = "Tasks of ${local.prefix}"
  vpc_id      = data.aws_vpc.default.id

  ingress {
    description     = "load balancer"
    protocol        = "tcp"
    from_port       = local.port
    to_port         = local.port
    security_groups = [aws_security_group.load_balancer.id]
  }

  egress {
    description = "image and log"
    protocol    = "tcp"
    from_port   = 443
    to_port     = 443
    cidr_blocks = ["0.0.0.0/0"]
  }
}

resource "aws_lb" "this" {
  name            = local.prefix
  subnets         = data.aws_subnets.default.ids
  security_groups = [aws_security_group.load_balancer.id]
}

resource "aws_lb_target_group" "this" {
  name                 = local.prefix
  vpc_id               = data.aws_vpc.default.id
  target_type          = "ip"
  protocol             = "HTTP"
  port                 = local.port
  deregistration_delay = 30

  health_check {
    path = "/readyz"
  }
}

resource "aws_lb_listener" "this" {
  load_balancer_arn = aws_lb.this.arn
  protocol          = "HTTP"
  port              = 80

  default_action {
    type             = "forward"
    target_group_arn = aws_lb_target_group.this.arn
  }
}

# With this role ECS pulls the image and writes the log. The greeter calls nothing in AWS, and so has no role of its own.
resource "aws_iam_role" "execution" {
  name = "${local.prefix}-execution"

  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Action    = "sts:AssumeRole"
      Principal = { Service = "ecs-tasks.amazonaws.com" }
    }]
  })
}

resource "aws_iam_role_policy_attachment" "execution" {
  role       = aws_iam_role.execution.name
  policy_arn = "arn:aws:iam::aws:policy/service-role/AmazonECSTaskExecutionRolePolicy"
}

resource "aws_ecs_cluster" "this" {
  name = local.prefix
}

# The template: Slipway registers copies of it with the image set.
resource "aws_ecs_task_definition" "this" {
  family                   = local.prefix
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512
  execution_role_arn       = aws_iam_role.execution.arn

  container_definitions = jsonencode([{
    name                   = local.container
    image                  = "${aws_ecr_repository.this.repository_url}:template" # a tag that is never pushed
    essential              = true
    readonlyRootFilesystem = true
    portMappings           = [{ containerPort = local.port, protocol = "tcp" }]
    environment            = [{ name = "GREETING", value = var.greeting }]

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-region        = var.region
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-stream-prefix = local.container
      }
    }
  }])
}

resource "aws_ecs_service" "this" {
  name            = local.prefix
  cluster         = aws_ecs_cluster.this.arn
  launch_type     = "FARGATE"
  task_definition = aws_ecs_task_definition.this.arn
  desired_count   = 0

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = data.aws_subnets.default.ids
    security_groups  = [aws_security_group.tasks.id]
    assign_public_ip = true
  }

  load_balancer {
    target_group_arn = aws_lb_target_group.this.arn
    container_name   = local.container
    container_port   = local.port
  }

  # Which release runs, and in how many tasks, is Slipway's to say.
  lifecycle {
    ignore_changes = [task_definition, desired_count]
  }

  depends_on = [aws_lb_listener.this, aws_iam_role_policy_attachment.execution]
}
