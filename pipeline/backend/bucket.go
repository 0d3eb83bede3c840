// Package backend looks after the bucket that holds Terraform's state.
package backend

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/slipway-ci/slipway/pipeline/endpoint"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// BucketName is the state bucket of an account in a region where none is named. Bucket names are global, and an account
// in a region belongs to one owner only.
func BucketName(account, region string) string {
	return fmt.Sprintf("slipway-state-%s-%s", account, region)
}

// Key is the object that holds the state of one environment.
func Key(name, environment string) string {
	return name + "/" + environment + "/terraform.tfstate"
}

// Client returns an S3 client. An emulator's endpoint has no host name per bucket.
func Client(cfg aws.Config, to endpoint.Endpoint) *s3.Client {
	return s3.NewFromConfig(cfg, func(o *s3.Options) { o.UsePathStyle = to != "" })
}

type headAPI interface {
	HeadBucket(context.Context, *s3.HeadBucketInput, ...func(*s3.Options)) (*s3.HeadBucketOutput, error)
}

// Check returns a failure where the state bucket can't be used: it isn't there, it is in another region, or it belongs to
// somebody else. Terraform says of all three that S3 answered with an error.
func Check(ctx context.Context, client headAPI, bucket, region string) error {
	_, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket})
	if err == nil {
		return nil
	}
	untouched := "nothing was changed"
	response, ok := errors.AsType[*awshttp.ResponseError](err)
	if !ok {
		return fmt.Errorf("look for state bucket %s: %w", bucket, err)
	}
	switch response.HTTPStatusCode() {
	case http.StatusNotFound:
		return &report.Failure{
			Reason: fmt.Sprintf("the state bucket %s does not exist", bucket),
			Effect: untouched,
			Next:   "make it, once per account and region, with bootstrap (dagger call … bootstrap, or slipway bootstrap) and the same region and state bucket",
		}
	case http.StatusMovedPermanently, http.StatusBadRequest:
		there := response.Response.Header.Get("X-Amz-Bucket-Region")
		if there == "" && response.HTTPStatusCode() == http.StatusBadRequest {
			break // a region would be named; S3 says 400 of much else
		}
		return &report.Failure{
			Reason: fmt.Sprintf("the state bucket %s is in %s, not in %s", bucket, orUnknown(there), region),
			Effect: untouched,
			Next:   "give the region of the environment with --region, and a state bucket of that region",
		}
	case http.StatusForbidden:
		return &report.Failure{
			Reason: fmt.Sprintf("the credentials may not use the state bucket %s, or it belongs to another account", bucket),
			Effect: untouched,
			Next:   "allow s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject on it (docs/iam.md), or name another with --state-bucket",
		}
	}
	return fmt.Errorf("look for state bucket %s: %w", bucket, err)
}

func orUnknown(region string) string {
	if region == "" {
		return "another region"
	}
	return region
}
