package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/report"
)

type updateAPI interface {
	UpdateService(context.Context, *ecs.UpdateServiceInput, ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error)
}

// Deployment is the ECS deployment that an update of one service started.
type Deployment struct {
	Service  contract.Service
	ID       string
	Revision string
	// ServiceDeployment is the ARN by which DescribeServiceDeployments knows it, where ECS has that record.
	ServiceDeployment string
	// Since is when ECS began it.
	Since time.Time
	// Before is what the service ran before the update.
	Before Before
}

// Before is what a service ran before an update, to which a rollback returns.
type Before struct {
	Revision     string
	DesiredCount int32
	// Complete says that this revision was serving: its deployment was complete and it ran tasks. A service that
	// infrastructure has just made, or whose last deployment failed, has nothing to go back to.
	Complete bool
}

func before(service types.Service) Before {
	last := primary(service)
	return Before{
		Revision:     aws.ToString(service.TaskDefinition),
		DesiredCount: service.DesiredCount,
		Complete:     last.RolloutState != types.DeploymentRolloutStateFailed && last.RunningCount > 0,
	}
}

// Update points every service of the contract at its revision of the release, all at once, and returns the deployments
// that ECS began.
func (d *Deployer) Update(ctx context.Context, release Release) ([]Deployment, error) {
	services, err := d.describe(ctx)
	if err != nil {
		return nil, err
	}
	deployments := make([]Deployment, len(d.contract.Services))
	errs := make([]error, len(d.contract.Services))
	var group sync.WaitGroup
	for i, entry := range d.contract.Services {
		group.Go(func() {
			deployments[i], errs[i] = d.update(ctx, entry, services[entry.Service], release.Revisions[entry.Name])
		})
	}
	group.Wait()
	if err := errors.Join(errs...); err != nil {
		var updated []string
		for _, deployment := range deployments {
			if deployment.Revision != "" {
				updated = append(updated, deployment.Service.Service)
			}
		}
		effect := "no service was updated"
		if len(updated) > 0 {
			effect = "updated all the same, and running the new release: " + strings.Join(updated, ", ")
		}
		return slices.DeleteFunc(deployments, func(d Deployment) bool { return d.Revision == "" }),
			(&report.Failure{Reason: "not every service could be updated", Effect: effect, Next: "mend the cause and deploy again"}).Because(err)
	}
	return deployments, nil
}

func (d *Deployer) update(ctx context.Context, entry contract.Service, now types.Service, revision string) (Deployment, error) {
	updated, err := d.send(ctx, updateInput(d.contract.Cluster, entry, now, revision))
	if err != nil {
		err = fmt.Errorf("update service %s to %s: %w", entry.Service, revisionName(revision), err)
		if errors.Is(err, errUnknown) {
			return Deployment{Service: entry, Revision: revision, Before: before(now)}, err
		}
		return Deployment{}, err
	}
	for _, deployment := range updated.Deployments {
		if aws.ToString(deployment.Status) == "PRIMARY" && aws.ToString(deployment.TaskDefinition) == revision {
			d.say(fmt.Sprintf("%s: %s with %d tasks", entry.Service, revisionName(revision), deployment.DesiredCount))
			return Deployment{
				Service: entry, ID: aws.ToString(deployment.Id), Revision: revision, Before: before(now),
				ServiceDeployment: aws.ToString(updated.CurrentServiceDeployment), Since: aws.ToTime(deployment.CreatedAt),
			}, nil
		}
	}
	// The revision says that the service was updated, although nothing can be waited for.
	return Deployment{Service: entry, Revision: revision, Before: before(now)}, fmt.Errorf("update service %s to %s: ECS took the update and shows no deployment of it", entry.Service, revisionName(revision))
}

// errUnknown is the cause of the failure of an update that may have taken effect.
var errUnknown = errors.New("whether it took effect is not known")

// send updates a service, and returns it as ECS has it then. The SDK sends the request again where no reply comes, which is
// safe; where none comes at all, this looks whether one of them took effect.
func (d *Deployer) send(ctx context.Context, input *ecs.UpdateServiceInput) (*types.Service, error) {
	output, err := d.ecs.UpdateService(ctx, input)
	if err == nil {
		return output.Service, nil
	}
	if !passing(err) {
		return nil, err
	}
	services, unseen := d.describe(ctx)
	if unseen != nil {
		return nil, fmt.Errorf("%w: %w; %w", errUnknown, err, unseen)
	}
	if service := services[aws.ToString(input.Service)]; aws.ToString(service.TaskDefinition) == aws.ToString(input.TaskDefinition) {
		return &service, nil
	}
	return nil, err
}

// updateInput asks for the revision and, where the service runs no task, for the contract's count: infrastructure creates
// it with none, and a service with no tasks would report a completed deployment of an image that never ran. It does not
// force a new deployment, which the new revision makes by itself: so a request that is repeated because its reply was lost
// changes nothing the second time.
func updateInput(cluster string, entry contract.Service, now types.Service, revision string) *ecs.UpdateServiceInput {
	input := &ecs.UpdateServiceInput{
		Cluster:        &cluster,
		Service:        &entry.Service,
		TaskDefinition: &revision,
	}
	if now.DesiredCount == 0 {
		input.DesiredCount = aws.Int32(int32(max(1, entry.DesiredCount)))
	}
	return input
}
