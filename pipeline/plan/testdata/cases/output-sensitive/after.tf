output "password" {
  value     = "correct-horse-2"
  sensitive = true
}

output "config" {
  value     = { user = "blog", password = "correct-horse-2" }
  sensitive = true
}
