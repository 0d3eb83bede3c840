output "kept" {
  value = "same"
}

output "changed" {
  value = { url = "http://blog.example.com", size = 1 }
}

output "removed" {
  value = ["a", "b"]
}
