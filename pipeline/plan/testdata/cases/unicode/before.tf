resource "terraform_data" "größe" {
  input = { "ключ" = "значение", "名前" = "ブログ", emoji = "🚀" }
}
