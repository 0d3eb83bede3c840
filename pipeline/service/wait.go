package service

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/slipway-ci/slipway/pipeline/report"
)

type waitAPI interface {
	DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error)
	DescribeServiceDeployments(context.Context, *ecs.DescribeServiceDeploymentsInput, ...func(*ecs.Options)) (*ecs.DescribeServiceDeploymentsOutput, error)
	ListTasks(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error)
	DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error)
}

const (
	// WaitTimeout is how long ECS may take to decide. A service without a circuit breaker never gives up by itself.
	WaitTimeout = 30 * time.Minute
	// blindness is how long ECS may fail to answer before the deployment is out of sight. Behind it stand the retries
	// of each call.
	blindness = 2 * time.Minute
	// eagerFor is how long after a change Wait looks more often, at no more than eagerServices: a look at these is one call each of
	// DescribeServices and DescribeServiceDeployments, so ten a second at most.
	eagerFor      = 15 * time.Second
	eagerServices = 10
)

// ErrSuperseded is the cause of the failure of a deployment that somebody else's took the place of.
var ErrSuperseded = errors.New("another deployment replaced this one")

// Wait follows the deployments until ECS has decided on each. It returns nil when all are complete and run the release. It
// returns a failure as soon as ECS gives up on one of them, whatever ECS then goes back to; as soon as one is hopeless, which
// ECS's circuit breaker notices later; and, caused by ErrSuperseded, when somebody else's deployment took the place of one.
func (d *Deployer) Wait(ctx context.Context, deployments []Deployment) error {
	var (
		deadline = time.Now().Add(WaitTimeout)
		seen     = time.Now() // when ECS last answered
		silent   = 0          // answers in a row that did not come
		said     = map[string]string{}
		moved    = time.Now() // when something last changed
		watches  = d.watch(deployments)
	)
	for {
		states, err := d.look(ctx, deployments)
		switch {
		case ctx.Err() != nil:
			return fmt.Errorf("stop waiting: %w", context.Cause(ctx))
		case err != nil && !passing(err):
			return err
		case err != nil && time.Since(seen) > blindness:
			return (&report.Failure{
				Reason: fmt.Sprintf("ECS has not answered for %s", blindness),
				Effect: "how the deployment ends is not known",
				Next:   "look at the services with status, and deploy again",
			}).Because(err)
		case err != nil:
			if silent++; silent == 1 {
				d.say(fmt.Sprintf("ECS does not answer, asking on: %v", err))
			}
			if err := d.sleep(ctx, min(1<<silent, 20)); err != nil {
				return err
			}
			continue
		}
		seen, silent = time.Now(), 0

		pending := 0
		for i, deployment := range deployments {
			name, s := deployment.Service.Service, states[i]
			changed := s.line != said[name]
			if changed {
				said[name], moved = s.line, time.Now()
				d.say(name + ": " + s.line)
			}
			switch s.decision {
			case failed:
				return d.explain(ctx, deployment, s.service, conclusion{decided: fmt.Sprintf("ECS gave up on %s: %s", name, s.reason)})
			case superseded:
				return d.replaced(ctx, deployment, s)
			case idle:
				return &report.Failure{
					Reason: fmt.Sprintf("%s was updated and runs no task: somebody scaled it to zero", name),
					Effect: "nothing proves that the release works",
					Next:   "scale the service up, or deploy again, which does",
				}
			case undecided:
				pending++
				if v, hopeless := watches[i].hopeless(ctx, changed); hopeless {
					return d.explain(ctx, deployment, s.service, v)
				}
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
		pause := d.interval
		if d.eager > 0 && time.Since(moved) < eagerFor && len(deployments) <= eagerServices {
			pause = d.eager
		}
		if err := d.pause(ctx, pause); err != nil {
			return err
		}
	}
}

// passing says of an error that asking again may help: throttling, an error of AWS's own, no answer at all.
func passing(err error) bool {
	// Not every error of AWS's own is one that its API declares.
	if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok && answer.HTTPStatusCode() >= http.StatusInternalServerError {
		return true
	}
	api, ok := errors.AsType[smithy.APIError](err)
	return !ok || api.ErrorFault() == smithy.FaultServer || retry.IsErrorThrottles(retry.DefaultThrottles).IsErrorThrottle(err) == aws.TrueTernary
}

type decision int

const (
	undecided decision = iota
	complete
	failed
	superseded
	idle
)

type state struct {
	decision decision
	// line is the state in words, which changes only when something changed.
	line string
	// reason is ECS's own.
	reason  string
	service types.Service
}

// look returns how each deployment stands. Where ECS keeps a record of service deployments, that record decides; the
// service's own list of deployments has the numbers, and decides where there is no record.
func (d *Deployer) look(ctx context.Context, deployments []Deployment) ([]state, error) {
	services, err := d.describe(ctx)
	if err != nil {
		return nil, err
	}
	records, err := d.records(ctx, deployments)
	if err != nil {
		return nil, err
	}
	states := make([]state, len(deployments))
	for i, deployment := range deployments {
		service := services[deployment.Service.Service]
		states[i] = judge(service, deployment)
		if record, found := records[deployment.ServiceDeployment]; found {
			states[i] = overrule(states[i], record)
		}
		states[i].service = service
	}
	return states, nil
}

// records returns ECS's records of the deployments, by ARN. A call takes twenty:
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServiceDeployments.html
func (d *Deployer) records(ctx context.Context, deployments []Deployment) (map[string]types.ServiceDeployment, error) {
	var arns []string
	for _, deployment := range deployments {
		if deployment.ServiceDeployment != "" {
			arns = append(arns, deployment.ServiceDeployment)
		}
	}
	found := make(map[string]types.ServiceDeployment, len(arns))
	for chunk := range slices.Chunk(arns, 20) {
		output, err := d.ecs.DescribeServiceDeployments(ctx, &ecs.DescribeServiceDeploymentsInput{ServiceDeploymentArns: chunk})
		if err != nil {
			return nil, fmt.Errorf("describe service deployments of cluster %s: %w", d.contract.Cluster, err)
		}
		for _, record := range output.ServiceDeployments {
			found[aws.ToString(record.ServiceDeploymentArn)] = record
		}
	}
	return found, nil
}

// overrule takes the decision from ECS's record of the deployment. A deployment that ECS rolled back has left the
// service's list before long, where it would look as if somebody else's had replaced it.
//
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ServiceDeployment.html
func overrule(s state, record types.ServiceDeployment) state {
	switch record.Status {
	case types.ServiceDeploymentStatusRollbackRequested, types.ServiceDeploymentStatusRollbackInProgress,
		types.ServiceDeploymentStatusRollbackSuccessful, types.ServiceDeploymentStatusRollbackFailed:
		s.decision, s.reason = failed, aws.ToString(record.StatusReason)
	case types.ServiceDeploymentStatusPending, types.ServiceDeploymentStatusInProgress:
		if s.decision == complete {
			s.decision = undecided // the numbers are there, and ECS is not content yet
		}
	}
	return s
}

// judge says how a deployment stands, from the service as DescribeServices returns it. A failed deployment stays in the
// list beside the one that replaced it, so the list's length says nothing.
func judge(service types.Service, ours Deployment) state {
	i := slices.IndexFunc(service.Deployments, func(d types.Deployment) bool { return aws.ToString(d.Id) == ours.ID })
	if i < 0 {
		return state{decision: superseded, line: "the deployment is gone from the service's list"}
	}
	d := service.Deployments[i]
	s := state{
		reason: aws.ToString(d.RolloutStateReason),
		line:   fmt.Sprintf("%d of %d tasks running, %d pending, %d failed", d.RunningCount, d.DesiredCount, d.PendingCount, d.FailedTasks),
	}
	switch {
	case d.RolloutState == types.DeploymentRolloutStateFailed:
		s.decision, s.line = failed, s.line+", given up by ECS"
	case aws.ToString(d.Status) != "PRIMARY":
		s.decision, s.line = superseded, s.line+", no longer the service's primary deployment"
	case d.RolloutState != types.DeploymentRolloutStateCompleted:
	// A service scaled to zero reports a completed rollout at once, although no task ever ran the new image. Without the
	// count a deployment of a broken image would be a success.
	case d.DesiredCount == 0:
		s.decision = idle
	case d.RunningCount >= d.DesiredCount:
		s.decision, s.line = complete, s.line+", complete"
	}
	return s
}

// replaced makes the failure of a deployment that another one took the place of: which, and whose.
func (d *Deployer) replaced(ctx context.Context, deployment Deployment, s state) error {
	other := "its revision can't be seen"
	for _, o := range s.service.Deployments {
		if aws.ToString(o.Status) != "PRIMARY" || aws.ToString(o.Id) == deployment.ID {
			continue
		}
		arn := aws.ToString(o.TaskDefinition)
		other = revisionName(arn)
		definition, tags, err := d.template(ctx, arn)
		if err != nil {
			break
		}
		who := tagValue(tags, TagRun)
		if who == "" {
			who = aws.ToString(definition.RegisteredBy)
		}
		if commit := tagValue(tags, TagCommit); commit != "" {
			other += ", commit " + commit
		}
		if who != "" {
			other += ", by " + who
		}
	}
	return (&report.Failure{
		Reason: fmt.Sprintf("another deployment of %s took the place of this one: %s", deployment.Service.Service, other),
		Effect: "that deployment goes on, and nothing was rolled back",
		Next:   "see with status what runs; deploy again if this release should",
	}).Because(ErrSuperseded)
}

func tagValue(tags []types.Tag, key string) string {
	for _, tag := range tags {
		if aws.ToString(tag.Key) == key {
			return aws.ToString(tag.Value)
		}
	}
	return ""
}
