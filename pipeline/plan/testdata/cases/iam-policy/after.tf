resource "aws_iam_role" "this" {
  name = "blog-dev-task"
  assume_role_policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Principal = { Service = ["ecs-tasks.amazonaws.com", "ec2.amazonaws.com"] }, Action = "sts:AssumeRole" }]
  })
}

resource "aws_iam_role_policy" "this" {
  name = "media"
  role = aws_iam_role.this.id
  policy = jsonencode({
    Version   = "2012-10-17"
    Statement = [{ Effect = "Allow", Action = ["s3:GetObject", "s3:DeleteObject"], Resource = ["arn:aws:s3:::media/*", "arn:aws:s3:::media-backup/*"] }]
  })
}
