package service

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/report"
)

func TestTheRolloutStatesThatTheSDKKnows(t *testing.T) {
	want := []types.DeploymentRolloutState{"COMPLETED", "FAILED", "IN_PROGRESS"}
	got := types.DeploymentRolloutState("").Values()
	slices.Sort(got)
	same(t, "rollout states: a new one needs a look at judge", want, got)
}

func ours(status string, rollout types.DeploymentRolloutState, desired, run, pending, fail int32) types.Deployment {
	return types.Deployment{
		Id: aws.String("ecs-svc/1"), Status: &status, RolloutState: rollout, TaskDefinition: aws.String(webNew),
		RolloutStateReason: aws.String("ECS deployment ecs-svc/1 " + strings.ToLower(string(rollout))),
		DesiredCount:       desired, RunningCount: run, PendingCount: pending, FailedTasks: fail,
	}
}

func theirs(status string, rollout types.DeploymentRolloutState, desired, run int32) types.Deployment {
	return types.Deployment{
		Id: aws.String("ecs-svc/0"), Status: &status, RolloutState: rollout, TaskDefinition: aws.String(webOld), DesiredCount: desired, RunningCount: run,
	}
}

func deploymentsOf(deployments ...types.Deployment) types.Service {
	return types.Service{ServiceName: aws.String(web.Service), Status: aws.String("ACTIVE"), Deployments: deployments}
}

func TestJudge(t *testing.T) {
	const (
		inProgress = types.DeploymentRolloutStateInProgress
		completed  = types.DeploymentRolloutStateCompleted
		gaveUp     = types.DeploymentRolloutStateFailed
	)
	tests := map[string]struct {
		service types.Service
		want    decision
		line    string
	}{
		"complete": {
			deploymentsOf(ours("PRIMARY", completed, 2, 2, 0, 0)), complete, "2 of 2 tasks running, 0 pending, 0 failed, complete"},
		"complete, while the old one still drains": {
			deploymentsOf(ours("PRIMARY", completed, 2, 2, 0, 0), theirs("ACTIVE", completed, 0, 1)), complete, "2 of 2 tasks running, 0 pending, 0 failed, complete"},
		"in progress": {
			deploymentsOf(ours("PRIMARY", inProgress, 2, 1, 1, 0), theirs("ACTIVE", completed, 2, 2)), undecided, "1 of 2 tasks running, 1 pending, 0 failed"},
		"in progress with all tasks running: ECS hasn't decided": {
			deploymentsOf(ours("PRIMARY", inProgress, 2, 2, 0, 0)), undecided, "2 of 2 tasks running, 0 pending, 0 failed"},
		"in progress with failed tasks: the circuit breaker hasn't tripped": {
			deploymentsOf(ours("PRIMARY", inProgress, 2, 0, 2, 2)), undecided, "0 of 2 tasks running, 2 pending, 2 failed"},
		"no rollout state yet": {
			deploymentsOf(ours("PRIMARY", "", 2, 0, 0, 0)), undecided, "0 of 2 tasks running, 0 pending, 0 failed"},
		"no tasks: ECS says completed at once, though nothing ever ran": {
			deploymentsOf(ours("PRIMARY", completed, 0, 0, 0, 0)), idle, "0 of 0 tasks running, 0 pending, 0 failed"},
		"completed, but a task has died since": {
			deploymentsOf(ours("PRIMARY", completed, 2, 1, 1, 0)), undecided, "1 of 2 tasks running, 1 pending, 0 failed"},
		"rolled back by the circuit breaker: a failure, though the service is stable": {
			deploymentsOf(theirs("PRIMARY", completed, 2, 2), ours("INACTIVE", gaveUp, 0, 0, 0, 3)), failed, "0 of 0 tasks running, 0 pending, 3 failed, given up by ECS"},
		"rolled back, the old one still on its way": {
			deploymentsOf(theirs("PRIMARY", inProgress, 2, 1), ours("ACTIVE", gaveUp, 0, 0, 0, 3)), failed, "0 of 0 tasks running, 0 pending, 3 failed, given up by ECS"},
		"given up without a rollback": {
			deploymentsOf(ours("PRIMARY", gaveUp, 2, 0, 0, 3)), failed, "0 of 2 tasks running, 0 pending, 3 failed, given up by ECS"},
		"somebody else's deployment came after": {
			deploymentsOf(theirs("PRIMARY", inProgress, 2, 0), ours("ACTIVE", inProgress, 2, 1, 0, 0)), superseded,
			"1 of 2 tasks running, 0 pending, 0 failed, no longer the service's primary deployment"},
		"completed and then superseded": {
			deploymentsOf(theirs("PRIMARY", inProgress, 2, 0), ours("ACTIVE", completed, 2, 2, 0, 0)), superseded,
			"2 of 2 tasks running, 0 pending, 0 failed, no longer the service's primary deployment"},
		"gone from the list": {
			deploymentsOf(theirs("PRIMARY", completed, 2, 2)), superseded, "the deployment is gone from the service's list"},
		"the service is gone": {types.Service{}, superseded, "the deployment is gone from the service's list"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			got := judge(test.service, Deployment{Service: web, ID: "ecs-svc/1", Revision: webNew})
			if got.decision != test.want {
				t.Errorf("decision %d, want %d", got.decision, test.want)
			}
			same(t, "line", test.line, got.line)
			if got.decision == failed && got.reason != "ECS deployment ecs-svc/1 failed" {
				t.Errorf("reason %q, want ECS's own", got.reason)
			}
		})
	}
}

