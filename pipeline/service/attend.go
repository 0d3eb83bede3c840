package service

import (
	"context"
	"fmt"
)

// Attend looks after deployments that ECS has completed, and returns a failure as soon as so many tasks of one have failed in
// a way that does not heal. A task without health checks counts as running for as long as it takes to fail, so ECS may be
// content with one that ends a few seconds later. Attend returns nil when the context ends.
func (d *Deployer) Attend(ctx context.Context, deployments []Deployment) error {
	if d.attempts == 0 {
		return nil
	}
	for {
		for _, deployment := range deployments {
			hopeless, err := d.hopeless(ctx, deployment)
			if err != nil || hopeless < d.attempts {
				continue // what can't be seen now can be seen later
			}
			services, err := d.describe(ctx)
			if err != nil {
				continue
			}
			name := deployment.Service.Service
			return d.explain(ctx, deployment, services[name], fmt.Sprintf("%d tasks of %s failed in a way that does not heal, after ECS had completed the deployment", hopeless, name))
		}
		if d.sleep(ctx, 2) != nil {
			return nil
		}
	}
}
