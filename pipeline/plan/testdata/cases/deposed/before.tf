resource "aws_s3_bucket" "this" {
  bucket_prefix = "blog-dev-"

  lifecycle {
    create_before_destroy = true
  }
}
