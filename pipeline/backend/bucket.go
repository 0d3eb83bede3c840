// Package backend looks after what holds Terraform's state: the bucket, and where they are wanted its key and a lock table.
package backend

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/slipway-ci/slipway/pipeline/endpoint"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// Bucket is a state bucket: its name, and where and whose it has to be.
type Bucket struct {
	Name, Region string
	// Account is the number of the account that the credentials belong to. Every call names it as the owner that is
	// expected, so that S3 refuses a bucket of anybody else's, whatever its policy allows:
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-owner-condition.html
	Account string
}

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
	return s3.NewFromConfig(cfg, func(o *s3.Options) {
		o.UsePathStyle = to != ""
		// What S3 answers to one of two who make or set up the same bucket at the same time:
		// https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html
		o.Retryer = retry.AddWithErrorCodes(o.Retryer, "OperationAborted")
	})
}

const untouched = "nothing was changed"

type checkAPI interface {
	HeadBucket(context.Context, *s3.HeadBucketInput, ...func(*s3.Options)) (*s3.HeadBucketOutput, error)
	GetBucketVersioning(context.Context, *s3.GetBucketVersioningInput, ...func(*s3.Options)) (*s3.GetBucketVersioningOutput, error)
}

// Check returns a failure where the state bucket can't be used: it isn't there, it is in another region, it belongs to
// somebody else, or it keeps no versions. Terraform says of the first three that S3 answered with an error, and of the last
// nothing. It makes two calls, at the same time. Who may not ask for versions is told so through say, and may go on.
func Check(ctx context.Context, client checkAPI, bucket Bucket, say func(string)) error {
	type answer struct {
		*s3.GetBucketVersioningOutput
		err error
	}
	versioning := make(chan answer, 1)
	go func() {
		output, err := client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &bucket.Name, ExpectedBucketOwner: &bucket.Account})
		versioning <- answer{output, err}
	}()
	_, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: &bucket.Name, ExpectedBucketOwner: &bucket.Account})
	versions := <-versioning // of no interest where there is no bucket, but the call has ended
	if err != nil {
		return bucket.unusable(err)
	}
	switch {
	case denied(versions.err):
		say(fmt.Sprintf("whether the state bucket %s keeps versions can't be seen: s3:GetBucketVersioning is denied", bucket.Name))
		return nil
	case versions.err != nil:
		return fmt.Errorf("read versioning of state bucket %s: %w", bucket.Name, versions.err)
	case versions.Status != types.BucketVersioningStatusEnabled:
		return &report.Failure{
			Reason: fmt.Sprintf("the state bucket %s keeps no versions: a state that is damaged or deleted there could not be had back", bucket.Name),
			Effect: untouched,
			Next:   "turn versioning on with bootstrap (dagger call … bootstrap, or slipway bootstrap) and the same region and state bucket",
		}
	}
	return nil
}

// unusable says what HeadBucket's error means. HEAD has no body, and so the error no code:
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_HeadBucket.html
func (b Bucket) unusable(err error) error {
	response, ok := errors.AsType[*awshttp.ResponseError](err)
	if !ok {
		return fmt.Errorf("look for state bucket %s: %w", b.Name, err)
	}
	switch response.HTTPStatusCode() {
	case http.StatusNotFound:
		return &report.Failure{
			Reason: fmt.Sprintf("the state bucket %s does not exist", b.Name),
			Effect: untouched,
			Next:   "make it, once per account and region, with bootstrap (dagger call … bootstrap, or slipway bootstrap) and the same region and state bucket",
		}
	case http.StatusMovedPermanently, http.StatusBadRequest:
		there := response.Response.Header.Get("X-Amz-Bucket-Region")
		if there == "" && response.HTTPStatusCode() == http.StatusBadRequest {
			break // a region would be named; S3 says 400 of much else
		}
		return &report.Failure{
			Reason: fmt.Sprintf("the state bucket %s is in %s, not in %s", b.Name, orUnknown(there), b.Region),
			Effect: untouched,
			Next:   "give the region of the environment with --region, and a state bucket of that region",
		}
	case http.StatusForbidden:
		return &report.Failure{
			Reason: fmt.Sprintf("the credentials may not use the state bucket %s, or it belongs to another account than %s", b.Name, b.Account),
			Effect: untouched,
			Next:   "allow s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject on it (docs/iam.md), or name another with --state-bucket",
		}
	}
	return fmt.Errorf("look for state bucket %s: %w", b.Name, err)
}

// absent tells whether HeadBucket's error says that there is no such bucket.
func absent(err error) bool {
	response, ok := errors.AsType[*awshttp.ResponseError](err)
	return ok && response.HTTPStatusCode() == http.StatusNotFound
}

// denied tells whether AWS refuses a call for want of a permission. S3 and IAM, DynamoDB, and EC2 have a code each.
func denied(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && (api.ErrorCode() == "AccessDenied" || api.ErrorCode() == "AccessDeniedException")
}

// bucketNames is what S3 takes, dots among it: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html
var bucketNames = regexp.MustCompile(`^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$`)

func orUnknown(region string) string {
	if region == "" {
		return "another region"
	}
	return region
}
