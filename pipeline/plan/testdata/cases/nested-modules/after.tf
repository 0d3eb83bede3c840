locals {
  keys = ["a.b", "he said \"hi\"", "x[0]", "größe", "back\\slash", "pipe|tick`", "${"$"}{dollar}"]
}

module "outer" {
  source   = "./modules/outer"
  for_each = toset(local.keys)
  size     = 2
}
