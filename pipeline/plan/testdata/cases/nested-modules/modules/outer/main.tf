variable "size" {
  type = number
}

module "inner" {
  source = "../inner"
  count  = 1
  size   = var.size
}
