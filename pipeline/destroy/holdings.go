package destroy

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/slipway-ci/slipway/pipeline/report"
)

type imagesAPI interface {
	DescribeImages(context.Context, *ecr.DescribeImagesInput, ...func(*ecr.Options)) (*ecr.DescribeImagesOutput, error)
	BatchDeleteImage(context.Context, *ecr.BatchDeleteImageInput, ...func(*ecr.Options)) (*ecr.BatchDeleteImageOutput, error)
}

type objectsAPI interface {
	ListObjectVersions(context.Context, *s3.ListObjectVersionsInput, ...func(*s3.Options)) (*s3.ListObjectVersionsOutput, error)
	DeleteObjects(context.Context, *s3.DeleteObjectsInput, ...func(*s3.Options)) (*s3.DeleteObjectsOutput, error)
}

type logGroupsAPI interface {
	DescribeLogGroups(context.Context, *cloudwatchlogs.DescribeLogGroupsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogGroupsOutput, error)
}

// Counter counts what resources hold, where that is cheap to know.
type Counter struct {
	images  imagesAPI
	objects objectsAPI
	logs    logGroupsAPI
}

// NewCounter returns a Counter. The S3 client is handed in, as an emulator's needs other settings.
func NewCounter(cfg aws.Config, objects *s3.Client) *Counter {
	return &Counter{images: ecr.NewFromConfig(cfg), objects: objects, logs: cloudwatchlogs.NewFromConfig(cfg)}
}

// Blocking are what can't be deleted for what is in it: repositories with images, buckets with objects.
type Blocking struct{ Repositories, Buckets []Named }

// Count says of each resource with data what it holds, and what blocks its deletion.
func (c *Counter) Count(ctx context.Context, d Doomed, guarded []string) ([]report.Holding, Blocking, error) {
	holds := map[string]string{}
	var blocking Blocking
	for _, repository := range d.Repositories {
		n, bytes, err := c.countImages(ctx, repository.Name)
		if err != nil {
			return nil, blocking, err
		}
		holds[repository.Address] = report.Plural(n, "image") + ", " + size(bytes)
		if n > 0 && !repository.Force {
			blocking.Repositories = append(blocking.Repositories, repository.Named)
		}
	}
	for _, bucket := range d.Buckets {
		page, err := c.objects.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &bucket.Name})
		if err != nil {
			return nil, blocking, fmt.Errorf("list the objects of bucket %s: %w", bucket.Name, err)
		}
		n := len(page.Versions) + len(page.DeleteMarkers)
		holds[bucket.Address] = fmt.Sprintf("%d versions of objects", n)
		if aws.ToBool(page.IsTruncated) {
			holds[bucket.Address] = fmt.Sprintf("more than %d versions of objects", n)
		}
		if n > 0 && !bucket.Force {
			blocking.Buckets = append(blocking.Buckets, bucket.Named)
		}
	}
	for _, database := range d.Databases {
		snapshot := "NO final snapshot"
		if database.Snapshot != "" {
			snapshot = "final snapshot " + database.Snapshot
		}
		holds[database.Address] = fmt.Sprintf("%s, %d GiB; %s", database.Engine, database.GiB, snapshot)
	}
	for _, secret := range d.Secrets {
		holds[secret.Address] = fmt.Sprintf("a secret, restorable for %d days", secret.Days)
		if secret.Days == 0 {
			holds[secret.Address] = "a secret, which goes at once"
		}
	}
	for _, group := range d.LogGroups {
		bytes, err := c.countLogs(ctx, group.Name)
		if err != nil {
			return nil, blocking, err
		}
		holds[group.Address] = size(bytes) + " of logs"
	}
	var holdings []report.Holding
	for _, address := range guarded {
		holdings = append(holdings, report.Holding{Address: address, Holds: holds[address]})
	}
	return holdings, blocking, nil
}

func (c *Counter) countImages(ctx context.Context, repository string) (n int, bytes int64, err error) {
	pages := ecr.NewDescribeImagesPaginator(c.images, &ecr.DescribeImagesInput{RepositoryName: &repository})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return 0, 0, fmt.Errorf("count the images of %s: %w", repository, err)
		}
		for _, image := range page.ImageDetails {
			n++
			bytes += aws.ToInt64(image.ImageSizeInBytes)
		}
	}
	return n, bytes, nil
}

func (c *Counter) countLogs(ctx context.Context, name string) (int64, error) {
	page, err := c.logs.DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &name})
	if err != nil {
		return 0, fmt.Errorf("look at log group %s: %w", name, err)
	}
	for _, group := range page.LogGroups {
		if aws.ToString(group.LogGroupName) == name {
			return aws.ToInt64(group.StoredBytes), nil
		}
	}
	return 0, nil
}

// size is a number of bytes as people compare it.
func size(bytes int64) string {
	switch {
	case bytes >= 1<<30:
		return fmt.Sprintf("%.1f GiB", float64(bytes)/(1<<30))
	case bytes >= 1<<20:
		return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20))
	case bytes >= 1<<10:
		return fmt.Sprintf("%.1f KiB", float64(bytes)/(1<<10))
	}
	return fmt.Sprintf("%d bytes", bytes)
}
