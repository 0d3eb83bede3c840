output "kept" {
  value = "same"
}

output "changed" {
  value = { url = "https://blog.example.com", size = 1 }
}

output "added" {
  value = 3
}

output "later" {
  value = terraform_data.this.id
}

resource "terraform_data" "this" {
}
