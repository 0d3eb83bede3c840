package service

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"

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
		return nil, (&report.Failure{Reason: "not every service could be updated", Effect: effect, Next: "mend the cause and deploy again"}).Because(err)
	}
	return deployments, nil
}

func (d *Deployer) update(ctx context.Context, entry contract.Service, now types.Service, revision string) (Deployment, error) {
	output, err := d.ecs.UpdateService(ctx, updateInput(d.contract.Cluster, entry, now, revision))
	if err != nil {
		return Deployment{}, fmt.Errorf("update service %s to %s: %w", entry.Service, revisionName(revision), err)
	}
	for _, deployment := range output.Service.Deployments {
		if aws.ToString(deployment.Status) == "PRIMARY" && aws.ToString(deployment.TaskDefinition) == revision {
			d.say(fmt.Sprintf("%s: %s with %d tasks", entry.Service, revisionName(revision), deployment.DesiredCount))
			return Deployment{Service: entry, ID: aws.ToString(deployment.Id), Revision: revision}, nil
		}
	}
	// The revision says that the service was updated, although nothing can be waited for.
	return Deployment{Service: entry, Revision: revision}, fmt.Errorf("update service %s to %s: ECS took the update and shows no deployment of it", entry.Service, revisionName(revision))
}

// updateInput asks for the revision and, where the service runs no task, for the contract's count: infrastructure creates
// it with none, and a service with no tasks would report a completed deployment of an image that never ran.
func updateInput(cluster string, entry contract.Service, now types.Service, revision string) *ecs.UpdateServiceInput {
	input := &ecs.UpdateServiceInput{
		Cluster:            &cluster,
		Service:            &entry.Service,
		TaskDefinition:     &revision,
		ForceNewDeployment: true,
	}
	if now.DesiredCount == 0 {
		input.DesiredCount = aws.Int32(int32(max(1, entry.DesiredCount)))
	}
	return input
}
