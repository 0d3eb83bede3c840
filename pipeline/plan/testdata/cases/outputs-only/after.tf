output "url" {
  value = "https://blog.example.com"
}
