package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/contract"
)

// Back is what one service went back to.
type Back struct {
	Service  contract.Service
	Revision string
	// Commit and Digest are of the release that the revision belongs to; empty where Slipway did not register it.
	Commit, Digest string
	// Tasks is false for a service that had nothing to go back to: it runs no task now.
	Tasks bool
}

func (b Back) String() string {
	if !b.Tasks {
		return fmt.Sprintf("%s, which had run no release before, to no task", b.Service.Service)
	}
	if b.Digest == "" {
		return revisionName(b.Revision)
	}
	return fmt.Sprintf("%s (%.19s…)", revisionName(b.Revision), b.Digest)
}

// Rollback brings all services of a release back to what they ran before it, as it was recorded when they were updated,
// and waits until ECS is content with that. A service that ECS has already rolled back is only waited for. One that had
// run nothing is stopped: its template's image does not exist, and ECS would try to start it for ever.
func (d *Deployer) Rollback(ctx context.Context, deployments []Deployment) ([]Back, error) {
	services, err := d.describe(ctx)
	if err != nil {
		// A service that can't be seen is sent back all the same: if ECS has done so already, that changes nothing.
		d.say(err.Error())
	}
	var (
		backs   = make([]Back, len(deployments))
		follow  = make([]Deployment, len(deployments))
		errs    = make([]error, len(deployments))
		running sync.WaitGroup
	)
	for i, deployment := range deployments {
		running.Go(func() {
			backs[i], follow[i], errs[i] = d.back(ctx, deployment, services[deployment.Service.Service])
		})
	}
	running.Wait()
	if err := errors.Join(errs...); err != nil {
		return backs, err
	}
	follow = slices.DeleteFunc(follow, func(d Deployment) bool { return d.ID == "" })
	return backs, d.Wait(ctx, follow)
}

// back brings one service back. Its second result is the deployment to wait for; it has no ID where there is none.
func (d *Deployer) back(ctx context.Context, deployment Deployment, now types.Service) (Back, Deployment, error) {
	to := deployment.Before
	b := Back{Service: deployment.Service, Revision: to.Revision, Tasks: to.Complete}
	if to.Complete {
		_, tags, err := d.template(ctx, to.Revision)
		if err != nil {
			return b, Deployment{}, fmt.Errorf("roll %s back: %w", deployment.Service.Service, err)
		}
		b.Commit, b.Digest = tagValue(tags, TagCommit), tagValue(tags, TagDigest)
	}
	if to.Complete && aws.ToString(now.TaskDefinition) == to.Revision {
		following := primary(now)
		return b, Deployment{
			Service: deployment.Service, ID: aws.ToString(following.Id), Revision: to.Revision, Since: aws.ToTime(following.UpdatedAt),
		}, nil
	}
	input := &ecs.UpdateServiceInput{Cluster: &d.contract.Cluster, Service: &deployment.Service.Service, TaskDefinition: &to.Revision}
	if !to.Complete {
		input.DesiredCount = aws.Int32(0)
	}
	updated, err := d.send(ctx, input)
	if err != nil {
		return b, Deployment{}, fmt.Errorf("roll %s back to %s: %w", deployment.Service.Service, revisionName(to.Revision), err)
	}
	d.say(fmt.Sprintf("%s: back to %s", deployment.Service.Service, revisionName(to.Revision)))
	if !to.Complete {
		return b, Deployment{}, nil
	}
	following := primary(*updated)
	return b, Deployment{
		Service: deployment.Service, ID: aws.ToString(following.Id), Revision: to.Revision, Since: aws.ToTime(following.CreatedAt),
		ServiceDeployment: aws.ToString(updated.CurrentServiceDeployment),
	}, nil
}

// primary is a service's primary deployment.
func primary(service types.Service) types.Deployment {
	for _, deployment := range service.Deployments {
		if aws.ToString(deployment.Status) == "PRIMARY" {
			return deployment
		}
	}
	return types.Deployment{}
}

// Sentence says of a rollback what a person wants to know: "blog-dev-web:41 (sha256:43ba9e3d…)".
func Sentence(backs []Back) string {
	var parts []string
	for _, back := range backs {
		parts = append(parts, back.String())
	}
	return strings.Join(parts, ", ")
}
