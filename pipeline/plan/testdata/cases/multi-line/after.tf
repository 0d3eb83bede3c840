resource "terraform_data" "this" {
  input = <<-EOT
    #!/bin/sh
    set -eu
    echo "one"
    echo "2"
    echo "three"
    echo "four"
    echo "five"
    exec gunicorn
  EOT
}
