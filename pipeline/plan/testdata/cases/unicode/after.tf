resource "terraform_data" "größe" {
  input = { "ключ" = "другое", "名前" = "ブログ 2", emoji = "🛳️" }
}
