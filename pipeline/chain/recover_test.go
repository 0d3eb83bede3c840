package chain

import (
	"context"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ci/slipway/pipeline/report"
)

func TestAStepThatRecovers(t *testing.T) {
	succeed := func(context.Context) (Done, error) { return Done{}, nil }
	fail := func(context.Context) (Done, error) { return Done{}, errors.New("broken") }
	tests := map[string]struct {
		update, wait func(context.Context) (Done, error)
		recovered    error
		want         []string
		wantEffect   string
	}{
		"is no part of a run without a failure": {succeed, succeed, nil, []string{"update: succeeded", "wait: succeeded"}, ""},
		"runs when one of its steps failed": {succeed, fail, nil,
			[]string{"update: succeeded", "wait: failed", "rollback: succeeded"}, "rolled back"},
		"runs when the step behind the failed one did not start": {fail, succeed, nil,
			[]string{"update: failed", "wait: not started", "rollback: succeeded"}, "rolled back"},
		"leaves the first failure as it is when it fails itself": {succeed, fail, errors.New("worse"),
			[]string{"update: succeeded", "wait: failed", "rollback: failed"}, "rolled back"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			steps, err := Run(t.Context(), []Step{
				{Name: "update", Run: test.update},
				{Name: "wait", Needs: []string{"update"}, Run: test.wait},
				{Name: "rollback", Recovers: []string{"update", "wait"}, Recover: func(_ context.Context, f *report.Failure) (Done, error) {
					f.Effect = "rolled back"
					return Done{}, test.recovered
				}},
			}, quiet)
			if diff := cmp.Diff(test.want, outcomes(steps)); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			if test.wantEffect == "" {
				if err != nil {
					t.Errorf("error %v, want none", err)
				}
				return
			}
			f := report.AsFailure(err)
			if f.Reason != "broken" || f.Effect != test.wantEffect {
				t.Errorf("failure %q with effect %q, want broken, %q", f.Reason, f.Effect, test.wantEffect)
			}
		})
	}
}

func TestAFailureElsewhereIsNotRecovered(t *testing.T) {
	steps, _ := Run(t.Context(), []Step{
		{Name: "migrate", Run: func(context.Context) (Done, error) { return Done{}, errors.New("broken") }},
		{Name: "update", Needs: []string{"migrate"}, Run: func(context.Context) (Done, error) { return Done{}, nil }},
		{Name: "rollback", Recovers: []string{"update"}, Recover: func(context.Context, *report.Failure) (Done, error) {
			t.Error("it ran")
			return Done{}, nil
		}},
	}, quiet)
	if diff := cmp.Diff([]string{"migrate: failed", "update: not started"}, outcomes(steps)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestACancelledRunIsNotRecovered(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Run(ctx, []Step{
		{Name: "wait", Run: func(ctx context.Context) (Done, error) {
			cancel()
			return Done{}, ctx.Err()
		}},
		{Name: "rollback", Recovers: []string{"wait"}, Recover: func(context.Context, *report.Failure) (Done, error) {
			t.Error("it ran")
			return Done{}, nil
		}},
	}, quiet)
	if err == nil {
		t.Error("no error")
	}
}
