resource "terraform_data" "this" {
  input            = "first"
  triggers_replace = { version = 2, image = "blog:1" }
}

resource "terraform_data" "follower" {
  input = terraform_data.this.id
}
