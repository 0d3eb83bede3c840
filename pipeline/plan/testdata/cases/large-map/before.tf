resource "terraform_data" "this" {
  input = merge({ for i in range(300) : format("key-%03d", i) => i }, { changed = "first" })
}
