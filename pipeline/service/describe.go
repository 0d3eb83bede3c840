package service

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/contract"
)

type describeAPI interface {
	DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error)
	DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error)
}

// describe returns the services of the contract by their ECS names.
func (d *Deployer) describe(ctx context.Context) (map[string]types.Service, error) {
	return describe(ctx, d.ecs, d.contract)
}

// describe returns the services of a contract by their ECS names. A call takes ten services:
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_DescribeServices.html
func describe(ctx context.Context, api describeAPI, c contract.Contract) (map[string]types.Service, error) {
	var names []string
	for _, service := range c.Services {
		names = append(names, service.Service)
	}
	found := make(map[string]types.Service, len(names))
	for chunk := range slices.Chunk(names, 10) {
		output, err := api.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &c.Cluster, Services: chunk})
		if err != nil {
			return nil, fmt.Errorf("describe services of cluster %s: %w", c.Cluster, err)
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
