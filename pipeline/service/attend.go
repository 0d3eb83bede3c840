package service

import "context"

// Attend looks after deployments that ECS has completed, and returns a failure as soon as one of them is hopeless. A task
// without health checks counts as running for as long as it takes to fail, so ECS may be content with one that ends a few
// seconds later. Attend returns nil when the context ends.
func (d *Deployer) Attend(ctx context.Context, deployments []Deployment) error {
	if d.attempts == 0 {
		return nil
	}
	watches := d.watch(deployments)
	for {
		for i, deployment := range deployments {
			v, hopeless := watches[i].hopeless(ctx, true)
			if !hopeless {
				continue
			}
			services, err := d.describe(ctx)
			if err != nil {
				continue
			}
			v.decided += ", after ECS had completed the deployment"
			return d.explain(ctx, deployment, services[deployment.Service.Service], v)
		}
		if d.sleep(ctx, 2) != nil {
			return nil
		}
	}
}
