resource "aws_s3_bucket" "this" {
  bucket = "blog-dev-media"
}

resource "aws_s3_bucket_versioning" "this" {
  bucket = aws_s3_bucket.this.id

  versioning_configuration {
    status = "Enabled"
  }
}
