resource "terraform_data" "this" {
  input = <<-EOT
    #!/bin/sh
    set -eu
    echo "one"
    echo "two"
    echo "three"
    echo "four"
    exec gunicorn
  EOT
}
