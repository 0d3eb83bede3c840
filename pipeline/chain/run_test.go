package chain

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-ci/slipway/pipeline/report"
)

func quiet(report.Step) {}

// fine is a step's work that succeeds at once.
func fine(context.Context) (Done, error) { return Done{}, nil }

// failing is a step's work that fails at once.
func failing(reason string) run {
	return func(context.Context) (Done, error) { return Done{}, errors.New(reason) }
}

// outcomes are the steps as one line each: "plan: not started".
func outcomes(steps []report.Step) []string {
	var lines []string
	for _, step := range steps {
		lines = append(lines, fmt.Sprintf("%s: %s", step.Name, step.Outcome))
	}
	return lines
}

// The steps meet: each of the three waits until the two others run. Were they run one after another, all goroutines would
// be blocked, which synctest reports.
func TestStepsThatNeedNothingOfEachOtherRunAtTheSameTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		arrived, open := make(chan string), make(chan struct{})
		meet := func(name string) run {
			return func(context.Context) (Done, error) {
				arrived <- name
				<-open
				return Done{}, nil
			}
		}
		go func() {
			for range 3 {
				<-arrived
			}
			close(open)
		}()
		steps, err := Run(t.Context(), []Step{
			{Name: "validate", Run: meet("validate")},
			{Name: "build", Run: meet("build")},
			{Name: "test", Run: meet("test")},
		}, quiet)
		if err != nil {
			t.Fatal(err)
		}
		want := []string{"validate: succeeded", "build: succeeded", "test: succeeded"}
		if diff := cmp.Diff(want, outcomes(steps)); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
	})
}

func TestAStepBeginsAfterThoseItNeedsHaveEnded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		work := func(long time.Duration) run {
			return func(context.Context) (Done, error) {
				time.Sleep(long) // of the bubble's clock
				return Done{Summary: long.String()}, nil
			}
		}
		begin := time.Now()
		steps, err := Run(t.Context(), []Step{
			{Name: "a", Run: work(3 * time.Second)},
			{Name: "b", Run: work(5 * time.Second)},
			{Name: "after a", Needs: []string{"a"}, Run: work(4 * time.Second)},
			{Name: "after both", Needs: []string{"a", "b"}, Run: work(time.Second)},
			{Name: "last", Needs: []string{"after a", "after both"}, Run: work(time.Second)},
		}, quiet)
		if err != nil {
			t.Fatal(err)
		}
		at := func(seconds int) time.Time { return begin.Add(time.Duration(seconds) * time.Second) }
		want := []report.Step{
			{Name: "a", Outcome: report.Succeeded, Summary: "3s", Started: at(0), Finished: at(3)},
			{Name: "b", Outcome: report.Succeeded, Summary: "5s", Started: at(0), Finished: at(5)},
			{Name: "after a", Needs: []string{"a"}, Outcome: report.Succeeded, Summary: "4s", Started: at(3), Finished: at(7)},
			{Name: "after both", Needs: []string{"a", "b"}, Outcome: report.Succeeded, Summary: "1s", Started: at(5), Finished: at(6)},
			{Name: "last", Needs: []string{"after a", "after both"}, Outcome: report.Succeeded, Summary: "1s", Started: at(7), Finished: at(8)},
		}
		if diff := cmp.Diff(want, steps); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
	})
}

func TestTheFirstFailureStopsWhatHasNotBegunAndCancelsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cancelled := false
		steps, err := Run(t.Context(), []Step{
			{Name: "fails", Run: func(context.Context) (Done, error) {
				time.Sleep(time.Second)
				return Done{Summary: "written before it failed"}, errors.New("the reason")
			}},
			{Name: "goes on", Run: func(ctx context.Context) (Done, error) {
				time.Sleep(2 * time.Second)
				cancelled = ctx.Err() != nil
				return Done{Summary: "all of it"}, nil
			}},
			{Name: "behind the one that goes on", Needs: []string{"goes on"}, Run: fine},
			{Name: "behind the one that fails", Needs: []string{"fails"}, Run: fine},
		}, quiet)

		want := &report.Failure{Step: "fails", Reason: "the reason"}
		if diff := cmp.Diff(want, err, cmpopts.IgnoreUnexported(report.Failure{})); diff != "" {
			t.Errorf("failure (-want +got):\n%s", diff)
		}
		if cancelled {
			t.Error("the context of a step that was under way was cancelled")
		}
		wantSteps := []string{
			"fails: failed", "goes on: succeeded",
			"behind the one that goes on: not started", "behind the one that fails: not started",
		}
		if diff := cmp.Diff(wantSteps, outcomes(steps)); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
		if steps[0].Summary != "" {
			t.Errorf("a failed step has the summary of a success: %q", steps[0].Summary)
		}
		if steps[1].Summary != "all of it" {
			t.Errorf("summary of the step that went on: %q", steps[1].Summary)
		}
		if !steps[2].Started.IsZero() || !steps[2].Finished.IsZero() {
			t.Errorf("a step that did not start has times: %+v", steps[2])
		}
	})
}

