package destroy

import (
	"context"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"
)

// fakeParameters has parameters on pages of eight, and takes ten names a deletion, as AWS does.
type fakeParameters struct {
	there   int
	deleted []string
}

func (f *fakeParameters) GetParametersByPath(_ context.Context, input *ssm.GetParametersByPathInput, _ ...func(*ssm.Options)) (*ssm.GetParametersByPathOutput, error) {
	from := 0
	if input.NextToken != nil {
		from = 8
	}
	output := &ssm.GetParametersByPathOutput{}
	for n := from; n < min(from+8, f.there); n++ {
		output.Parameters = append(output.Parameters, types.Parameter{Name: aws.String(fmt.Sprintf("%s/%d", *input.Path, n))})
	}
	if from+8 < f.there {
		output.NextToken = aws.String("more")
	}
	return output, nil
}

func (f *fakeParameters) DeleteParameters(_ context.Context, input *ssm.DeleteParametersInput, _ ...func(*ssm.Options)) (*ssm.DeleteParametersOutput, error) {
	if len(input.Names) == 0 || len(input.Names) > 10 {
		return nil, fmt.Errorf("%d names", len(input.Names))
	}
	f.deleted = append(f.deleted, input.Names...)
	return &ssm.DeleteParametersOutput{}, nil
}

func TestTheRecordOfMigrationsGoes(t *testing.T) {
	for _, there := range []int{0, 1, 13} {
		fake := &fakeParameters{there: there}
		if err := (&Migrations{fake}).Delete(t.Context(), "/slipway/blog/dev/migration"); err != nil {
			t.Errorf("of %d: %v", there, err)
		}
		var want []string
		for n := range there {
			want = append(want, fmt.Sprintf("/slipway/blog/dev/migration/%d", n))
		}
		if diff := cmp.Diff(want, fake.deleted); diff != "" {
			t.Errorf("of %d (-want +got):\n%s", there, diff)
		}
	}
}
