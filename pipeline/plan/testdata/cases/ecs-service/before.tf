resource "aws_ecs_cluster" "this" {
  name = "blog-dev"
}

resource "aws_ecs_task_definition" "this" {
  family                   = "blog-dev-web"
  requires_compatibilities = ["FARGATE"]
  network_mode             = "awsvpc"
  cpu                      = 256
  memory                   = 512

  container_definitions = jsonencode([
    {
      name      = "app"
      image     = "000000000000.dkr.ecr.eu-central-1.amazonaws.com/blog-dev:1"
      essential = true
      command   = ["web", "--api-token", "command-token-value", "--url=https://bot:command-url-password@hooks.example.com/x"]
      environment = [
        { name = "DATABASE_HOST", value = "db.internal" },
        { name = "DATABASE_PASSWORD", value = "environment-password-value" },
        { name = "BROKER", value = "amqp://blog:environment-url-password@mq.internal:5671" },
        { name = "UPLOADER", value = "AKIAIOSFODNN7EXAMPLE" },
        { name = "DEBUG", value = "off" },
      ]
      secrets = [
        { name = "SECRET_KEY", valueFrom = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:blog/dev/app-AbCdEf:SECRET_KEY::" },
      ]
      portMappings = [{ containerPort = 8000, protocol = "tcp" }]
    },
  ])
}

resource "aws_ecs_service" "this" {
  name            = "web"
  cluster         = aws_ecs_cluster.this.id
  task_definition = aws_ecs_task_definition.this.arn
  desired_count   = 0
  launch_type     = "FARGATE"

  network_configuration {
    subnets = ["subnet-0a1b2c3d"]
  }
}
