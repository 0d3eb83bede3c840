package service

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/report"
)

type targetHealthAPI interface {
	DescribeTargetHealth(context.Context, *elasticloadbalancingv2.DescribeTargetHealthInput, ...func(*elasticloadbalancingv2.Options)) (*elasticloadbalancingv2.DescribeTargetHealthOutput, error)
}

// Inspector says what runs in an environment. It only reads.
type Inspector struct {
	ecs      describeAPI
	targets  targetHealthAPI
	contract contract.Contract
}

// NewInspector returns an Inspector for the environment that the contract describes.
func NewInspector(cfg aws.Config, c contract.Contract) *Inspector {
	return &Inspector{ecs: ecs.NewFromConfig(cfg), targets: elasticloadbalancingv2.NewFromConfig(cfg), contract: c}
}

// Status returns what each service of the contract runs and how it is. What can't be read of a service is said in its
// notes: the rest is wanted all the more then.
func (n *Inspector) Status(ctx context.Context) ([]report.Service, error) {
	services, err := describe(ctx, n.ecs, n.contract)
	if err != nil {
		return nil, err
	}
	states := make([]report.Service, len(n.contract.Services))
	each(len(states), func(i int) error {
		entry := n.contract.Services[i]
		if service, found := services[entry.Service]; found {
			states[i] = n.state(ctx, entry, service)
		} else {
			states[i] = report.Service{Name: entry.Service, Health: report.Absent, Notes: []string{"there is none in cluster " + n.contract.Cluster}}
		}
		return nil
	})
	return states, nil
}

func (n *Inspector) state(ctx context.Context, entry contract.Service, service types.Service) report.Service {
	following := primary(service)
	arn := aws.ToString(service.TaskDefinition)
	state := report.Service{
		Name:     entry.Service,
		Revision: revisionName(arn),
		Running:  int(service.RunningCount),
		Pending:  int(service.PendingCount),
		Desired:  int(service.DesiredCount),
		Failed:   int(following.FailedTasks),
		Since:    aws.ToTime(following.CreatedAt),
	}
	note := func(format string, args ...any) { state.Notes = append(state.Notes, fmt.Sprintf(format, args...)) }

	if status := aws.ToString(service.Status); status != "ACTIVE" {
		note("ECS says that it is %s", status)
	}
	running, err := describeDefinition(ctx, n.ecs, arn)
	switch {
	case err != nil:
		note("%s can't be read: %v", state.Revision, err)
	case registeredBySlipway(running.Tags):
		state.Commit, state.Template = running.tag(TagCommit), running.tag(TagTemplate)
		state.Digest = short(imageOf(running.ContainerDefinitions, entry.Container))
		state.Current = state.Template == revisionName(entry.Template)
		if !state.Current {
			note("made of template %s, and the current one is %s: the next deployment brings it", state.Template, revisionName(entry.Template))
		}
	case arn == entry.Template:
		state.Template, state.Current = state.Revision, true
		note("nothing has been deployed: it points at the template")
	default:
		state.Digest = short(imageOf(running.ContainerDefinitions, entry.Container))
		note("%s was not registered by Slipway but by %s", state.Revision, orUnknown(aws.ToString(running.RegisteredBy)))
	}

	gaveUp := false
	for _, deployment := range service.Deployments { // the newest first
		rollout, worth := rolloutOf(deployment)
		failed := deployment.RolloutState == types.DeploymentRolloutStateFailed
		if worth && !(failed && gaveUp) {
			state.Rollouts = append(state.Rollouts, rollout)
		}
		gaveUp = gaveUp || failed
	}
	if entry.TargetGroupARN != "" {
		targets, unhealthy, err := n.health(ctx, entry.TargetGroupARN)
		if err != nil {
			note("the health of its targets can't be read: %v", err)
		} else {
			state.Targets = targets
			state.Notes = append(state.Notes, unhealthy...)
		}
	}
	state.Health = healthOf(state, service, following)
	return state
}

// rolloutOf returns a deployment that isn't the finished one: the one under way, one that failed and stays in the list, and
// one that another took the place of and whose tasks are not gone yet. Of the last, ECS's own state says nothing: the emulator
// leaves it in progress for ever.
func rolloutOf(d types.Deployment) (report.Rollout, bool) {
	rollout := report.Rollout{
		Revision: revisionName(aws.ToString(d.TaskDefinition)),
		Running:  int(d.RunningCount), Pending: int(d.PendingCount), Desired: int(d.DesiredCount), Failed: int(d.FailedTasks),
		Started: aws.ToTime(d.CreatedAt),
	}
	switch {
	case d.RolloutState == types.DeploymentRolloutStateFailed:
		rollout.State = "failed"
		return rollout, true
	case aws.ToString(d.Status) == "PRIMARY":
		rollout.State = "in progress"
		return rollout, d.RolloutState == types.DeploymentRolloutStateInProgress
	}
	rollout.State = "going away"
	return rollout, d.RunningCount+d.PendingCount > 0
}

func (n *Inspector) health(ctx context.Context, group string) (*report.Targets, []string, error) {
	output, err := n.targets.DescribeTargetHealth(ctx, &elasticloadbalancingv2.DescribeTargetHealthInput{TargetGroupArn: &group})
	if err != nil {
		return nil, nil, err
	}
	targets := &report.Targets{}
	reasons := map[string]int{}
	for _, target := range output.TargetHealthDescriptions {
		if target.TargetHealth == nil {
			continue
		}
		switch target.TargetHealth.State {
		case elbtypes.TargetHealthStateEnumDraining: // of a task that is being stopped
			continue
		case elbtypes.TargetHealthStateEnumHealthy:
			targets.Healthy++
		default:
			reason := string(target.TargetHealth.State)
			if said := aws.ToString(target.TargetHealth.Description); said != "" {
				reason += ": " + said
			}
			reasons[reason]++
		}
		targets.Total++
	}
	var lines []string
	for reason, count := range reasons {
		lines = append(lines, fmt.Sprintf("%d of %d targets %s", count, targets.Total, reason))
	}
	slices.Sort(lines)
	return targets, lines, nil
}

// healthOf puts a service's state into one word.
func healthOf(state report.Service, service types.Service, following types.Deployment) report.Health {
	switch {
	case aws.ToString(service.Status) != "ACTIVE":
		return report.Absent
	case following.RolloutState == types.DeploymentRolloutStateInProgress:
		return report.Deploying
	case state.Desired == 0 && state.Running == 0:
		return report.NoTasks
	case state.Running == 0 || state.Targets != nil && state.Targets.Healthy == 0:
		return report.Down
	case state.Running < state.Desired || state.Targets != nil && state.Targets.Healthy < state.Targets.Total:
		return report.Degraded
	}
	return report.Healthy
}

func orUnknown(s string) string {
	if s == "" {
		return "somebody unknown"
	}
	return s
}
