package backend

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ci/slipway/pipeline/endpoint"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// client is the real S3 client, on a server that answers as it is told.
func client(t *testing.T, answer http.HandlerFunc) *s3.Client {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return Client(aws.Config{
		Region:           "eu-central-1",
		BaseEndpoint:     &server.URL,
		RetryMaxAttempts: 1,
		Credentials: aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) {
			return aws.Credentials{AccessKeyID: "key", SecretAccessKey: "secret"}, nil
		}),
	}, endpoint.Endpoint(server.URL))
}

func TestNames(t *testing.T) {
	if got, want := BucketName("111111111111", "eu-central-1"), "slipway-state-111111111111-eu-central-1"; got != want {
		t.Errorf("bucket %q, want %q", got, want)
	}
	if got, want := Key("blog", "dev"), "blog/dev/terraform.tfstate"; got != want {
		t.Errorf("key %q, want %q", got, want)
	}
}

func TestOnlyAnEmulatorIsAskedByPath(t *testing.T) {
	for to, want := range map[endpoint.Endpoint]bool{"": false, "http://emulator": true} {
		if got := Client(aws.Config{}, to).Options().UsePathStyle; got != want {
			t.Errorf("endpoint %q: path style %t, want %t", to, got, want)
		}
	}
}

func TestCheck(t *testing.T) {
	const versioned = `<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>`
	unversioned := &report.Failure{
		Reason: "the state bucket states keeps no versions: a state that is damaged or deleted there could not be had back",
		Effect: "nothing was changed",
		Next:   "turn versioning on with bootstrap (dagger call … bootstrap, or slipway bootstrap) and the same region and state bucket",
	}
	tests := map[string]struct {
		status int
		header http.Header
		// versioning is the answer to the question for it, 403 where it is empty.
		versioning  string
		wantFailure *report.Failure
		wantErr     bool
		wantSaid    []string
	}{
		"a bucket that can be used":                {status: 200, versioning: versioned},
		"a bucket that never kept versions":        {status: 200, versioning: `<VersioningConfiguration/>`, wantFailure: unversioned},
		"a bucket that keeps no versions any more": {status: 200, versioning: `<VersioningConfiguration><Status>Suspended</Status></VersioningConfiguration>`, wantFailure: unversioned},
		"nobody may ask for versions": {status: 200, wantSaid: []string{
			"whether the state bucket states keeps versions can't be seen: s3:GetBucketVersioning is denied",
		}},
		"versions can't be read": {status: 200, versioning: "<", wantErr: true},
		"no bucket": {status: 404, wantFailure: &report.Failure{
			Reason: "the state bucket states does not exist",
			Effect: "nothing was changed",
			Next:   "make it, once per account and region, with bootstrap (dagger call … bootstrap, or slipway bootstrap) and the same region and state bucket",
		}},
		"a bucket of another region": {status: 301, header: http.Header{"X-Amz-Bucket-Region": {"us-west-2"}}, wantFailure: &report.Failure{
			Reason: "the state bucket states is in us-west-2, not in eu-central-1",
			Effect: "nothing was changed",
			Next:   "give the region of the environment with --region, and a state bucket of that region",
		}},
		"a bucket of another region, from a region that says 400": {status: 400, header: http.Header{"X-Amz-Bucket-Region": {"us-west-2"}}, wantFailure: &report.Failure{
			Reason: "the state bucket states is in us-west-2, not in eu-central-1",
			Effect: "nothing was changed",
			Next:   "give the region of the environment with --region, and a state bucket of that region",
		}},
		"a bucket of a region that isn't said": {status: 301, wantFailure: &report.Failure{
			Reason: "the state bucket states is in another region, not in eu-central-1",
			Effect: "nothing was changed",
			Next:   "give the region of the environment with --region, and a state bucket of that region",
		}},
		"somebody else's bucket": {status: 403, wantFailure: &report.Failure{
			Reason: "the credentials may not use the state bucket states, or it belongs to another account than 111111111111",
			Effect: "nothing was changed",
			Next:   "allow s3:ListBucket, s3:GetObject, s3:PutObject and s3:DeleteObject on it (docs/iam.md), or name another with --state-bucket",
		}},
		"a request that S3 can't read": {status: 400, wantErr: true},
		"S3 is broken":                 {status: 500, wantErr: true},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			s3 := client(t, func(w http.ResponseWriter, r *http.Request) {
				if got := r.Header.Get("X-Amz-Expected-Bucket-Owner"); got != account || r.URL.Path != "/states" {
					t.Errorf("request %s %s of the owner %q", r.Method, r.URL, got)
				}
				if r.URL.Query().Has("versioning") {
					if test.versioning == "" {
						w.WriteHeader(http.StatusForbidden)
						w.Write([]byte(`<Error><Code>AccessDenied</Code></Error>`))
					}
					w.Write([]byte(test.versioning))
					return
				}
				for name, values := range test.header {
					w.Header()[name] = values
				}
				w.WriteHeader(test.status)
			})
			var said []string
			err := Check(t.Context(), s3, wanted().Bucket, func(line string) { said = append(said, line) })
			if diff := cmp.Diff(test.wantSaid, said); diff != "" {
				t.Errorf("said (-want +got):\n%s", diff)
			}
			failure, _ := errors.AsType[*report.Failure](err)
			if diff := cmp.Diff(test.wantFailure, failure, cmp.AllowUnexported(report.Failure{})); diff != "" {
				t.Errorf("failure (-want +got):\n%s", diff)
			}
			if want := test.wantErr || test.wantFailure != nil; (err != nil) != want {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestCheckOfAnS3ThatDoesNotAnswer(t *testing.T) {
	s3 := client(t, func(w http.ResponseWriter, r *http.Request) { panic(http.ErrAbortHandler) })
	err := Check(t.Context(), s3, wanted().Bucket, func(line string) { t.Errorf("said %q", line) })
	if _, ok := errors.AsType[*report.Failure](err); err == nil || ok {
		t.Errorf("error %v, want one that claims nothing about the bucket", err)
	}
}