func TestOfTwoFailuresTheFirstIsReturned(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		steps, err := Run(t.Context(), []Step{
			{Name: "later", Run: func(context.Context) (Done, error) {
				time.Sleep(2 * time.Second)
				return Done{}, errors.New("later")
			}},
			{Name: "earlier", Run: func(context.Context) (Done, error) {
				time.Sleep(time.Second)
				return Done{}, errors.New("earlier")
			}},
		}, quiet)
		if got := report.AsFailure(err); got.Step != "earlier" || got.Reason != "earlier" {
			t.Errorf("failure of step %q: %q, want the earlier one's", got.Step, got.Reason)
		}
		if diff := cmp.Diff([]string{"later: failed", "earlier: failed"}, outcomes(steps)); diff != "" {
			t.Errorf("steps (-want +got):\n%s", diff)
		}
	})
}

func TestAFailureThatNamesItsStepKeepsIt(t *testing.T) {
	cause := errors.New("cause")
	original := (&report.Failure{Step: "migrate", Reason: "it exited with status 1"}).Because(cause)
	_, err := Run(t.Context(), []Step{{Name: "release", Run: func(context.Context) (Done, error) { return Done{}, original }}}, quiet)
	if got := report.AsFailure(err).Step; got != "migrate" {
		t.Errorf("failure at %q, want at migrate", got)
	}
	if !errors.Is(err, cause) {
		t.Error("the failure lost the error behind it")
	}

	unnamed := &report.Failure{Reason: "it exited with status 1"}
	_, err = Run(t.Context(), []Step{{Name: "release", Run: func(context.Context) (Done, error) { return Done{}, unnamed }}}, quiet)
	if got := report.AsFailure(err).Step; got != "release" {
		t.Errorf("failure at %q, want at release", got)
	}
	if unnamed.Step != "" {
		t.Error("the step's own failure was written to")
	}
}

func TestACancelledContext(t *testing.T) {
	stop := errors.New("somebody pressed Ctrl-C")
	tests := map[string]struct {
		steps    func(cancel context.CancelCauseFunc) []Step
		want     []string
		wantStep string
		wantErr  error
	}{
		"before the run starts nothing": {
			steps: func(cancel context.CancelCauseFunc) []Step {
				cancel(stop)
				return []Step{{Name: "a", Run: fine}, {Name: "b", Run: fine}}
			},
			want:    []string{"a: not started", "b: not started"},
			wantErr: stop,
		},
		"during a step that ends well starts none after it": {
			steps: func(cancel context.CancelCauseFunc) []Step {
				return []Step{
					{Name: "a", Run: func(context.Context) (Done, error) { cancel(stop); return Done{}, nil }},
					{Name: "b", Needs: []string{"a"}, Run: fine},
				}
			},
			want:    []string{"a: succeeded", "b: not started"},
			wantErr: stop,
		},
		"during a step that gives up is that step's failure": {
			steps: func(cancel context.CancelCauseFunc) []Step {
				return []Step{
					{Name: "a", Run: func(ctx context.Context) (Done, error) { cancel(stop); return Done{}, context.Cause(ctx) }},
					{Name: "b", Needs: []string{"a"}, Run: fine},
				}
			},
			want:     []string{"a: failed", "b: not started"},
			wantStep: "a",
		},
		"during the last step, when everything was done, is no failure": {
			steps: func(cancel context.CancelCauseFunc) []Step {
				return []Step{{Name: "a", Run: func(context.Context) (Done, error) { cancel(stop); return Done{}, nil }}}
			},
			want: []string{"a: succeeded"},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			steps, err := Run(ctx, test.steps(cancel), quiet)
			if diff := cmp.Diff(test.want, outcomes(steps)); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
			switch {
			case test.wantErr != nil:
				if !errors.Is(err, test.wantErr) {
					t.Errorf("error %v, want one because of %v", err, test.wantErr)
				}
			case test.wantStep != "":
				if got := report.AsFailure(err).Step; got != test.wantStep {
					t.Errorf("failure at %q, want at %q", got, test.wantStep)
				}
			case err != nil:
				t.Errorf("error: %v", err)
			}
		})
	}
}

