package service

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"github.com/slipway-ci/slipway/pipeline/report"
)

func TestBefore(t *testing.T) {
	running := func(rollout types.DeploymentRolloutState, count int32) types.Service {
		return types.Service{TaskDefinition: aws.String(webOld), DesiredCount: 2, Deployments: []types.Deployment{
			{Status: aws.String("PRIMARY"), RolloutState: rollout, RunningCount: count},
		}}
	}
	tests := map[string]struct {
		service types.Service
		want    bool
	}{
		"a service that serves":                          {running("COMPLETED", 2), true},
		"a service without a rollout state that serves":  {running("", 2), true},
		"a service that infrastructure has just made":    {running("COMPLETED", 0), false},
		"a service whose last deployment failed":         {running("FAILED", 1), false},
		"a service that ECS shows without a deployment":  {types.Service{TaskDefinition: aws.String(webOld)}, false},
		"a service that is being deployed, and has come": {running("IN_PROGRESS", 1), true},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			if got := before(test.service); got.Complete != test.want || got.Revision != webOld {
				t.Errorf("%+v, want complete to be %v", got, test.want)
			}
		})
	}
}

func TestRollback(t *testing.T) {
	served := Deployment{Service: web, ID: "ecs-svc/1", Revision: webNew, Before: Before{Revision: webOld, DesiredCount: 2, Complete: true}}
	first := Deployment{Service: web, ID: "ecs-svc/1", Revision: webNew, Before: Before{Revision: webTemplate}}
	broken := deploymentsOf(ours("PRIMARY", "IN_PROGRESS", 2, 0, 1, 2), theirs("ACTIVE", "COMPLETED", 2, 2))
	broken.TaskDefinition = aws.String(webNew)
	returned := func(rollout types.DeploymentRolloutState) types.Service {
		service := deploymentsOf(theirs("PRIMARY", rollout, 2, 2), ours("ACTIVE", "FAILED", 0, 0, 0, 3))
		service.TaskDefinition = aws.String(webOld)
		return service
	}
	tests := map[string]struct {
		deployment  Deployment
		services    [][]types.Service
		want        Back
		wantUpdates []*ecs.UpdateServiceInput
		wantErr     bool
	}{
		"a service goes back to what it served, and is waited for": {
			deployment: served, services: [][]types.Service{{broken}, {returned("IN_PROGRESS")}, {returned("COMPLETED")}},
			want: Back{Service: web, Revision: webOld, Commit: "0ld", Digest: "sha256:0ld", Tasks: true},
			wantUpdates: []*ecs.UpdateServiceInput{{
				Cluster: aws.String("blog-dev"), Service: aws.String(web.Service), TaskDefinition: aws.String(webOld),
			}},
		},
		"one that ECS has rolled back is only waited for": {
			deployment: served, services: [][]types.Service{{returned("IN_PROGRESS")}, {returned("COMPLETED")}},
			want: Back{Service: web, Revision: webOld, Commit: "0ld", Digest: "sha256:0ld", Tasks: true},
		},
		"one that had served nothing is stopped": {
			deployment: first, services: [][]types.Service{{broken}},
			want: Back{Service: web, Revision: webTemplate},
			wantUpdates: []*ecs.UpdateServiceInput{{
				Cluster: aws.String("blog-dev"), Service: aws.String(web.Service), TaskDefinition: aws.String(webTemplate), DesiredCount: aws.Int32(0),
			}},
		},
		"a rollback that fails as well": {
			deployment: served,
			services:   [][]types.Service{{broken}, {deploymentsOf(types.Deployment{Id: aws.String("ecs-svc/0"), Status: aws.String("PRIMARY"), RolloutState: "FAILED"})}},
			want:       Back{Service: web, Revision: webOld, Commit: "0ld", Digest: "sha256:0ld", Tasks: true},
			wantUpdates: []*ecs.UpdateServiceInput{{
				Cluster: aws.String("blog-dev"), Service: aws.String(web.Service), TaskDefinition: aws.String(webOld),
			}},
			wantErr: true,
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := &fakeECS{
					services: test.services, definitions: definitions(webOld),
					tags: map[string][]types.Tag{webOld: {tag(TagCommit, "0ld"), tag(TagDigest, "sha256:0ld")}},
				}
				fake.update = func(*ecs.UpdateServiceInput) (*ecs.UpdateServiceOutput, error) {
					service := returned("IN_PROGRESS")
					return &ecs.UpdateServiceOutput{Service: &service}, nil
				}
				d, _ := newDeployer(fake, nil, one())
				got, err := d.Rollback(t.Context(), []Deployment{test.deployment})
				if (err != nil) != test.wantErr {
					t.Errorf("error %v", err)
				}
				same(t, "result", []Back{test.want}, got)
				same(t, "updates", test.wantUpdates, fake.updated)
			})
		})
	}
}

