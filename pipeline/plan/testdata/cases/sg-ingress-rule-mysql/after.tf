resource "aws_vpc" "this" {
  cidr_block = "10.0.0.0/16"
}

resource "aws_security_group" "this" {
  name   = "blog-dev"
  vpc_id = aws_vpc.this.id
}

resource "aws_vpc_security_group_ingress_rule" "mysql" {
  for_each = { v4 = "0.0.0.0/0" }

  security_group_id = aws_security_group.this.id
  ip_protocol       = "tcp"
  from_port         = 3306
  to_port           = 3306
  cidr_ipv4         = each.value
}

resource "aws_vpc_security_group_ingress_rule" "mysql_v6" {
  security_group_id = aws_security_group.this.id
  ip_protocol       = "tcp"
  from_port         = 3306
  to_port           = 3306
  cidr_ipv6         = "::/0"
}
