resource "aws_vpc" "this" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_security_group" "this" {
  name   = "blog-dev"
  vpc_id = aws_vpc.this.id
}

resource "aws_security_group_rule" "ssh" {
  security_group_id = aws_security_group.this.id
  type              = "ingress"
  protocol          = "tcp"
  from_port         = 20
  to_port           = 25
  cidr_blocks       = ["10.0.0.0/8", "0.0.0.0/0"]
}
