resource "terraform_data" "this" {
  input = [
    { name = "api", port = 8081 },
    { name = "admin", port = 9000 },
    { name = "metrics", port = 9100 },
  ]
}
