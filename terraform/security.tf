# Who may open a connection to whom. A row becomes the egress rule of one group and the matching ingress rule of the other,
# which is why the modules make their groups without rules. Nothing else is open between them.
locals {
  connections = merge(
    {
      load-balancer-to-service = {
        from = module.load_balancer.security_group_id
        to   = module.service.security_group_id
        port = var.container_port
      }
      service-to-database = {
        from = module.service.security_group_id
        to   = module.database.security_group_id
        port = module.database.port
      }
    },
    var.nat != "none" ? {} : {
      service-to-endpoints = {
        from = module.service.security_group_id
        to   = module.network.endpoints_security_group_id
        port = 443
      }
    },
  )
}

resource "aws_vpc_security_group_egress_rule" "connection" {
  for_each = local.connections

  security_group_id            = each.value.from
  referenced_security_group_id = each.value.to
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  description                  = each.key
}

resource "aws_vpc_security_group_ingress_rule" "connection" {
  for_each = local.connections

  security_group_id            = each.value.to
  referenced_security_group_id = each.value.from
  ip_protocol                  = "tcp"
  from_port                    = each.value.port
  to_port                      = each.value.port
  description                  = each.key
}

resource "aws_vpc_security_group_ingress_rule" "visitors" {
  for_each = {
    for pair in setproduct(module.load_balancer.ports, var.allowed_cidrs) : "${pair[0]} from ${pair[1]}" => { port = pair[0], cidr = pair[1] }
  }

  security_group_id = module.load_balancer.security_group_id
  cidr_ipv4         = each.value.cidr
  ip_protocol       = "tcp"
  from_port         = each.value.port
  to_port           = each.value.port
  description       = "visitors"
}

resource "aws_vpc_security_group_egress_rule" "internet" {
  for_each = toset([for port in var.outbound_ports : tostring(port) if var.nat != "none"])

  security_group_id = module.service.security_group_id
  cidr_ipv4         = "0.0.0.0/0"
  ip_protocol       = "tcp"
  from_port         = each.value
  to_port           = each.value
  description       = "internet"
}

# ECR keeps image layers in S3, which the gateway endpoint reaches under public addresses.
resource "aws_vpc_security_group_egress_rule" "s3" {
  count = var.nat == "none" ? 1 : 0

  security_group_id = module.service.security_group_id
  prefix_list_id    = module.network.s3_prefix_list_id
  ip_protocol       = "tcp"
  from_port         = 443
  to_port           = 443
  description       = "image layers"
}
