resource "terraform_data" "this" {
  for_each = {
    "a|b"        = "pipe | in a table"
    "`tick`"     = "```\nfence\n```\n````\n"
    "</details>" = "</details></summary><script>alert(1)</script>"
    "[x](y)"     = "![image](https://example.com/x.png) @octocat #1 <!-- comment -->"
    "*bold*_it_" = "**bold** _it_ ~~gone~~ & &amp; \u00e9\u4e2d😀"
  }
  input = "FIRST ${each.value}"
}
