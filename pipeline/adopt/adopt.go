// Package adopt finds what a killed apply was creating at that moment, so that nobody was told its id.
package adopt

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	balancertypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

type ecsAPI interface {
	DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error)
}

type balancerAPI interface {
	DescribeLoadBalancers(context.Context, *elasticloadbalancingv2.DescribeLoadBalancersInput, ...func(*elasticloadbalancingv2.Options)) (*elasticloadbalancingv2.DescribeLoadBalancersOutput, error)
}

type networkAPI interface {
	DescribeNatGateways(context.Context, *ec2.DescribeNatGatewaysInput, ...func(*ec2.Options)) (*ec2.DescribeNatGatewaysOutput, error)
}

// Finder looks for resources of the types that take AWS minutes to create, and whose id can't be told before, and of those
// that Terraform waits minutes for in vain where there is none.
type Finder struct {
	ecs      ecsAPI
	balancer balancerAPI
	network  networkAPI
}

// New returns a Finder.
func New(cfg aws.Config) *Finder {
	return &Finder{ecs: ecs.NewFromConfig(cfg), balancer: elasticloadbalancingv2.NewFromConfig(cfg), network: ec2.NewFromConfig(cfg)}
}

// Find returns what a planned resource with these attributes is imported by, if there is such a resource; else it is empty.
// Looked says that the type is one that it looks for.
func (f *Finder) Find(ctx context.Context, kind string, attributes map[string]any) (id string, looked bool, err error) {
	switch kind {
	case "aws_ecs_service":
		id, err = f.service(ctx, text(attributes, "cluster"), text(attributes, "name"))
	case "aws_lb", "aws_alb":
		id, err = f.loadBalancer(ctx, text(attributes, "name"))
	case "aws_nat_gateway":
		tags, _ := attributes["tags_all"].(map[string]any)
		id, err = f.natGateway(ctx, text(attributes, "subnet_id"), text(tags, "Name"))
	default:
		return "", false, nil
	}
	if err != nil {
		err = fmt.Errorf("look for the %s that a killed apply was creating: %w", kind, err)
	}
	return id, true, err
}

func text(attributes map[string]any, name string) string {
	value, _ := attributes[name].(string)
	return value
}

// service is known by its name, which its cluster has once.
func (f *Finder) service(ctx context.Context, cluster, name string) (string, error) {
	if cluster == "" || name == "" {
		return "", nil
	}
	output, err := f.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{name}})
	if _, none := errors.AsType[*ecstypes.ClusterNotFoundException](err); none {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	for _, service := range output.Services {
		if aws.ToString(service.Status) == "ACTIVE" {
			return cluster[strings.LastIndexByte(cluster, '/')+1:] + "/" + name, nil
		}
	}
	return "", nil
}

// loadBalancer is known by its name, which an account has once in a region.
func (f *Finder) loadBalancer(ctx context.Context, name string) (string, error) {
	if name == "" {
		return "", nil
	}
	output, err := f.balancer.DescribeLoadBalancers(ctx, &elasticloadbalancingv2.DescribeLoadBalancersInput{Names: []string{name}})
	if _, none := errors.AsType[*balancertypes.LoadBalancerNotFoundException](err); none || err == nil && len(output.LoadBalancers) == 0 {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	return aws.ToString(output.LoadBalancers[0].LoadBalancerArn), nil
}

// natGateway has no name but a tag. One alone in its subnet is the one that was being created.
func (f *Finder) natGateway(ctx context.Context, subnet, name string) (string, error) {
	if subnet == "" || name == "" {
		return "", nil
	}
	output, err := f.network.DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{Filter: []ec2types.Filter{
		{Name: aws.String("subnet-id"), Values: []string{subnet}},
		{Name: aws.String("tag:Name"), Values: []string{name}},
		{Name: aws.String("state"), Values: []string{"pending", "available"}},
	}})
	if err != nil || len(output.NatGateways) != 1 {
		return "", err
	}
	return aws.ToString(output.NatGateways[0].NatGatewayId), nil
}
