package service

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/report"
)

func TestWaitGivesUpBeforeTheCircuitBreaker(t *testing.T) {
	since := time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)
	stopped := func(id string, after time.Duration, code types.TaskStopCode, reason string) types.Task {
		return types.Task{
			TaskArn: aws.String(arnPrefix + "task/blog-dev/" + id), TaskDefinitionArn: aws.String(webNew), StopCode: code,
			StoppedReason: &reason, CreatedAt: aws.Time(since.Add(after)), LastStatus: aws.String("STOPPED"),
		}
	}
	const exited, unstarted, scheduler = types.TaskStopCodeEssentialContainerExited, types.TaskStopCodeTaskFailedToStart, types.TaskStopCodeServiceSchedulerInitiated
	tests := map[string]struct {
		attempts int
		tasks    []types.Task
		lasting  bool // by the diagnosis
		want     bool
	}{
		"when two tasks exited":                   {2, []types.Task{stopped("a", 1, exited, "x"), stopped("b", 2, exited, "x")}, false, true},
		"when one exited and one could not start": {2, []types.Task{stopped("a", 1, exited, "x"), stopped("b", 2, unstarted, "x")}, false, true},
		"when health checks ended two": {2, []types.Task{
			stopped("a", 1, scheduler, "Task failed ELB health checks in (target-group x)"), stopped("b", 2, scheduler, "Task failed container health checks"),
		}, false, true},
		"not when one task exited, which may heal":             {2, []types.Task{stopped("a", 1, exited, "x")}, false, false},
		"when one exited and one attempt is all there is":      {1, []types.Task{stopped("a", 1, exited, "x")}, false, true},
		"not when ECS itself stopped them":                     {2, []types.Task{stopped("a", 1, scheduler, "Scaling activity"), stopped("b", 2, scheduler, "Scaling activity")}, false, false},
		"not for tasks of before the deployment":               {2, []types.Task{stopped("a", -2, exited, "x"), stopped("b", -1, exited, "x")}, false, false},
		"when one exited for a cause that lies in the release": {2, []types.Task{stopped("a", 1, exited, "x")}, true, true},
		"not for such a cause when that is left to ECS":        {0, []types.Task{stopped("a", 1, exited, "x")}, true, false},
		"not when that is left to ECS":                         {0, []types.Task{stopped("a", 1, exited, "x"), stopped("b", 2, exited, "x")}, false, false},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := &fakeECS{
					definitions: definitions(webNew), tasks: [][]types.Task{test.tasks},
					services: [][]types.Service{
						{deploymentsOf(ours("PRIMARY", "IN_PROGRESS", 2, 0, 2, 2))}, {deploymentsOf(ours("PRIMARY", "IN_PROGRESS", 2, 0, 2, 2))},
						{deploymentsOf(ours("PRIMARY", "FAILED", 2, 0, 0, 3))},
					},
				}
				d, _ := newDeployer(fake, &fakeLogs{}, one())
				d.Attempts(test.attempts)
				d.diagnose = diagnosedAs(test.lasting)
				begin := time.Now()
				err := d.Wait(t.Context(), []Deployment{{Service: web, ID: "ecs-svc/1", Revision: webNew, Since: since}})
				failure, ok := errors.AsType[*report.Failure](err)
				if !ok {
					t.Fatalf("error %v, want a failure", err)
				}
				same(t, "reason", "it exits", failure.Reason)
				if early := !strings.Contains(failure.Evidence[0], "ECS gave up"); early != test.want {
					t.Errorf("gave up early: %v, want %v (%v)", early, test.want, failure.Evidence)
				}
				// At the first look; with what a diagnosis said, which arrives meanwhile, at the one after it.
				limit := time.Duration(0)
				if test.lasting {
					limit = d.interval
				}
				if took := time.Since(begin); test.want && took > limit {
					t.Errorf("it took %s", took)
				}
			})
		})
	}
}
