output "value" {
  value = 3
}

output "list" {
  value = { a = true }
}
