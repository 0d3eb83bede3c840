output "url" {
  value = "http://blog.example.com"
}
