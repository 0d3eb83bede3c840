resource "aws_s3_bucket" "this" {
  bucket_prefix = "blog-dev-"

  lifecycle {
    create_before_destroy = true
  }
}

resource "aws_s3_object" "this" {
  bucket  = aws_s3_bucket.this.id
  key     = "keeps-the-bucket"
  content = "from being deleted"
}
