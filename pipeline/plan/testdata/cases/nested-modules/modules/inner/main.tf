variable "size" {
  type = number
}

resource "terraform_data" "this" {
  for_each = toset(["v1.2", "quoted \"key\""])
  input    = var.size
}
