package service

import (
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/report"
)

func TestReturn(t *testing.T) {
	release := func(commit, revision string, outcome Outcome, serving bool) Past {
		return Past{
			Release: Release{Commit: commit, Revisions: map[string]string{"web": arnPrefix + "task-definition/blog-dev-web:" + revision}},
			Outcome: outcome, Serving: serving,
		}
	}
	tests := map[string]struct {
		past []Past
		to   string
		want string
	}{
		"the one that served before": {
			[]Past{release("c", "43", OutcomeComplete, true), release("b", "42", OutcomeComplete, false), release("a", "41", OutcomeComplete, false)}, "", "b"},
		"not one that failed, or that ECS rolled back": {
			[]Past{release("d", "44", OutcomeComplete, true), release("c", "43", OutcomeRolledBack, false), release("b", "42", OutcomeFailed, false), release("a", "41", OutcomeComplete, false)}, "", "a"},
		"not one that is newer than what serves": {
			[]Past{release("c", "43", OutcomeComplete, false), release("b", "42", OutcomeComplete, true), release("a", "41", OutcomeComplete, false)}, "", "a"},
		"the one that is named, whatever became of it": {
			[]Past{release("c", "43", OutcomeComplete, true), release("b", "42", OutcomeFailed, false)}, "blog-dev-web:42", "b"},
		"none is left":               {[]Past{release("c", "43", OutcomeComplete, true), release("b", "42", OutcomeUnfinished, false)}, "", ""},
		"no release at all":          {nil, "", ""},
		"a name that no release has": {[]Past{release("c", "43", OutcomeComplete, true)}, "blog-dev-web:4", ""},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			got, err := Return(test.past, test.to)
			if (err != nil) != (test.want == "") || got.Commit != test.want {
				t.Errorf("commit %q, error %v, want %q", got.Commit, err, test.want)
			}
		})
	}
}

func TestRecoverGoesToAllServicesOrToNone(t *testing.T) {
	c := many(2)
	past := Past{Release: Release{Revisions: map[string]string{c.Services[0].Name: arnPrefix + "task-definition/blog-dev-s00:41"}}}
	fake := &fakeECS{services: [][]types.Service{active(c.Services...)}, update: taken}
	d, _ := newDeployer(fake, nil, c)
	_, err := d.Recover(t.Context(), past)
	same(t, "reason", "the release blog-dev-s00:41 has no revision for blog-dev-s01", report.AsFailure(err).Reason)
	if len(fake.updated) > 0 {
		t.Error("a service was updated")
	}

	past.Revisions = revisions(c)
	deployments, err := d.Recover(t.Context(), past)
	if err != nil || len(deployments) != 2 {
		t.Errorf("deployments %v, error %v", deployments, err)
	}
}
