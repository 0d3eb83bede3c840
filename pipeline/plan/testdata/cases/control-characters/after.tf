resource "terraform_data" "this" {
  input = "tab\t, escape\u001b[31mred, right-to-left \u202eabc, bell\u0007, return\r, nul-free"
}

resource "terraform_data" "lines" {
  input = "first\n\u001b[2Jcleared\nright-to-left \u202eabc\n"
}
