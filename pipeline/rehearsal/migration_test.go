//go:build rehearsal

package rehearsal

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// migrations are the tasks of migrations of these revisions, in the order in which they began.
func (r *rig) migrations(t testing.TB, revisions ...string) []types.Task {
	t.Helper()
	tasks := slices.DeleteFunc(r.tasks(t), func(task types.Task) bool {
		arn := aws.ToString(task.TaskDefinitionArn)
		return !strings.HasPrefix(aws.ToString(task.StartedBy), "slipway-") || !slices.Contains(revisions, arn[strings.LastIndexByte(arn, '/')+1:])
	})
	slices.SortFunc(tasks, func(a, b types.Task) int { return aws.ToTime(a.CreatedAt).Compare(aws.ToTime(b.CreatedAt)) })
	return tasks
}

func TestTwoDeploymentsAtOnceMigrateOneAfterTheOther(t *testing.T) {
	environmentOf(t)
	shared.deployQuickly(t)
	var (
		deploy [2][]string
		ended  [2]ran
		errs   [2]error
		group  sync.WaitGroup
	)
	for i := range ended {
		q := shared.quickly(t, "MIGRATION_TAKES=10")
		pushed := must(shared.slipway(t.Context(), "push", "--archive", q.archive, "--commit", q.commit))(t)
		if pushed.status != 0 {
			t.Fatalf("push ended with status %d:\n%s", pushed.status, pushed.output)
		}
		deploy[i] = []string{"redeploy", "--digest", pushed.result.Release.Digest, "--commit", q.commit, "--source", shared.dir}
	}
	for i := range ended {
		group.Go(func() { ended[i], errs[i] = shared.slipway(t.Context(), deploy[i]...) })
	}
	group.Wait()
	var revisions []string
	waited := 0
	for i, e := range ended {
		must(e, errs[i])(t)
		if e.status != 0 {
			t.Errorf("one ended with status %d:\n%s", e.status, e.output)
		}
		revisions = append(revisions, e.result.Release.Revisions...)
		waited += strings.Count(e.output, "waiting for the migration of commit ")
	}
	tasks := shared.migrations(t, revisions...)
	if len(tasks) != 2 {
		t.Fatalf("%d migrations ran, of %q", len(tasks), revisions)
	}
	if waited != 1 {
		t.Errorf("%d deployments say that they wait, not one:\n%s\n%s", waited, ended[0].output, ended[1].output)
	}
	first, second := aws.ToTime(tasks[0].StoppedAt), aws.ToTime(tasks[1].CreatedAt)
	t.Logf("the second migration began %s after the first had stopped", second.Sub(first))
	if first.IsZero() || second.Before(first) {
		t.Errorf("the second migration began at %s, and the first stopped at %s", second, first)
	}
}

func TestMigrateRunsTheMigrationAndTouchesNoService(t *testing.T) {
	environmentOf(t)
	running := shared.deployQuickly(t)
	digest := must(shared.slipway(t.Context(), "history", "--last", "1"))(t).result.Releases[0].Digest
	tests := map[string]struct {
		args       []string
		registered int
	}{
		"of what runs": {nil, 0},
		"of an image":  {[]string{"--digest", digest, "--commit", running.commit}, 1},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			before := shared.look(t)
			ended := must(shared.slipway(t.Context(), append([]string{"migrate"}, test.args...)...))(t)
			if ended.status != 0 {
				t.Fatalf("it ended with status %d:\n%s", ended.status, ended.output)
			}
			holds(t, ended.output, "| migrated", "exited with 0")
			after := shared.look(t)
			if n := len(after.Revisions) - len(before.Revisions); n != test.registered {
				t.Errorf("%d revisions were registered, not %d", n, test.registered)
			}
			if after.Running != before.Running || !slices.Equal(after.Deployments, before.Deployments) {
				t.Errorf("the service ran %s (%q) and runs %s (%q)", before.Running, before.Deployments, after.Running, after.Deployments)
			}
			if test.registered > 0 {
				if past := must(shared.slipway(t.Context(), "history", "--last", "1"))(t).result.Releases; past[0].Outcome != "migrated" {
					t.Errorf("the history begins with %+v", past[0])
				}
			}
		})
	}
}
