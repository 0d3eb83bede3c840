package destroy

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// EmptyRepository deletes every image of a repository, and returns how many there were. An image that an index refers to can
// only be deleted once the index is gone, so that a round may leave some for the next.
//
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_BatchDeleteImage.html
func (c *Counter) EmptyRepository(ctx context.Context, repository string) (int, error) {
	deleted := 0
	for {
		// The first page anew: what it held before is gone.
		page, err := c.images.DescribeImages(ctx, &ecr.DescribeImagesInput{RepositoryName: &repository, MaxResults: aws.Int32(100)})
		if err != nil {
			return deleted, fmt.Errorf("list the images of %s: %w", repository, err)
		}
		if len(page.ImageDetails) == 0 {
			return deleted, nil
		}
		var images []ecrtypes.ImageIdentifier
		for _, image := range page.ImageDetails {
			images = append(images, ecrtypes.ImageIdentifier{ImageDigest: image.ImageDigest})
		}
		output, err := c.images.BatchDeleteImage(ctx, &ecr.BatchDeleteImageInput{RepositoryName: &repository, ImageIds: images})
		if err != nil {
			return deleted, fmt.Errorf("delete the images of %s: %w", repository, err)
		}
		gone := len(images) - len(output.Failures)
		deleted += gone
		if gone <= 0 {
			failure := output.Failures[0]
			return deleted, fmt.Errorf("delete the images of %s: %s: %s", repository, failure.FailureCode, aws.ToString(failure.FailureReason))
		}
	}
}

// EmptyBucket deletes every version of every object of a bucket, and returns how many there were.
func (c *Counter) EmptyBucket(ctx context.Context, bucket string) (int, error) {
	deleted := 0
	for {
		page, err := c.objects.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket})
		if err != nil {
			return deleted, fmt.Errorf("list the objects of bucket %s: %w", bucket, err)
		}
		var objects []s3types.ObjectIdentifier
		for _, version := range page.Versions {
			objects = append(objects, s3types.ObjectIdentifier{Key: version.Key, VersionId: version.VersionId})
		}
		for _, marker := range page.DeleteMarkers {
			objects = append(objects, s3types.ObjectIdentifier{Key: marker.Key, VersionId: marker.VersionId})
		}
		if len(objects) == 0 {
			return deleted, nil
		}
		// A page has no more than the 1,000 that one request may delete.
		output, err := c.objects.DeleteObjects(ctx, &s3.DeleteObjectsInput{Bucket: &bucket, Delete: &s3types.Delete{Objects: objects, Quiet: aws.Bool(true)}})
		if err != nil {
			return deleted, fmt.Errorf("delete the objects of bucket %s: %w", bucket, err)
		}
		deleted += len(objects) - len(output.Errors)
		if len(output.Errors) > 0 {
			first := output.Errors[0]
			return deleted, fmt.Errorf("delete %s of bucket %s: %s: %s", aws.ToString(first.Key), bucket, aws.ToString(first.Code), aws.ToString(first.Message))
		}
	}
}
