output "password" {
  value     = "correct-horse-1"
  sensitive = true
}

output "config" {
  value     = { user = "blog", password = "correct-horse-1" }
  sensitive = true
}
