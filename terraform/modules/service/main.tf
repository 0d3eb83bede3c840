resource "aws_security_group" "this" {
  name        = "${var.name}-${var.service}"
  description = "Tasks of ${var.name}-${var.service}"
  vpc_id      = var.vpc_id

  tags = { Name = "${var.name}-${var.service}" }
}

resource "aws_ecr_repository" "this" {
  name = var.name

  # What was tested under a tag stays what the tag means.
  image_tag_mutability = "IMMUTABLE"

  force_delete = !var.protect

  image_scanning_configuration {
    scan_on_push = true
  }
}

resource "aws_ecr_lifecycle_policy" "this" {
  repository = aws_ecr_repository.this.name

  policy = jsonencode({
    rules = [
      {
        rulePriority = 1
        description  = "An image without a tag is a push that broke off."
        selection    = { tagStatus = "untagged", countType = "sinceImagePushed", countUnit = "days", countNumber = 7 }
        action       = { type = "expire" }
      },
      {
        rulePriority = 2
        description  = "By number, not by age: the image in service may be old."
        selection    = { tagStatus = "any", countType = "imageCountMoreThan", countNumber = 100 }
        action       = { type = "expire" }
      },
    ]
  })
}

resource "aws_cloudwatch_log_group" "this" {
  name              = var.log_group
  retention_in_days = var.log_retention_days
}

resource "aws_ecs_cluster" "this" {
  name = var.name

  setting {
    name  = "containerInsights"
    value = var.container_insights
  }
}

# The template: a revision that never runs. The pipeline registers copies of it in the same family with an image set.
resource "aws_ecs_task_definition" "this" {
  family                   = "${var.name}-${var.service}"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = var.cpu
  memory                   = var.memory
  execution_role_arn       = aws_iam_role.execution.arn
  task_role_arn            = aws_iam_role.task.arn

  runtime_platform {
    operating_system_family = "LINUX"
    cpu_architecture        = var.cpu_architecture
  }

  container_definitions = jsonencode([{
    name      = var.service
    image     = "${aws_ecr_repository.this.repository_url}:template" # a tag that is never pushed
    essential = true
    command   = var.command

    portMappings = [{ containerPort = var.container_port, protocol = "tcp" }]

    environment = [for key in sort(keys(var.environment)) : { name = key, value = var.environment[key] }]
    secrets     = [for key in sort(var.secret_keys) : { name = key, valueFrom = "${var.secret_arn}:${key}::" }]

    # The application writes to /dev/shm only, but the agent of execute-command to the root file system.
    # https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-exec.html
    readonlyRootFilesystem = !var.execute_command
    linuxParameters = {
      capabilities       = { drop = ["ALL"] }
      initProcessEnabled = true # ends what the application's processes leave behind
    }

    logConfiguration = {
      logDriver = "awslogs"
      options = {
        awslogs-region        = var.region
        awslogs-group         = aws_cloudwatch_log_group.this.name
        awslogs-stream-prefix = "app"
      }
    }
  }])
}

resource "aws_ecs_service" "this" {
  name            = "${var.name}-${var.service}"
  cluster         = aws_ecs_cluster.this.arn
  launch_type     = "FARGATE"
  task_definition = aws_ecs_task_definition.this.arn
  propagate_tags  = "SERVICE"

  # There is no image yet. The first deployment brings it, and asks for tasks.
  desired_count         = 0
  wait_for_steady_state = false

  enable_execute_command            = var.execute_command
  health_check_grace_period_seconds = 60

  # New tasks stand beside the old until they are healthy.
  deployment_minimum_healthy_percent = 100
  deployment_maximum_percent         = 200

  deployment_circuit_breaker {
    enable   = true
    rollback = true
  }

  network_configuration {
    subnets          = var.subnet_ids
    security_groups  = [aws_security_group.this.id]
    assign_public_ip = false
  }

  load_balancer {
    target_group_arn = var.target_group_arn
    container_name   = var.service
    container_port   = var.container_port
  }

  # Which release runs, and how often, is the pipeline's to say.
  lifecycle {
    ignore_changes = [task_definition, desired_count]
  }

  # ECS stops tasks with the execution role's help: it must not lose its permissions first when all is destroyed.
  depends_on = [aws_iam_role_policy.execution, aws_iam_role_policy.task]
}
