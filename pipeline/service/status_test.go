package service

import (
	"context"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// fakeTargets are the targets of one group.
type fakeTargets struct {
	targets []elbtypes.TargetHealthDescription
	err     error
}

func (f fakeTargets) DescribeTargetHealth(context.Context, *elasticloadbalancingv2.DescribeTargetHealthInput, ...func(*elasticloadbalancingv2.Options)) (*elasticloadbalancingv2.DescribeTargetHealthOutput, error) {
	return &elasticloadbalancingv2.DescribeTargetHealthOutput{TargetHealthDescriptions: f.targets}, f.err
}

func oneTarget(state elbtypes.TargetHealthStateEnum, description string) elbtypes.TargetHealthDescription {
	health := &elbtypes.TargetHealth{State: state}
	if description != "" {
		health.Description = &description
	}
	return elbtypes.TargetHealthDescription{TargetHealth: health}
}

func TestStatus(t *testing.T) {
	since := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	tests := map[string]struct {
		edit    func(*environment)
		targets fakeTargets
		group   bool // the service has a target group
		want    func(*report.Service)
	}{
		"a healthy service": {want: func(*report.Service) {}},
		"with healthy targets, less those that are going": {
			group: true, targets: fakeTargets{targets: []elbtypes.TargetHealthDescription{oneTarget("healthy", ""), oneTarget("healthy", ""), oneTarget("draining", "")}},
			want: func(s *report.Service) { s.Targets = &report.Targets{Healthy: 2, Total: 2} },
		},
		"a target that is unhealthy": {
			group: true, targets: fakeTargets{targets: []elbtypes.TargetHealthDescription{oneTarget("healthy", ""), oneTarget("unhealthy", "Health checks failed with these codes: [500]")}},
			want: func(s *report.Service) {
				s.Health, s.Targets = report.Degraded, &report.Targets{Healthy: 1, Total: 2}
				s.Notes = []string{"1 of 2 targets unhealthy: Health checks failed with these codes: [500]"}
			},
		},
		"no target that is healthy": {
			group: true, targets: fakeTargets{targets: []elbtypes.TargetHealthDescription{oneTarget("initial", ""), oneTarget("initial", "")}},
			want: func(s *report.Service) {
				s.Health, s.Targets, s.Notes = report.Down, &report.Targets{Total: 2}, []string{"2 of 2 targets initial"}
			},
		},
		"targets that may not be read": {
			group: true, targets: fakeTargets{err: errRefused},
			want: func(s *report.Service) {
				s.Notes = []string{"the health of its targets can't be read: AccessDeniedException: not you"}
			},
		},
		"a task too few": {
			edit: func(e *environment) {
				e.service.RunningCount, e.service.PendingCount, e.service.Deployments[0].FailedTasks = 1, 1, 3
			},
			want: func(s *report.Service) { s.Health, s.Running, s.Pending, s.Failed = report.Degraded, 1, 1, 3 },
		},
		"no task that runs": {
			edit: func(e *environment) { e.service.RunningCount = 0 },
			want: func(s *report.Service) { s.Health, s.Running = report.Down, 0 },
		},
		"no task that is wanted": {
			edit: func(e *environment) { e.service.RunningCount, e.service.DesiredCount = 0, 0 },
			want: func(s *report.Service) { s.Health, s.Running, s.Desired = report.NoTasks, 0, 0 },
		},
		"a newer template": {
			edit: func(e *environment) { e.onOlderTemplate() },
			want: func(s *report.Service) {
				s.Template, s.Current = "blog-dev-web-template:6", false
				s.Notes = []string{"made of template blog-dev-web-template:6, and the current one is blog-dev-web-template:7: the next deployment brings it"}
			},
		},
		"nothing deployed yet": {
			edit: func(e *environment) {
				e.service.TaskDefinition, e.service.RunningCount, e.service.DesiredCount = aws.String(webTemplate), 0, 0
			},
			want: func(s *report.Service) {
				s.Health, s.Running, s.Desired, s.Revision, s.Commit, s.Digest = report.NoTasks, 0, 0, "blog-dev-web-template:7", "", ""
				s.Notes = []string{"nothing has been deployed: it points at the template"}
			},
		},
		"somebody else's revision": {
			edit: func(e *environment) { e.tags = nil },
			want: func(s *report.Service) {
				s.Template, s.Current, s.Commit = "", false, ""
				s.Notes = []string{"blog-dev-web:40 was not registered by Slipway but by arn:aws:iam::111111111111:user/mallory"}
			},
		},
		"a deployment under way": {
			edit: func(e *environment) {
				old := e.service.Deployments[0]
				old.Status = aws.String("ACTIVE")
				e.service.Deployments = []types.Deployment{{
					Status: aws.String("PRIMARY"), TaskDefinition: aws.String(webOld), RolloutState: types.DeploymentRolloutStateInProgress,
					RunningCount: 1, PendingCount: 1, DesiredCount: 2, FailedTasks: 1, CreatedAt: aws.Time(since.Add(time.Hour)),
				}, old, {Status: aws.String("ACTIVE"), RolloutState: types.DeploymentRolloutStateInProgress, DesiredCount: 2}}
			},
			want: func(s *report.Service) {
				s.Health, s.Failed, s.Since = report.Deploying, 1, since.Add(time.Hour)
				s.Rollouts = []report.Rollout{
					{Revision: "blog-dev-web:40", State: "in progress", Running: 1, Pending: 1, Desired: 2, Failed: 1, Started: since.Add(time.Hour)},
					{Revision: "blog-dev-web:40", State: "going away", Running: 2, Desired: 2, Started: since},
				}
			},
		},
		"of the failed deployments that are still in the list, the last": {
			edit: func(e *environment) {
				for _, arn := range []string{webNew, webOld} {
					e.service.Deployments = append(e.service.Deployments, types.Deployment{
						Status: aws.String("ACTIVE"), TaskDefinition: &arn, RolloutState: types.DeploymentRolloutStateFailed, DesiredCount: 2, FailedTasks: 3,
					})
				}
			},
			want: func(s *report.Service) {
				s.Rollouts = []report.Rollout{{Revision: "blog-dev-web:41", State: "failed", Desired: 2, Failed: 3}}
			},
		},
		"a service that is being deleted": {
			edit: func(e *environment) { e.service.Status = aws.String("DRAINING") },
			want: func(s *report.Service) {
				s.Health, s.Notes = report.Absent, []string{"ECS says that it is DRAINING"}
			},
		},
		"a service that isn't there": {
			edit: func(e *environment) { e.service.ServiceName = aws.String("another") },
			want: func(s *report.Service) {
				*s = report.Service{Name: "blog-dev-web", Health: report.Absent, Notes: []string{"there is none in cluster blog-dev"}}
			},
		},
		"a revision that can't be read": {
			edit: func(e *environment) { e.service.TaskDefinition = aws.String(webNew) },
			want: func(s *report.Service) {
				s.Revision, s.Template, s.Current, s.Commit, s.Digest = "blog-dev-web:41", "", false, "", ""
				s.Notes = []string{"blog-dev-web:41 can't be read: ClientException: Unable to describe task definition."}
			},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			e := inService1()
			e.service.Deployments[0].CreatedAt = aws.Time(since)
			if test.edit != nil {
				test.edit(e)
			}
			c := one()
			if test.group {
				c.Services = []contract.Service{web}
				c.Services[0].TargetGroupARN = "arn:group"
			}
			want := report.Service{
				Name: "blog-dev-web", Health: report.Healthy, Revision: "blog-dev-web:40", Template: "blog-dev-web-template:7", Current: true,
				Commit: "1111111", Digest: digestOld, Running: 2, Desired: 2, Since: since,
			}
			test.want(&want)
			got, err := (&Inspector{ecs: e.ecs(), targets: test.targets, contract: c}).Status(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			same(t, "status", []report.Service{want}, got)
		})
	}
}

func TestStatusOfAClusterThatCannotBeRead(t *testing.T) {
	fake := &fakeECS{fails: map[string]error{"DescribeServices": errRefused}}
	if _, err := (&Inspector{ecs: fake, contract: one()}).Status(t.Context()); err == nil {
		t.Error("no error")
	}
}