func TestSentence(t *testing.T) {
	got := Sentence([]Back{
		{Service: web, Revision: webOld, Digest: "sha256:43ba9e3d0123456789", Tasks: true}, {Service: web, Revision: webTemplate},
	})
	if want := "blog-dev-web:40 (sha256:43ba9e3d0123…), blog-dev-web, which had run no release before, to no task"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestTheRecordOfAServiceDeploymentDecides(t *testing.T) {
	tests := map[string]struct {
		judged decision
		status types.ServiceDeploymentStatus
		want   decision
	}{
		"rolled back, and gone from the service's list": {superseded, types.ServiceDeploymentStatusRollbackSuccessful, failed},
		"being rolled back":                             {undecided, types.ServiceDeploymentStatusRollbackInProgress, failed},
		"to be rolled back":                             {undecided, types.ServiceDeploymentStatusRollbackRequested, failed},
		"not even rolled back":                          {superseded, types.ServiceDeploymentStatusRollbackFailed, failed},
		"complete by its numbers, and ECS goes on":      {complete, types.ServiceDeploymentStatusInProgress, undecided},
		"complete":                    {complete, types.ServiceDeploymentStatusSuccessful, complete},
		"stopped for another one":     {superseded, types.ServiceDeploymentStatusStopped, superseded},
		"given up without a rollback": {failed, types.ServiceDeploymentStatusStopped, failed},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			got := overrule(state{decision: test.judged}, types.ServiceDeployment{Status: test.status, StatusReason: aws.String("why")})
			if got.decision != test.want {
				t.Errorf("decision %d, want %d", got.decision, test.want)
			}
		})
	}
	known := []types.ServiceDeploymentStatus{
		"IN_PROGRESS", "PENDING", "ROLLBACK_FAILED", "ROLLBACK_IN_PROGRESS", "ROLLBACK_REQUESTED", "ROLLBACK_SUCCESSFUL", "STOPPED", "STOP_REQUESTED", "SUCCESSFUL",
	}
	same(t, "statuses: a new one needs a look at overrule", known, sorted(types.ServiceDeploymentStatus("").Values()))
}

func TestWaitBearsWithAnECSThatDoesNotAnswer(t *testing.T) {
	throttled := &smithy.GenericAPIError{Code: "ThrottlingException", Message: "Rate exceeded", Fault: smithy.FaultClient}
	tests := map[string]struct {
		err     error
		passing bool
	}{
		"throttled":             {throttled, true},
		"an error of AWS's own": {&smithy.GenericAPIError{Code: "ServerException", Fault: smithy.FaultServer}, true},
		"a broken connection":   {errors.New("connection reset by peer"), true},
		"refused":               {&smithy.GenericAPIError{Code: "AccessDeniedException", Fault: smithy.FaultClient}, false},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := &fakeECS{fails: map[string]error{"DescribeServices": test.err}}
				d, said := newDeployer(fake, nil, one())
				begin := time.Now()
				err := d.Wait(t.Context(), waiting)
				if !errors.Is(err, test.err) {
					t.Errorf("error %v", err)
				}
				if waited := time.Since(begin) >= blindness; waited != test.passing {
					t.Errorf("it took %s", time.Since(begin))
				}
				if test.passing {
					same(t, "reason", "ECS has not answered for 2m0s", report.AsFailure(err).Reason)
					if len(said.lines) != 1 {
						t.Errorf("lines %q, want one", said.lines)
					}
				}
			})
		})
	}
}
