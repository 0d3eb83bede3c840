resource "terraform_data" "source" {
  input            = "second"
  triggers_replace = "now"
}

resource "terraform_data" "this" {
  input = {
    id     = terraform_data.source.id
    list   = ["a", terraform_data.source.id, "b"]
    object = { id = terraform_data.source.id, name = "blog" }
    whole  = terraform_data.source.output
  }
}
