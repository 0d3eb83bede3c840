resource "aws_launch_template" "this" {
  name          = "blog-dev"
  image_id      = "ami-0123456789abcdef0"
  instance_type = "t4g.small"
  user_data = base64encode(<<-EOT
    #!/bin/sh
    export DB_PASSWORD=user-data-second
    exec app
  EOT
  )
}
