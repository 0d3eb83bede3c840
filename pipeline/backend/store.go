package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/slipway-ci/slipway/pipeline/endpoint"
)

// Store is where the state of one environment lies, with what lies beside it: the lease, Terraform's lock, the journal.
type Store struct {
	Bucket, Key string
	// Table is the DynamoDB table with Terraform's locks, for those who still have one; empty for none.
	Table string

	objects objectAPI
	items   itemAPI
}

// NewStore returns the store of the state at a key of a bucket. The table is empty where locks lie only in the bucket.
func NewStore(cfg aws.Config, to endpoint.Endpoint, bucket, key, table string) Store {
	return Store{Bucket: bucket, Key: key, Table: table, objects: Client(cfg, to), items: dynamodb.NewFromConfig(cfg)}
}

// State says which state is there.
func (s Store) State(ctx context.Context) (State, error) {
	return ReadState(ctx, s.objects, s.Bucket, s.Key)
}

type objectAPI interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
	PutObject(context.Context, *s3.PutObjectInput, ...func(*s3.Options)) (*s3.PutObjectOutput, error)
	DeleteObject(context.Context, *s3.DeleteObjectInput, ...func(*s3.Options)) (*s3.DeleteObjectOutput, error)
}

var (
	// errAbsent is returned for what isn't there.
	errAbsent = errors.New("it isn't there")
	// errChanged is returned by a conditional write that came too late: somebody else has written or removed it.
	errChanged = errors.New("somebody else has changed it")
)

// object is an object of the bucket that is only ever written on the condition that nobody else has written it since.
//
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-requests.html
type object struct {
	objects     objectAPI
	bucket, key string
}

func (s Store) object(suffix string) object { return object{s.objects, s.Bucket, s.Key + suffix} }

func (o object) String() string { return "s3://" + o.bucket + "/" + o.key }

// read returns the content and the ETag, or errAbsent.
func (o object) read(ctx context.Context) ([]byte, string, error) {
	output, err := o.objects.GetObject(ctx, &s3.GetObjectInput{Bucket: &o.bucket, Key: &o.key})
	if err != nil {
		return nil, "", o.failed("read", err)
	}
	defer output.Body.Close()
	content, err := io.ReadAll(output.Body)
	if err != nil {
		return nil, "", fmt.Errorf("read %s: %w", o, err)
	}
	return content, aws.ToString(output.ETag), nil
}

// write replaces the object with this ETag, or makes it where the ETag is empty. It returns the new ETag, or errChanged.
func (o object) write(ctx context.Context, content []byte, etag string) (string, error) {
	input := &s3.PutObjectInput{Bucket: &o.bucket, Key: &o.key, Body: bytes.NewReader(content), ContentType: aws.String("application/json")}
	if etag == "" {
		input.IfNoneMatch = aws.String("*")
	} else {
		input.IfMatch = &etag
	}
	output, err := o.objects.PutObject(ctx, input)
	if err != nil {
		return "", o.failed("write", err)
	}
	return aws.ToString(output.ETag), nil
}

// remove deletes the object with this ETag. It returns errChanged where there is another one, errAbsent where there is none.
func (o object) remove(ctx context.Context, etag string) error {
	if _, err := o.objects.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &o.bucket, Key: &o.key, IfMatch: &etag}); err != nil {
		return o.failed("delete", err)
	}
	return nil
}

// failed turns S3's answers to a condition into errors of this package. 409 is a write at the same time as another one:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/conditional-writes.html#conditional-error-response
func (o object) failed(verb string, err error) error {
	if response, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		switch response.HTTPStatusCode() {
		case http.StatusNotFound:
			return fmt.Errorf("%s %s: %w", verb, o, errAbsent)
		case http.StatusPreconditionFailed, http.StatusConflict:
			return fmt.Errorf("%s %s: %w", verb, o, errChanged)
		}
	}
	return fmt.Errorf("%s %s: %w", verb, o, err)
}
