package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/report"
)

func TestUpdateInput(t *testing.T) {
	tests := map[string]struct {
		desired, running int32
		count            int // of the contract
		want             *int32
	}{
		"a service that infrastructure made without tasks gets the contract's":  {desired: 0, count: 2, want: aws.Int32(2)},
		"a service that somebody stopped is started again":                      {desired: 0, running: 1, count: 2, want: aws.Int32(2)},
		"a contract that asks for none gets one, else nothing proves the image": {desired: 0, count: 0, want: aws.Int32(1)},
		"a service that has been scaled keeps its count":                        {desired: 5, running: 5, count: 2, want: nil},
		"a service whose tasks don't run yet keeps its count":                   {desired: 1, running: 0, count: 2, want: nil},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			entry := web
			entry.DesiredCount = test.count
			got := updateInput("blog-dev", entry, types.Service{DesiredCount: test.desired, RunningCount: test.running}, webNew)
			same(t, "request", &ecs.UpdateServiceInput{
				Cluster: aws.String("blog-dev"), Service: aws.String("blog-dev-web"), TaskDefinition: aws.String(webNew),
				DesiredCount: test.want,
			}, got)
		})
	}
}

// taken is ECS's answer to an update: the new deployment beside the old one.
func taken(input *ecs.UpdateServiceInput) (*ecs.UpdateServiceOutput, error) {
	return &ecs.UpdateServiceOutput{Service: &types.Service{Deployments: []types.Deployment{
		{Id: aws.String("ecs-svc/old"), Status: aws.String("ACTIVE"), TaskDefinition: aws.String(webOld)},
		{Id: aws.String("ecs-svc/" + aws.ToString(input.Service)), Status: aws.String("PRIMARY"), TaskDefinition: input.TaskDefinition, DesiredCount: 2},
	}}}, nil
}

func revisions(c contract.Contract) map[string]string {
	found := map[string]string{}
	for _, entry := range c.Services {
		found[entry.Name] = arnPrefix + "task-definition/" + entry.Service + ":41"
	}
	return found
}

// Each update waits for the other ones: were they sent one after another, all would be blocked, which synctest reports.
func TestUpdateTakesAllServicesAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := many(23)
		var all sync.WaitGroup
		all.Add(len(c.Services))
		fake := &fakeECS{services: [][]types.Service{active(c.Services...)}}
		meet := &meeting{fakeECS: fake, all: &all}
		d, said := newDeployer(fake, nil, c)
		d.ecs = meet
		got, err := d.Update(t.Context(), Release{Revisions: revisions(c)})
		if err != nil {
			t.Fatal(err)
		}
		var want []Deployment
		for _, entry := range c.Services {
			want = append(want, Deployment{Service: entry, ID: "ecs-svc/" + entry.Service, Revision: arnPrefix + "task-definition/" + entry.Service + ":41", Before: Before{DesiredCount: 2}})
		}
		same(t, "deployments, in the contract's order", want, got)
		slices.Sort(said.lines)
		same(t, "first line", "blog-dev-s00: blog-dev-s00:41 with 2 tasks", said.lines[0])
	})
}

type meeting struct {
	*fakeECS
	all *sync.WaitGroup
}

func (m *meeting) UpdateService(_ context.Context, input *ecs.UpdateServiceInput, _ ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error) {
	m.all.Done()
	m.all.Wait()
	return taken(input)
}

func TestAServiceWithoutTasksIsStartedByTheUpdate(t *testing.T) {
	services := active(web)
	services[0].DesiredCount = 0
	fake := &fakeECS{services: [][]types.Service{services}, update: taken}
	d, _ := newDeployer(fake, nil, one())
	if _, err := d.Update(t.Context(), Release{Revisions: map[string]string{"web": webNew}}); err != nil {
		t.Fatal(err)
	}
	same(t, "desired count", aws.Int32(2), fake.updated[0].DesiredCount)
}

func TestUpdatesThatFail(t *testing.T) {
	refuse := func(names ...string) func(*ecs.UpdateServiceInput) (*ecs.UpdateServiceOutput, error) {
		return func(input *ecs.UpdateServiceInput) (*ecs.UpdateServiceOutput, error) {
			if slices.Contains(names, aws.ToString(input.Service)) {
				return nil, fmt.Errorf("%w: %s", errRefused, aws.ToString(input.Service))
			}
			return taken(input)
		}
	}
	tests := map[string]struct {
		update      func(*ecs.UpdateServiceInput) (*ecs.UpdateServiceOutput, error)
		wantCause   string
		wantEffect  string
		wantUpdated []string
	}{
		"one of three": {
			refuse("blog-dev-s01"),
			"update service blog-dev-s01 to blog-dev-s01:41: AccessDeniedException: not you: blog-dev-s01",
			"updated all the same, and running the new release: blog-dev-s00, blog-dev-s02",
			[]string{"blog-dev-s00", "blog-dev-s02"},
		},
		"all": {
			refuse("blog-dev-s00", "blog-dev-s01", "blog-dev-s02"),
			"update service blog-dev-s00 to blog-dev-s00:41: AccessDeniedException: not you: blog-dev-s00\n" +
				"update service blog-dev-s01 to blog-dev-s01:41: AccessDeniedException: not you: blog-dev-s01\n" +
				"update service blog-dev-s02 to blog-dev-s02:41: AccessDeniedException: not you: blog-dev-s02",
			"no service was updated", nil,
		},
		"ECS shows no deployment of one": {
			func(input *ecs.UpdateServiceInput) (*ecs.UpdateServiceOutput, error) {
				output, err := taken(input)
				if aws.ToString(input.Service) == "blog-dev-s02" {
					output.Service.Deployments = output.Service.Deployments[:1]
				}
				return output, err
			},
			"update service blog-dev-s02 to blog-dev-s02:41: ECS took the update and shows no deployment of it",
			"updated all the same, and running the new release: blog-dev-s00, blog-dev-s01, blog-dev-s02",
			[]string{"blog-dev-s00", "blog-dev-s01", "blog-dev-s02"},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			c := many(3)
			fake := &fakeECS{services: [][]types.Service{active(c.Services...)}, update: test.update}
			d, _ := newDeployer(fake, nil, c)
			deployments, err := d.Update(t.Context(), Release{Revisions: revisions(c)})
			failure, ok := errors.AsType[*report.Failure](err)
			if !ok {
				t.Fatalf("error %v, want a failure", err)
			}
			var updated []string // what a rollback has to bring back
			for _, deployment := range deployments {
				updated = append(updated, deployment.Service.Service)
			}
			same(t, "deployments", test.wantUpdated, updated)
			same(t, "reason", "not every service could be updated", failure.Reason)
			same(t, "cause", test.wantCause, failure.Cause)
			same(t, "effect", test.wantEffect, failure.Effect)
		})
	}
}

func TestUpdateWhenECSCanNotBeAskedUpdatesNothing(t *testing.T) {
	fake := &fakeECS{fails: map[string]error{"DescribeServices": errRefused}, update: taken}
	d, _ := newDeployer(fake, nil, one())
	if _, err := d.Update(t.Context(), Release{}); !errors.Is(err, errRefused) {
		t.Errorf("error %v", err)
	}
	if len(fake.updated) > 0 {
		t.Error("a service was updated")
	}
}