var waiting = []Deployment{{Service: web, ID: "ecs-svc/1", Revision: webNew}}

func TestWaitUntilComplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		old := theirs("ACTIVE", "COMPLETED", 2, 2)
		fake := &fakeECS{services: [][]types.Service{
			{deploymentsOf(ours("PRIMARY", "IN_PROGRESS", 2, 0, 0, 0), old)},
			{deploymentsOf(ours("PRIMARY", "IN_PROGRESS", 2, 0, 2, 0), old)},
			{deploymentsOf(ours("PRIMARY", "IN_PROGRESS", 2, 0, 2, 0), old)},
			{deploymentsOf(ours("PRIMARY", "IN_PROGRESS", 2, 2, 0, 0), old)},
			{deploymentsOf(ours("PRIMARY", "COMPLETED", 2, 2, 0, 0))},
			{deploymentsOf(ours("PRIMARY", "FAILED", 2, 2, 0, 0))}, // not asked for any more
		}}
		d, said := newDeployer(fake, nil, one())
		begin := time.Now()
		if err := d.Wait(t.Context(), waiting); err != nil {
			t.Fatal(err)
		}
		same(t, "lines, none of them twice", []string{
			"blog-dev-web: 0 of 2 tasks running, 0 pending, 0 failed",
			"blog-dev-web: 0 of 2 tasks running, 2 pending, 0 failed",
			"blog-dev-web: 2 of 2 tasks running, 0 pending, 0 failed",
			"blog-dev-web: 2 of 2 tasks running, 0 pending, 0 failed, complete",
		}, said.lines)
		if got := time.Since(begin); got != 4*d.interval {
			t.Errorf("it took %s, want four intervals", got)
		}
	})
}

func TestWaitForAllServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := many(2)
		state := func(entry contract.Service, rollout types.DeploymentRolloutState) types.Service {
			service := deploymentsOf(ours("PRIMARY", rollout, 1, 1, 0, 0))
			service.ServiceName = aws.String(entry.Service)
			return service
		}
		first, second := c.Services[0], c.Services[1]
		fake := &fakeECS{services: [][]types.Service{
			{state(first, "COMPLETED"), state(second, "IN_PROGRESS")},
			{state(first, "COMPLETED"), state(second, "IN_PROGRESS")},
			{state(first, "COMPLETED"), state(second, "COMPLETED")},
		}}
		d, _ := newDeployer(fake, nil, c)
		err := d.Wait(t.Context(), []Deployment{{Service: first, ID: "ecs-svc/1"}, {Service: second, ID: "ecs-svc/1"}})
		if err != nil {
			t.Fatal(err)
		}
		if len(fake.described) != 3 {
			t.Errorf("asked %d times, want 3", len(fake.described))
		}
	})
}

func TestWaitForADeploymentThatECSGivesUp(t *testing.T) {
	tests := map[string]struct {
		service types.Service
		effect  string
	}{
		"and rolls back": {
			deploymentsOf(theirs("PRIMARY", "COMPLETED", 2, 2), ours("INACTIVE", "FAILED", 0, 0, 0, 3)), "ECS rolled back to blog-dev-web:40"},
		"and leaves where it is": {
			deploymentsOf(ours("PRIMARY", "FAILED", 2, 0, 0, 3)), "the release did not come into service"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := &fakeECS{services: [][]types.Service{
					{deploymentsOf(ours("PRIMARY", "IN_PROGRESS", 2, 0, 2, 0), theirs("ACTIVE", "COMPLETED", 2, 2))}, {test.service},
				}}
				d, _ := newDeployer(fake, nil, one())
				err := d.Wait(t.Context(), waiting)
				failure, ok := errors.AsType[*report.Failure](err)
				if !ok {
					t.Fatalf("error %v, want a failure", err)
				}
				same(t, "reason", "it exits", failure.Reason)
				same(t, "evidence", []string{"ECS gave up on blog-dev-web: ECS deployment ecs-svc/1 failed", "its last line"}, failure.Evidence)
				same(t, "detail", []string{"all of ecs-svc/1"}, failure.Detail)
				same(t, "effect", test.effect, failure.Effect)
				same(t, "next", "mend it", failure.Next)
			})
		})
	}
}

