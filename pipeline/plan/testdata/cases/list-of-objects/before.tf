resource "terraform_data" "this" {
  input = [
    { name = "web", port = 80 },
    { name = "api", port = 8080 },
    { name = "admin", port = 9000 },
  ]
}
