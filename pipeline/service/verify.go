package service

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/report"
)

type verifyAPI interface {
	DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error)
	DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error)
}

// Verify finds what would make the deployment fail, before anything is touched: a service that isn't there or isn't
// active, a template that can't be read, a container that the template does not have. It lists everything it finds.
func (d *Deployer) Verify(ctx context.Context) error {
	services, err := d.describe(ctx)
	if err != nil {
		return err
	}
	var problems []string
	for _, entry := range d.contract.Services {
		service, found := services[entry.Service]
		switch {
		case !found:
			problems = append(problems, fmt.Sprintf("service %s: there is none in cluster %s", entry.Service, d.contract.Cluster))
		case aws.ToString(service.Status) != "ACTIVE":
			problems = append(problems, fmt.Sprintf("service %s: it is %s, not ACTIVE", entry.Service, aws.ToString(service.Status)))
		}
		template, _, err := d.template(ctx, entry.Template)
		if err != nil {
			problems = append(problems, fmt.Sprintf("service %s: %v", entry.Service, err))
			continue
		}
		if !slices.ContainsFunc(template.ContainerDefinitions, named(entry.Container)) {
			problems = append(problems, fmt.Sprintf("service %s: template %s has no container %q", entry.Service, revisionName(entry.Template), entry.Container))
		}
	}
	if len(problems) == 0 {
		return nil
	}
	return &report.Failure{
		Reason:   fmt.Sprintf("the environment %s-%s is not as its contract says", d.contract.Name, d.contract.Environment),
		Evidence: problems,
		Effect:   "nothing was registered and no service was touched",
		Next:     "apply the infrastructure again",
	}
}

// describe returns the services of the contract by their ECS names. A call takes ten services:
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html
func (d *Deployer) describe(ctx context.Context) (map[string]types.Service, error) {
	var names []string
	for _, service := range d.contract.Services {
		names = append(names, service.Service)
	}
	found := make(map[string]types.Service, len(names))
	for chunk := range slices.Chunk(names, 10) {
		output, err := d.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &d.contract.Cluster, Services: chunk})
		if err != nil {
			return nil, fmt.Errorf("describe services of cluster %s: %w", d.contract.Cluster, err)
		}
		for _, service := range output.Services {
			found[aws.ToString(service.ServiceName)] = service
		}
	}
	return found, nil
}

// template returns a task definition with its tags.
func (d *Deployer) template(ctx context.Context, arn string) (*types.TaskDefinition, []types.Tag, error) {
	output, err := d.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{
		TaskDefinition: &arn,
		Include:        []types.TaskDefinitionField{types.TaskDefinitionFieldTags},
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read template %s: %w", revisionName(arn), err)
	}
	return output.TaskDefinition, output.Tags, nil
}

func named(container string) func(types.ContainerDefinition) bool {
	return func(c types.ContainerDefinition) bool { return aws.ToString(c.Name) == container }
}
