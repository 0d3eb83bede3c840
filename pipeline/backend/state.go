package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/slipway-ci/slipway/pipeline/report"
)

type stateAPI interface {
	GetObject(context.Context, *s3.GetObjectInput, ...func(*s3.Options)) (*s3.GetObjectOutput, error)
}

// State is which state an environment has: Terraform gives a state a lineage when it is made, and counts its changes. A state
// that isn't there yet has neither.
type State struct {
	Lineage string `json:"lineage"`
	Serial  uint64 `json:"serial"`
	// Terraform is the version that wrote it.
	Terraform string `json:"terraform_version"`
}

// ReadState reads which state lies in the bucket.
func ReadState(ctx context.Context, client stateAPI, bucket, key string) (State, error) {
	output, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &bucket, Key: &key})
	if _, none := errors.AsType[*types.NoSuchKey](err); none {
		return State{}, nil
	}
	if err != nil {
		return State{}, fmt.Errorf("read the state %s/%s: %w", bucket, key, err)
	}
	defer output.Body.Close()
	var state State
	err = json.NewDecoder(output.Body).Decode(&state)
	if err == nil && state.Lineage == "" {
		err = errors.New("it has no lineage")
	}
	if err != nil {
		return State{}, (&report.Failure{
			Reason: fmt.Sprintf("the object %s/%s is not a Terraform state", bucket, key),
			Effect: "nothing was changed",
			Next:   "bring an earlier version of the object back (docs/operations.md, the state bucket)",
		}).Because(err)
	}
	return state, nil
}
