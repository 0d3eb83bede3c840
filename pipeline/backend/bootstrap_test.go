package backend

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

// fakeS3 is an S3 of one bucket.
type fakeS3 struct {
	exists, foreign bool
	fails           string // the call that is refused
	calls           []string

	create     *s3.CreateBucketInput
	versioning *s3.PutBucketVersioningInput
	encryption *s3.PutBucketEncryptionInput
	access     *s3.PutPublicAccessBlockInput
	policy     *s3.PutBucketPolicyInput
}

var errRefused = errors.New("AccessDenied")

func (f *fakeS3) called(name string) error {
	f.calls = append(f.calls, name)
	if f.fails == name {
		return errRefused
	}
	return nil
}

func (f *fakeS3) CreateBucket(_ context.Context, input *s3.CreateBucketInput, _ ...func(*s3.Options)) (*s3.CreateBucketOutput, error) {
	f.create = input
	if err := f.called("CreateBucket"); err != nil {
		return nil, err
	}
	switch {
	case f.foreign:
		return nil, &types.BucketAlreadyExists{}
	case f.exists:
		return nil, &types.BucketAlreadyOwnedByYou{}
	}
	f.exists = true
	return &s3.CreateBucketOutput{}, nil
}

func (f *fakeS3) PutBucketVersioning(_ context.Context, input *s3.PutBucketVersioningInput, _ ...func(*s3.Options)) (*s3.PutBucketVersioningOutput, error) {
	f.versioning = input
	return nil, f.called("PutBucketVersioning")
}

func (f *fakeS3) PutBucketEncryption(_ context.Context, input *s3.PutBucketEncryptionInput, _ ...func(*s3.Options)) (*s3.PutBucketEncryptionOutput, error) {
	f.encryption = input
	return nil, f.called("PutBucketEncryption")
}

func (f *fakeS3) PutPublicAccessBlock(_ context.Context, input *s3.PutPublicAccessBlockInput, _ ...func(*s3.Options)) (*s3.PutPublicAccessBlockOutput, error) {
	f.access = input
	return nil, f.called("PutPublicAccessBlock")
}

func (f *fakeS3) PutBucketPolicy(_ context.Context, input *s3.PutBucketPolicyInput, _ ...func(*s3.Options)) (*s3.PutBucketPolicyOutput, error) {
	f.policy = input
	return nil, f.called("PutBucketPolicy")
}

var unexported = []cmp.Option{
	cmpopts.IgnoreUnexported(
		s3.CreateBucketInput{}, types.CreateBucketConfiguration{},
		s3.PutBucketVersioningInput{}, types.VersioningConfiguration{},
		s3.PutBucketEncryptionInput{}, types.ServerSideEncryptionConfiguration{}, types.ServerSideEncryptionRule{}, types.ServerSideEncryptionByDefault{},
		s3.PutPublicAccessBlockInput{}, types.PublicAccessBlockConfiguration{},
	),
}

func TestBootstrapSetsTheBucketUp(t *testing.T) {
	var fake fakeS3
	created, err := Bootstrap(t.Context(), &fake, "states", "eu-central-1")
	if err != nil || !created {
		t.Fatalf("created %t, %v", created, err)
	}
	bucket := aws.String("states")
	check := func(what string, want, got any) {
		t.Helper()
		if diff := cmp.Diff(want, got, unexported...); diff != "" {
			t.Errorf("%s (-want +got):\n%s", what, diff)
		}
	}
	check("creation", &s3.CreateBucketInput{
		Bucket: bucket, ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{LocationConstraint: "eu-central-1"},
	}, fake.create)
	check("versioning", &s3.PutBucketVersioningInput{
		Bucket: bucket, VersioningConfiguration: &types.VersioningConfiguration{Status: "Enabled"},
	}, fake.versioning)
	check("encryption", &s3.PutBucketEncryptionInput{
		Bucket: bucket, ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{
			{ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: "AES256"}},
		}},
	}, fake.encryption)
	yes := aws.Bool(true)
	check("public access block", &s3.PutPublicAccessBlockInput{
		Bucket: bucket, PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
			BlockPublicAcls: yes, BlockPublicPolicy: yes, IgnorePublicAcls: yes, RestrictPublicBuckets: yes,
		},
	}, fake.access)

	check("the policy's bucket", bucket, fake.policy.Bucket)
	var policy any
	if err := json.Unmarshal([]byte(aws.ToString(fake.policy.Policy)), &policy); err != nil {
		t.Fatal(err)
	}
	check("policy", map[string]any{
		"Version": "2012-10-17",
		"Statement": []any{map[string]any{
			"Sid": "TLSOnly", "Effect": "Deny", "Principal": "*", "Action": "s3:*",
			"Resource":  []any{"arn:aws:s3:::states", "arn:aws:s3:::states/*"},
			"Condition": map[string]any{"Bool": map[string]any{"aws:SecureTransport": "false"}},
		}},
	}, policy)
}

// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
func TestTheArnsOfThePolicyAreOfTheRegionsPartition(t *testing.T) {
	for region, want := range map[string]string{
		"eu-central-1": "arn:aws:s3:::states", "us-gov-west-1": "arn:aws-us-gov:s3:::states", "cn-north-1": "arn:aws-cn:s3:::states",
	} {
		var fake fakeS3
		if _, err := Bootstrap(t.Context(), &fake, "states", region); err != nil {
			t.Fatal(err)
		}
		if got := aws.ToString(fake.policy.Policy); !strings.Contains(got, `["`+want+`","`+want+`/*"]`) {
			t.Errorf("policy in %s: %s", region, got)
		}
	}
}

func TestBootstrapTwiceEndsInTheSameBucket(t *testing.T) {
	var fake fakeS3
	var first []string
	for i, wantCreated := range []bool{true, false} {
		fake.calls = nil
		created, err := Bootstrap(t.Context(), &fake, "states", "eu-central-1")
		if err != nil {
			t.Fatal(err)
		}
		if created != wantCreated {
			t.Errorf("run %d: created %t, want %t", i+1, created, wantCreated)
		}
		if i == 0 {
			first = fake.calls
		} else if diff := cmp.Diff(first, fake.calls); diff != "" {
			t.Errorf("calls of the second run (-first +second):\n%s", diff)
		}
	}
}

func TestTheOneRegionThatMayNotBeNamedIsNot(t *testing.T) {
	var fake fakeS3
	if _, err := Bootstrap(t.Context(), &fake, "states", "us-east-1"); err != nil {
		t.Fatal(err)
	}
	if fake.create.CreateBucketConfiguration != nil {
		t.Errorf("constraint %v", fake.create.CreateBucketConfiguration)
	}
}

func TestBootstrapOfSomebodyElsesBucketTouchesNothing(t *testing.T) {
	fake := fakeS3{foreign: true}
	created, err := Bootstrap(t.Context(), &fake, "states", "eu-central-1")
	if _, ok := errors.AsType[*types.BucketAlreadyExists](err); !ok || created {
		t.Errorf("created %t, error %v", created, err)
	}
	if diff := cmp.Diff([]string{"CreateBucket"}, fake.calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestARefusedSettingIsNamed(t *testing.T) {
	for call, want := range map[string]string{
		"CreateBucket":         "create state bucket states in eu-central-1: AccessDenied",
		"PutBucketVersioning":  "set versioning of state bucket states: AccessDenied",
		"PutBucketEncryption":  "set encryption of state bucket states: AccessDenied",
		"PutPublicAccessBlock": "set public access block of state bucket states: AccessDenied",
		"PutBucketPolicy":      "set policy of state bucket states: AccessDenied",
	} {
		t.Run(call, func(t *testing.T) {
			fake := fakeS3{fails: call}
			created, err := Bootstrap(t.Context(), &fake, "states", "eu-central-1")
			if !errors.Is(err, errRefused) || err.Error() != want {
				t.Errorf("error %v, want %q", err, want)
			}
			if want := call != "CreateBucket"; created != want {
				t.Errorf("created %t, want %t", created, want)
			}
			if last := fake.calls[len(fake.calls)-1]; last != call {
				t.Errorf("it went on to %s", last)
			}
		})
	}
}

// The codes must be the SDK's own errors on the wire, not only in a fake.
func TestWhoOwnsABucketOnTheWire(t *testing.T) {
	for code, wantErr := range map[string]bool{"BucketAlreadyOwnedByYou": false, "BucketAlreadyExists": true} {
		t.Run(code, func(t *testing.T) {
			s3 := client(t, func(w http.ResponseWriter, r *http.Request) {
				if r.URL.RawQuery == "" {
					w.WriteHeader(http.StatusConflict)
					w.Write([]byte(`<Error><Code>` + code + `</Code><Message>x</Message></Error>`))
				}
			})
			created, err := Bootstrap(t.Context(), s3, "states", "eu-central-1")
			if created || (err != nil) != wantErr {
				t.Errorf("created %t, error %v", created, err)
			}
		})
	}
}
