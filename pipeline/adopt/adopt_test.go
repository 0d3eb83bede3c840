package adopt

import (
	"context"
	"errors"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	balancertypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

// fake is an account with an active service, one that was deleted, a load balancer, and NAT gateways in two subnets.
type fake struct{ err error }

func (f fake) DescribeServices(_ context.Context, input *ecs.DescribeServicesInput, _ ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	if f.err != nil {
		return nil, f.err
	}
	if *input.Cluster != "arn:aws:ecs:eu-central-1:1:cluster/blog-dev" {
		return nil, &ecstypes.ClusterNotFoundException{}
	}
	status, there := map[string]string{"web": "ACTIVE", "gone": "INACTIVE"}[input.Services[0]]
	if !there {
		return &ecs.DescribeServicesOutput{Failures: []ecstypes.Failure{{Reason: aws.String("MISSING")}}}, nil
	}
	return &ecs.DescribeServicesOutput{Services: []ecstypes.Service{{Status: &status}}}, nil
}

func (f fake) DescribeLoadBalancers(_ context.Context, input *elasticloadbalancingv2.DescribeLoadBalancersInput, _ ...func(*elasticloadbalancingv2.Options)) (*elasticloadbalancingv2.DescribeLoadBalancersOutput, error) {
	if input.Names[0] != "blog-dev" {
		return nil, &balancertypes.LoadBalancerNotFoundException{}
	}
	return &elasticloadbalancingv2.DescribeLoadBalancersOutput{LoadBalancers: []balancertypes.LoadBalancer{{LoadBalancerArn: aws.String("arn:lb")}}}, nil
}

func (f fake) DescribeNatGateways(_ context.Context, input *ec2.DescribeNatGatewaysInput, _ ...func(*ec2.Options)) (*ec2.DescribeNatGatewaysOutput, error) {
	gateways := map[string][]string{"subnet-1": {"nat-1"}, "subnet-2": {"nat-2", "nat-3"}}
	output := &ec2.DescribeNatGatewaysOutput{}
	i := slices.IndexFunc(input.Filter, func(filter ec2types.Filter) bool { return *filter.Name == "subnet-id" })
	for _, id := range gateways[input.Filter[i].Values[0]] {
		output.NatGateways = append(output.NatGateways, ec2types.NatGateway{NatGatewayId: &id})
	}
	return output, nil
}

func TestFind(t *testing.T) {
	const cluster = "arn:aws:ecs:eu-central-1:1:cluster/blog-dev"
	named := map[string]any{"Name": "blog-dev"}
	tests := map[string]struct {
		kind       string
		attributes map[string]any
		want       string
		looked     bool
	}{
		"a service":                            {"aws_ecs_service", map[string]any{"cluster": cluster, "name": "web"}, "blog-dev/web", true},
		"a service that was deleted":           {"aws_ecs_service", map[string]any{"cluster": cluster, "name": "gone"}, "", true},
		"a service that there isn't":           {"aws_ecs_service", map[string]any{"cluster": cluster, "name": "worker"}, "", true},
		"a service in a cluster that isn't":    {"aws_ecs_service", map[string]any{"cluster": "other", "name": "web"}, "", true},
		"a service whose cluster isn't known":  {"aws_ecs_service", map[string]any{"name": "web"}, "", true},
		"a load balancer":                      {"aws_lb", map[string]any{"name": "blog-dev"}, "arn:lb", true},
		"a load balancer that there isn't":     {"aws_lb", map[string]any{"name": "blog-prod"}, "", true},
		"a load balancer that AWS names":       {"aws_lb", map[string]any{}, "", true},
		"a NAT gateway":                        {"aws_nat_gateway", map[string]any{"subnet_id": "subnet-1", "tags_all": named}, "nat-1", true},
		"two of them":                          {"aws_nat_gateway", map[string]any{"subnet_id": "subnet-2", "tags_all": named}, "", true},
		"none":                                 {"aws_nat_gateway", map[string]any{"subnet_id": "subnet-3", "tags_all": named}, "", true},
		"a NAT gateway in no subnet as yet":    {"aws_nat_gateway", map[string]any{"tags_all": named}, "", true},
		"what its attributes alone are enough": {"aws_ssm_parameter", map[string]any{"name": "/a"}, "", false},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			id, looked, err := (&Finder{fake{}, fake{}, fake{}}).Find(t.Context(), test.kind, test.attributes)
			if id != test.want || looked != test.looked || err != nil {
				t.Errorf("%q, looked %t, %v; want %q", id, looked, err, test.want)
			}
		})
	}
	denied := errors.New("AccessDenied")
	if _, _, err := (&Finder{ecs: fake{denied}}).Find(t.Context(), "aws_ecs_service", map[string]any{"cluster": cluster, "name": "web"}); !errors.Is(err, denied) {
		t.Errorf("error %v", err)
	}
}