func TestWaitForADeploymentThatIsSuperseded(t *testing.T) {
	fake := &fakeECS{
		services:    [][]types.Service{{deploymentsOf(theirs("PRIMARY", "IN_PROGRESS", 2, 0), ours("ACTIVE", "IN_PROGRESS", 2, 1, 0, 0))}},
		definitions: definitions(webOld),
		tags:        map[string][]types.Tag{webOld: {tag(TagCommit, "0ld"), tag(TagRun, "octocat")}},
	}
	d, _ := newDeployer(fake, nil, one())
	err := d.Wait(t.Context(), waiting)
	if !errors.Is(err, ErrSuperseded) {
		t.Fatalf("error %v", err)
	}
	failure, _ := errors.AsType[*report.Failure](err)
	same(t, "reason", "another deployment of blog-dev-web took the place of this one: blog-dev-web:40, commit 0ld, by octocat", failure.Reason)
	same(t, "effect", "that deployment goes on, and nothing was rolled back", failure.Effect)
}

func TestWaitGivesUp(t *testing.T) {
	stop := errors.New("somebody pressed Ctrl-C")
	never := [][]types.Service{{deploymentsOf(ours("PRIMARY", "IN_PROGRESS", 1, 0, 1, 0))}}
	tests := map[string]struct {
		ecs  *fakeECS
		stop time.Duration
		want func(error) bool
	}{
		"after half an hour": {&fakeECS{services: never}, 0, func(err error) bool {
			failure, ok := errors.AsType[*report.Failure](err)
			return ok && failure.Reason == "ECS has not decided on the deployment within 30m0s" && failure.Effect == "the deployment is still under way"
		}},
		"when it is cancelled":    {&fakeECS{services: never}, time.Minute, func(err error) bool { return errors.Is(err, stop) }},
		"when ECS can't be asked": {&fakeECS{fails: map[string]error{"DescribeServices": errRefused}}, 0, func(err error) bool { return errors.Is(err, errRefused) }},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				if test.stop > 0 {
					time.AfterFunc(test.stop, func() { cancel(stop) })
				}
				d, _ := newDeployer(test.ecs, nil, one())
				if err := d.Wait(ctx, waiting); !test.want(err) {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}

func TestErrorsAfterWhichAskingAgainMayHelp(t *testing.T) {
	answer := func(status int, code string) error {
		return &smithyhttp.ResponseError{
			Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}},
			Err:      &smithy.GenericAPIError{Code: code, Message: "no"},
		}
	}
	tests := map[string]struct {
		err  error
		want bool
	}{
		"a broken connection":                             {errSilent, true},
		"throttling":                                      {answer(400, "ThrottlingException"), true},
		"an error of ECS's own, which it names":           {&types.ServerException{}, true},
		"an error of ECS's own, which it has no name for": {answer(500, "InternalFailure"), true},
		"a service that is unavailable":                   {answer(503, "ServiceUnavailable"), true},
		"a refusal":                                       {answer(400, "AccessDeniedException"), false},
		"a mistake of the caller":                         {&types.ClientException{}, false},
	}
	for sentence, test := range tests {
		if got := passing(test.err); got != test.want {
			t.Errorf("%s: passing is %t", sentence, got)
		}
	}
}

func TestWaitLooksMoreOftenWhileThingsMove(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &fakeECS{services: [][]types.Service{{deploymentsOf(ours("PRIMARY", "IN_PROGRESS", 1, 0, 1, 0))}}}
		fake.services[0][0].ServiceName = aws.String(web.Service)
		d, _ := newDeployer(fake, nil, one())
		d.interval, d.eager = interval, eager
		ctx, cancel := context.WithTimeout(t.Context(), 2*eagerFor)
		defer cancel()
		_ = d.Wait(ctx, []Deployment{{Service: web, ID: "ecs-svc/1"}})
		if got, want := len(fake.described), int(eagerFor/eager+eagerFor/interval); got < want-2 || got > want+2 {
			t.Errorf("%d looks in %s, want %d", got, 2*eagerFor, want)
		}
	})
}