func TestProgressIsToldOfStartAndEndOneAtATime(t *testing.T) {
	var told []string
	inside := false
	progress := func(step report.Step) {
		if inside {
			t.Error("progress is told of two steps at once")
		}
		inside = true
		defer func() { inside = false }()
		told = append(told, fmt.Sprintf("%s %s", step.Name, step.Outcome))
		if step.Started.IsZero() {
			t.Errorf("progress on %s without the time of its start", step.Name)
		}
	}
	_, err := Run(t.Context(), []Step{
		{Name: "a", Run: fine},
		{Name: "b", Needs: []string{"a"}, Run: failing("no")},
		{Name: "c", Needs: []string{"b"}, Run: fine},
	}, progress)
	if err == nil {
		t.Error("no error")
	}
	want := []string{"a not started", "a succeeded", "b not started", "b failed"}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("progress (-want +got):\n%s", diff)
	}
}

func TestInnerStepsTakeThePlaceOfTheStepThatRanThem(t *testing.T) {
	inner := func(names ...string) run {
		return func(context.Context) (Done, error) {
			var steps []report.Step
			for i, name := range names {
				step := report.Step{Name: name, Outcome: report.Succeeded}
				if i > 0 {
					step.Needs = []string{names[i-1]}
				}
				steps = append(steps, step)
			}
			return Done{Steps: steps}, nil
		}
	}
	steps, err := Run(t.Context(), []Step{
		{Name: "plan", Run: fine},
		{Name: "test", Run: fine},
		{Name: "apply", Needs: []string{"plan", "test"}, Run: inner("guard", "apply")},
		{Name: "release", Needs: []string{"apply"}, Run: inner("contract", "push", "smoke")},
		{Name: "tell", Needs: []string{"release", "test"}, Run: fine},
	}, quiet)
	if err != nil {
		t.Fatal(err)
	}
	want := []report.Step{
		{Name: "plan"}, {Name: "test"},
		{Name: "guard", Needs: []string{"plan", "test"}},
		{Name: "apply", Needs: []string{"guard"}},
		{Name: "contract", Needs: []string{"apply"}},
		{Name: "push", Needs: []string{"contract"}},
		{Name: "smoke", Needs: []string{"push"}},
		{Name: "tell", Needs: []string{"smoke", "test"}},
	}
	ignore := cmpopts.IgnoreFields(report.Step{}, "Outcome", "Started", "Finished")
	if diff := cmp.Diff(want, steps, ignore); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestInnerStepsOfAStepThatFailedAreReportedAsFarAsTheyGot(t *testing.T) {
	steps, err := Run(t.Context(), []Step{
		{Name: "release", Run: func(context.Context) (Done, error) {
			return Done{Steps: []report.Step{
				{Name: "contract", Outcome: report.Succeeded},
				{Name: "push", Needs: []string{"contract"}, Outcome: report.Failed},
				{Name: "verify", Needs: []string{"push"}, Outcome: report.NotStarted},
			}}, &report.Failure{Step: "push", Reason: "refused"}
		}},
	}, quiet)
	if got := report.AsFailure(err).Step; got != "push" {
		t.Errorf("failure at %q, want at push", got)
	}
	want := []string{"contract: succeeded", "push: failed", "verify: not started"}
	if diff := cmp.Diff(want, outcomes(steps)); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
}

func TestATableThatCanNotBeRunIsAnErrorAndRunsNothing(t *testing.T) {
	tests := map[string]struct {
		table []Step
		want  string
	}{
		"a need that is no step":            {[]Step{{Name: "a", Needs: []string{"b"}}}, `step "a" needs "b", which does not stand above it`},
		"a need that stands below":          {[]Step{{Name: "a", Needs: []string{"b"}}, {Name: "b"}}, `step "a" needs "b", which does not stand above it`},
		"a step that needs itself":          {[]Step{{Name: "a", Needs: []string{"a"}}}, `step "a" needs "a", which does not stand above it`},
		"two steps with one name":           {[]Step{{Name: "a"}, {Name: "a"}}, `step "a" stands in the table twice`},
		"a mistake behind a step that runs": {[]Step{{Name: "a"}, {Name: "b", Needs: []string{"c"}}}, `step "b" needs "c", which does not stand above it`},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			for i := range test.table {
				test.table[i].Run = func(context.Context) (Done, error) {
					t.Error("a step ran")
					return Done{}, nil
				}
			}
			steps, err := Run(t.Context(), test.table, quiet)
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if len(steps) > 0 {
				t.Errorf("steps %v, want none", outcomes(steps))
			}
		})
	}
}
