package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/report"
)

type waitAPI interface {
	DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error)
	ListTasks(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error)
	DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error)
}

// WaitTimeout is how long ECS may take to decide. A service without a circuit breaker never gives up by itself.
const WaitTimeout = 30 * time.Minute

// ErrSuperseded is the cause of the failure of a deployment that somebody else's took the place of.
var ErrSuperseded = errors.New("another deployment replaced this one")

// Wait follows the deployments until ECS has decided on each. It returns nil when all are complete, and a failure with
// what the stopped tasks said as soon as ECS gives up on one of them; that ECS then goes back to the old release does not
// make it a success.
func (d *Deployer) Wait(ctx context.Context, deployments []Deployment) error {
	deadline := time.Now().Add(WaitTimeout)
	said := map[string]string{}
	for {
		services, err := d.describe(ctx)
		if err != nil {
			return err
		}
		pending := 0
		for _, deployment := range deployments {
			name := deployment.Service.Service
			state := judge(services[name], deployment)
			if state.line != said[name] {
				said[name] = state.line
				d.say(name + ": " + state.line)
			}
			switch state.decision {
			case undecided:
				pending++
			case failed:
				return d.explain(ctx, deployment, services[name], state)
			case superseded:
				return (&report.Failure{
					Reason: fmt.Sprintf("another deployment of %s took the place of this one", name),
					Effect: "the other deployment goes on; nothing was rolled back",
					Next:   "look at who deploys there: " + state.line,
				}).Because(ErrSuperseded)
			}
		}
		if pending == 0 {
			return nil
		}
		if time.Now().After(deadline) {
			return &report.Failure{
				Reason: fmt.Sprintf("ECS has not decided on the deployment within %s", WaitTimeout),
				Effect: "the deployment is still under way",
				Next:   "look at the service's events; a service without a circuit breaker never gives up by itself",
			}
		}
		if err := d.sleep(ctx); err != nil {
			return err
		}
	}
}

type decision int

const (
	undecided decision = iota
	complete
	failed
	superseded
)

type state struct {
	decision decision
	// line is the state in words, which changes only when something changed.
	line string
	// reason is ECS's own.
	reason string
}

// judge says how a deployment stands, from the service as DescribeServices returns it. A failed deployment stays in the
// list beside the one that replaced it, so the list's length says nothing.
func judge(service types.Service, ours Deployment) state {
	i := slices.IndexFunc(service.Deployments, func(d types.Deployment) bool { return aws.ToString(d.Id) == ours.ID })
	if i < 0 {
		return state{decision: superseded, line: "the deployment is gone from the service's list"}
	}
	d := service.Deployments[i]
	reason := aws.ToString(d.RolloutStateReason)
	line := fmt.Sprintf("%d of %d tasks running, %d pending, %d failed", d.RunningCount, d.DesiredCount, d.PendingCount, d.FailedTasks)
	switch {
	case d.RolloutState == types.DeploymentRolloutStateFailed:
		return state{failed, line + ", given up by ECS", reason}
	case aws.ToString(d.Status) != "PRIMARY":
		return state{superseded, line + ", no longer the service's primary deployment", reason}
	// A service scaled to zero reports a completed rollout at once, although no task ever ran the new image. Without the
	// count a deployment of a broken image would be a success.
	case d.RolloutState == types.DeploymentRolloutStateCompleted && d.RunningCount > 0 && d.RunningCount >= d.DesiredCount:
		return state{complete, line + ", complete", reason}
	}
	return state{undecided, line, reason}
}

// explain makes the failure of a deployment that ECS gave up on: how its tasks ended, and the last lines of one of them.
func (d *Deployer) explain(ctx context.Context, deployment Deployment, service types.Service, s state) error {
	f := &report.Failure{
		Reason: fmt.Sprintf("ECS gave up on %s: %s", deployment.Service.Service, s.reason),
		Effect: "the release did not come into service",
		Next:   "mend what the lines above show and deploy again",
	}
	for _, other := range service.Deployments {
		if aws.ToString(other.Status) == "PRIMARY" && aws.ToString(other.Id) != deployment.ID {
			f.Effect = fmt.Sprintf("ECS rolled back to %s", revisionName(aws.ToString(other.TaskDefinition)))
		}
	}
	tasks, err := d.stopped(ctx, deployment)
	if err != nil {
		f.Evidence = append(f.Evidence, fmt.Sprintf("the stopped tasks can't be shown: %v", err))
		return f
	}
	if len(tasks) == 0 {
		return f
	}
	task := tasks[0]
	f.Evidence = append(f.Evidence, fmt.Sprintf("task %s: %s", taskID(aws.ToString(task.TaskArn)), ended(task, deployment.Service.Container)))
	definition, _, err := d.template(ctx, deployment.Revision)
	if err != nil {
		return f
	}
	tail := d.tail(definition, deployment.Service.Container, aws.ToString(task.TaskArn))
	tail.deployer = &Deployer{logs: d.logs, say: func(string) {}}
	if _, err := tail.read(ctx); err == nil {
		f.Evidence = append(f.Evidence, tail.last(lastLines)...)
	}
	return f
}

// stopped returns the stopped tasks of a deployment that ECS still remembers, about an hour's.
func (d *Deployer) stopped(ctx context.Context, deployment Deployment) ([]types.Task, error) {
	list, err := d.ecs.ListTasks(ctx, &ecs.ListTasksInput{
		Cluster: &d.contract.Cluster, ServiceName: &deployment.Service.Service, DesiredStatus: types.DesiredStatusStopped,
	})
	if err != nil || len(list.TaskArns) == 0 {
		return nil, err
	}
	output, err := d.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &d.contract.Cluster, Tasks: list.TaskArns})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(output.Tasks, func(t types.Task) bool {
		return aws.ToString(t.TaskDefinitionArn) != deployment.Revision
	}), nil
}

// ended says how a task's container ended.
func ended(task types.Task, container string) string {
	for _, c := range task.Containers {
		if aws.ToString(c.Name) == container && c.ExitCode != nil {
			return fmt.Sprintf("exit status %d: %s", *c.ExitCode, aws.ToString(task.StoppedReason))
		}
	}
	return aws.ToString(task.StoppedReason)
}
