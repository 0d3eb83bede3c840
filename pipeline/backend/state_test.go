package backend

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"
)

type fakeState struct {
	content string
	err     error
}

func (f fakeState) GetObject(_ context.Context, input *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	if *input.Bucket != "bucket" || *input.Key != "blog/dev/terraform.tfstate" {
		return nil, errors.New("another object")
	}
	if f.err != nil {
		return nil, f.err
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(strings.NewReader(f.content))}, nil
}

func TestReadState(t *testing.T) {
	tests := map[string]struct {
		state   fakeState
		want    State
		wantErr string
	}{
		"a state": {
			fakeState{content: `{"version": 4, "terraform_version": "1.11.4", "serial": 12, "lineage": "6f1a", "outputs": {}, "resources": []}`},
			State{Lineage: "6f1a", Serial: 12, Terraform: "1.11.4"}, "",
		},
		"no state yet":           {fakeState{err: &types.NoSuchKey{}}, State{}, ""},
		"an answer of no":        {fakeState{err: errors.New("access denied")}, State{}, "read the state bucket/blog/dev/terraform.tfstate: access denied"},
		"something else":         {fakeState{content: "hello"}, State{}, "the object bucket/blog/dev/terraform.tfstate is not a Terraform state"},
		"JSON of something else": {fakeState{content: `{"version": 4}`}, State{}, "is not a Terraform state: it has no lineage"},
		"half a state":           {fakeState{content: `{"version": 4, "lineage": "6f1a", "serial"`}, State{}, "is not a Terraform state"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			got, err := ReadState(t.Context(), test.state, "bucket", "blog/dev/terraform.tfstate")
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("state (-want +got):\n%s", diff)
			}
			if (err == nil) != (test.wantErr == "") || err != nil && !strings.Contains(err.Error(), test.wantErr) {
				t.Errorf("error %v, want %q", err, test.wantErr)
			}
		})
	}
}
