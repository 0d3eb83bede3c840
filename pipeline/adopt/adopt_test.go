package adopt

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	balancertypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	iamtypes "github.com/aws/aws-sdk-go-v2/service/iam/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/google/go-cmp/cmp"
)

const (
	cluster  = "arn:aws:ecs:eu-central-1:1:cluster/blog-dev"
	balancer = "arn:aws:elasticloadbalancing:eu-central-1:1:loadbalancer/app/blog-dev/1"
)

// fake is an account with one or two of each.
type fake struct{ err error }

func (f fake) DescribeServices(_ context.Context, input *ecs.DescribeServicesInput, _ ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	if *input.Cluster != cluster {
		return nil, &ecstypes.ClusterNotFoundException{}
	}
	status, there := map[string]string{"web": "ACTIVE", "gone": "INACTIVE"}[input.Services[0]]
	if !there {
		return &ecs.DescribeServicesOutput{Failures: []ecstypes.Failure{{Reason: aws.String("MISSING")}}}, f.err
	}
	return &ecs.DescribeServicesOutput{Services: []ecstypes.Service{{Status: &status}}}, f.err
}

func (f fake) DescribeLoadBalancers(_ context.Context, input *elasticloadbalancingv2.DescribeLoadBalancersInput, _ ...func(*elasticloadbalancingv2.Options)) (*elasticloadbalancingv2.DescribeLoadBalancersOutput, error) {
	if input.Names[0] != "blog-dev" {
		return nil, &balancertypes.LoadBalancerNotFoundException{}
	}
	return &elasticloadbalancingv2.DescribeLoadBalancersOutput{LoadBalancers: []balancertypes.LoadBalancer{{LoadBalancerArn: aws.String(balancer)}}}, f.err
}

func (f fake) DescribeTargetGroups(_ context.Context, input *elasticloadbalancingv2.DescribeTargetGroupsInput, _ ...func(*elasticloadbalancingv2.Options)) (*elasticloadbalancingv2.DescribeTargetGroupsOutput, error) {
	if input.Names[0] != "blog-dev" {
		return nil, &balancertypes.TargetGroupNotFoundException{}
	}
	return &elasticloadbalancingv2.DescribeTargetGroupsOutput{TargetGroups: []balancertypes.TargetGroup{{TargetGroupArn: aws.String("arn:group")}}}, f.err
}

func (f fake) DescribeListeners(_ context.Context, input *elasticloadbalancingv2.DescribeListenersInput, _ ...func(*elasticloadbalancingv2.Options)) (*elasticloadbalancingv2.DescribeListenersOutput, error) {
	if *input.LoadBalancerArn != balancer {
		return nil, &balancertypes.LoadBalancerNotFoundException{}
	}
	return &elasticloadbalancingv2.DescribeListenersOutput{Listeners: []balancertypes.Listener{
		{ListenerArn: aws.String("arn:80"), Port: aws.Int32(80)}, {ListenerArn: aws.String("arn:443"), Port: aws.Int32(443)},
	}}, f.err
}

func (f fake) DescribeSecret(_ context.Context, input *secretsmanager.DescribeSecretInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error) {
	switch *input.SecretId {
	case "blog/dev/app":
		return &secretsmanager.DescribeSecretOutput{ARN: aws.String("arn:secret")}, f.err
	case "blog/gone/app":
		return &secretsmanager.DescribeSecretOutput{ARN: aws.String("arn:gone"), DeletedDate: &time.Time{}}, f.err
	}
	return nil, &secrettypes.ResourceNotFoundException{}
}

func (f fake) ListPolicies(_ context.Context, input *iam.ListPoliciesInput, _ ...func(*iam.Options)) (*iam.ListPoliciesOutput, error) {
	if input.Marker == nil {
		return &iam.ListPoliciesOutput{Policies: []iamtypes.Policy{{PolicyName: aws.String("other"), Arn: aws.String("arn:other")}}, IsTruncated: true, Marker: aws.String("2")}, f.err
	}
	return &iam.ListPoliciesOutput{Policies: []iamtypes.Policy{{PolicyName: aws.String("blog-dev"), Arn: aws.String("arn:policy")}}}, f.err
}

func (f fake) ListOpenIDConnectProviders(context.Context, *iam.ListOpenIDConnectProvidersInput, ...func(*iam.Options)) (*iam.ListOpenIDConnectProvidersOutput, error) {
	return &iam.ListOpenIDConnectProvidersOutput{OpenIDConnectProviderList: []iamtypes.OpenIDConnectProviderListEntry{
		{Arn: aws.String("arn:aws:iam::1:oidc-provider/example.com")}, {Arn: aws.String("arn:aws:iam::1:oidc-provider/token.actions.githubusercontent.com")},
	}}, f.err
}

func (f fake) DescribeInternetGateways(_ context.Context, input *ec2.DescribeInternetGatewaysInput, _ ...func(*ec2.Options)) (*ec2.DescribeInternetGatewaysOutput, error) {
	output := &ec2.DescribeInternetGatewaysOutput{}
	if asked(input.Filters, "attachment.vpc-id") == "vpc-1" {
		output.InternetGateways = []ec2types.InternetGateway{{InternetGatewayId: aws.String("igw-1")}}
	}
	return output, f.err
}

func (f fake) DescribeNatGateways(_ context.Context, input *ec2.DescribeNatGatewaysInput, _ ...func(*ec2.Options)) (*ec2.DescribeNatGatewaysOutput, error) {
	output := &ec2.DescribeNatGatewaysOutput{}
	for _, id := range map[string][]string{"subnet-1": {"nat-1"}, "subnet-2": {"nat-2", "nat-3"}}[asked(input.Filter, "subnet-id")] {
		output.NatGateways = append(output.NatGateways, ec2types.NatGateway{NatGatewayId: &id})
	}
	return output, f.err
}

func (f fake) DescribeRouteTables(_ context.Context, input *ec2.DescribeRouteTablesInput, _ ...func(*ec2.Options)) (*ec2.DescribeRouteTablesOutput, error) {
	output := &ec2.DescribeRouteTablesOutput{}
	if end := input.Filters[0]; *end.Name == "association.subnet-id" && end.Values[0] == "subnet-1" || *end.Name == "association.gateway-id" && end.Values[0] == "igw-1" {
		output.RouteTables = []ec2types.RouteTable{{RouteTableId: aws.String("rtb-1")}}
	}
	return output, f.err
}

func (f fake) DescribeSubnets(_ context.Context, input *ec2.DescribeSubnetsInput, _ ...func(*ec2.Options)) (*ec2.DescribeSubnetsOutput, error) {
	output := &ec2.DescribeSubnetsOutput{}
	if asked(input.Filters, "vpc-id") == "vpc-1" && asked(input.Filters, "cidr-block") == "10.0.0.0/20" {
		output.Subnets = []ec2types.Subnet{{SubnetId: aws.String("subnet-1")}}
	}
	return output, f.err
}

func (f fake) DescribeSecurityGroups(_ context.Context, input *ec2.DescribeSecurityGroupsInput, _ ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error) {
	output := &ec2.DescribeSecurityGroupsOutput{}
	if asked(input.Filters, "vpc-id") == "vpc-1" && asked(input.Filters, "group-name") == "blog-dev-web" {
		output.SecurityGroups = []ec2types.SecurityGroup{{GroupId: aws.String("sg-1")}}
	}
	return output, f.err
}

func (f fake) DescribeSecurityGroupRules(_ context.Context, input *ec2.DescribeSecurityGroupRulesInput, _ ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupRulesOutput, error) {
	output := &ec2.DescribeSecurityGroupRulesOutput{}
	if asked(input.Filters, "group-id") == "sg-1" {
		output.SecurityGroupRules = []ec2types.SecurityGroupRule{
			{SecurityGroupRuleId: aws.String("sgr-all"), IsEgress: aws.Bool(true), IpProtocol: aws.String("-1"), FromPort: aws.Int32(-1), ToPort: aws.Int32(-1), CidrIpv4: aws.String("0.0.0.0/0")},
			{SecurityGroupRuleId: aws.String("sgr-in"), IsEgress: aws.Bool(false), IpProtocol: aws.String("tcp"), FromPort: aws.Int32(80), ToPort: aws.Int32(80), CidrIpv4: aws.String("0.0.0.0/0")},
			{SecurityGroupRuleId: aws.String("sgr-six"), IsEgress: aws.Bool(false), IpProtocol: aws.String("tcp"), FromPort: aws.Int32(80), ToPort: aws.Int32(80), CidrIpv6: aws.String("::/0")},
			{
				SecurityGroupRuleId: aws.String("sgr-group"), IsEgress: aws.Bool(true), IpProtocol: aws.String("tcp"), FromPort: aws.Int32(3306), ToPort: aws.Int32(3306),
				ReferencedGroupInfo: &ec2types.ReferencedSecurityGroup{GroupId: aws.String("sg-2")},
			},
		}
	}
	return output, f.err
}

func (f fake) DescribeVpcEndpoints(context.Context, *ec2.DescribeVpcEndpointsInput, ...func(*ec2.Options)) (*ec2.DescribeVpcEndpointsOutput, error) {
	const s3 = "com.amazonaws.eu-central-1.s3"
	return &ec2.DescribeVpcEndpointsOutput{VpcEndpoints: []ec2types.VpcEndpoint{
		{VpcEndpointId: aws.String("vpce-0"), VpcId: aws.String("vpc-1"), ServiceName: aws.String(s3), State: "Deleting"},
		{VpcEndpointId: aws.String("vpce-1"), VpcId: aws.String("vpc-1"), ServiceName: aws.String(s3), State: "available"},
		{VpcEndpointId: aws.String("vpce-2"), VpcId: aws.String("vpc-2"), ServiceName: aws.String(s3), State: "available"},
	}}, f.err
}

// DescribeTags has two pages, with the tags of one VPC on both.
func (f fake) DescribeTags(_ context.Context, input *ec2.DescribeTagsInput, _ ...func(*ec2.Options)) (*ec2.DescribeTagsOutput, error) {
	tags := map[string][][3]string{
		"vpc": {
			{"vpc-1", "Name", "blog-dev"}, {"vpc-2", "Name", "blog-dev"}, {"vpc-2", "Environment", "prod"}, {"vpc-1", "Environment", "dev"},
		},
		"elastic-ip":       {{"eipalloc-1", "Name", "blog-dev"}, {"eipalloc-1", "Environment", "dev"}, {"eipalloc-2", "Name", "blog-dev"}, {"eipalloc-2", "Environment", "dev"}},
		"internet-gateway": {{"igw-2", "Name", "blog-dev"}, {"igw-2", "Environment", "dev"}},
	}[asked(input.Filters, "resource-type")]
	page := tags[:len(tags)/2]
	output := &ec2.DescribeTagsOutput{NextToken: aws.String("2")}
	if input.NextToken != nil {
		page, output.NextToken = tags[len(tags)/2:], nil
	}
	for _, tag := range page {
		output.Tags = append(output.Tags, ec2types.TagDescription{ResourceId: &tag[0], Key: &tag[1], Value: &tag[2]})
	}
	return output, f.err
}

func asked(filters []ec2types.Filter, name string) string {
	i := slices.IndexFunc(filters, func(filter ec2types.Filter) bool { return *filter.Name == name })
	return filters[i].Values[0]
}

func finder(err error) *Finder {
	return &Finder{fake{err}, fake{err}, fake{err}, fake{err}, fake{err}}
}

func TestFind(t *testing.T) {
	type attributes = map[string]any
	named := attributes{"Name": "blog-dev", "Environment": "dev"}
	http := attributes{"security_group_id": "sg-1", "ip_protocol": "tcp", "from_port": 80, "to_port": 80}
	with := func(base attributes, name string, value any) attributes {
		more := maps.Clone(base)
		more[name] = value
		return more
	}
	tests := map[string]struct {
		kind       string
		attributes attributes
		want       []string
	}{
		"a service":                            {"aws_ecs_service", attributes{"cluster": cluster, "name": "web"}, []string{"blog-dev/web"}},
		"a service that was deleted":           {"aws_ecs_service", attributes{"cluster": cluster, "name": "gone"}, nil},
		"a service that there isn't":           {"aws_ecs_service", attributes{"cluster": cluster, "name": "worker"}, nil},
		"a service in a cluster that isn't":    {"aws_ecs_service", attributes{"cluster": "other", "name": "web"}, nil},
		"a service whose cluster isn't known":  {"aws_ecs_service", attributes{"name": "web"}, nil},
		"a load balancer":                      {"aws_lb", attributes{"name": "blog-dev"}, []string{balancer}},
		"a load balancer that there isn't":     {"aws_lb", attributes{"name": "blog-prod"}, nil},
		"a load balancer that AWS names":       {"aws_lb", attributes{"name": nil}, nil},
		"a target group":                       {"aws_lb_target_group", attributes{"name": "blog-dev"}, []string{"arn:group"}},
		"a target group that there isn't":      {"aws_lb_target_group", attributes{"name": "blog-prod"}, nil},
		"a listener":                           {"aws_lb_listener", attributes{"load_balancer_arn": balancer, "port": 443}, []string{"arn:443"}},
		"a listener on another port":           {"aws_lb_listener", attributes{"load_balancer_arn": balancer, "port": 8080}, nil},
		"a listener of no load balancer":       {"aws_lb_listener", attributes{"load_balancer_arn": "gone", "port": 80}, nil},
		"a secret":                             {"aws_secretsmanager_secret", attributes{"name": "blog/dev/app"}, []string{"arn:secret"}},
		"a secret that goes":                   {"aws_secretsmanager_secret", attributes{"name": "blog/gone/app"}, nil},
		"a secret that there isn't":            {"aws_secretsmanager_secret", attributes{"name": "blog/prod/app"}, nil},
		"a policy":                             {"aws_iam_policy", attributes{"name": "blog-dev"}, []string{"arn:policy"}},
		"an identity provider":                 {"aws_iam_openid_connect_provider", attributes{"url": "https://token.actions.githubusercontent.com"}, []string{"arn:aws:iam::1:oidc-provider/token.actions.githubusercontent.com"}},
		"a VPC, by all of its tags":            {"aws_vpc", attributes{"tags_all": named}, []string{"vpc-1"}},
		"a VPC without a name":                 {"aws_vpc", attributes{"tags_all": attributes{"Environment": "dev"}}, nil},
		"a VPC whose tags aren't known":        {"aws_vpc", attributes{}, nil},
		"addresses with the same tags":         {"aws_eip", attributes{"tags_all": named}, []string{"eipalloc-1", "eipalloc-2"}},
		"a route table that there isn't":       {"aws_route_table", attributes{"tags_all": named, "vpc_id": "vpc-1"}, nil},
		"an association":                       {"aws_route_table_association", attributes{"route_table_id": "rtb-1", "subnet_id": "subnet-1"}, []string{"subnet-1/rtb-1"}},
		"an association of a gateway":          {"aws_route_table_association", attributes{"route_table_id": "rtb-1", "gateway_id": "igw-1"}, []string{"igw-1/rtb-1"}},
		"an association with another table":    {"aws_route_table_association", attributes{"route_table_id": "rtb-2", "subnet_id": "subnet-1"}, nil},
		"an association of nothing as yet":     {"aws_route_table_association", attributes{"route_table_id": "rtb-1"}, nil},
		"an internet gateway":                  {"aws_internet_gateway", attributes{"tags_all": named, "vpc_id": "vpc-1"}, []string{"igw-1"}},
		"one that wasn't attached as yet":      {"aws_internet_gateway", attributes{"tags_all": named, "vpc_id": "vpc-2"}, []string{"igw-2"}},
		"a NAT gateway":                        {"aws_nat_gateway", attributes{"subnet_id": "subnet-1", "tags_all": named}, []string{"nat-1"}},
		"two of them":                          {"aws_nat_gateway", attributes{"subnet_id": "subnet-2", "tags_all": named}, []string{"nat-2", "nat-3"}},
		"none":                                 {"aws_nat_gateway", attributes{"subnet_id": "subnet-3", "tags_all": named}, nil},
		"a NAT gateway in no subnet as yet":    {"aws_nat_gateway", attributes{"tags_all": named}, nil},
		"a subnet":                             {"aws_subnet", attributes{"vpc_id": "vpc-1", "cidr_block": "10.0.0.0/20"}, []string{"subnet-1"}},
		"a subnet of another VPC":              {"aws_subnet", attributes{"vpc_id": "vpc-2", "cidr_block": "10.0.0.0/20"}, nil},
		"a security group":                     {"aws_security_group", attributes{"vpc_id": "vpc-1", "name": "blog-dev-web"}, []string{"sg-1"}},
		"a security group of no VPC as yet":    {"aws_security_group", attributes{"name": "blog-dev-web"}, nil},
		"a rule":                               {"aws_vpc_security_group_ingress_rule", with(http, "cidr_ipv4", "0.0.0.0/0"), []string{"sgr-in"}},
		"a rule of IPv6":                       {"aws_vpc_security_group_ingress_rule", with(http, "cidr_ipv6", "::/0"), []string{"sgr-six"}},
		"a rule in the other direction":        {"aws_vpc_security_group_egress_rule", with(http, "cidr_ipv4", "0.0.0.0/0"), nil},
		"a rule for all":                       {"aws_vpc_security_group_egress_rule", attributes{"security_group_id": "sg-1", "ip_protocol": "-1", "cidr_ipv4": "0.0.0.0/0"}, []string{"sgr-all"}},
		"a rule for a group":                   {"aws_vpc_security_group_egress_rule", attributes{"security_group_id": "sg-1", "ip_protocol": "tcp", "from_port": 3306, "to_port": 3306, "referenced_security_group_id": "1/sg-2"}, []string{"sgr-group"}},
		"a rule of no group as yet":            {"aws_vpc_security_group_ingress_rule", attributes{"ip_protocol": "tcp"}, nil},
		"an endpoint beside one that goes":     {"aws_vpc_endpoint", attributes{"vpc_id": "vpc-1", "service_name": "com.amazonaws.eu-central-1.s3"}, []string{"vpce-1"}},
		"an endpoint for another service":      {"aws_vpc_endpoint", attributes{"vpc_id": "vpc-1", "service_name": "com.amazonaws.eu-central-1.ssm"}, nil},
		"what its attributes alone are enough": {"aws_ssm_parameter", attributes{"name": "/a"}, nil},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			ids, looked, err := finder(nil).Find(t.Context(), test.kind, test.attributes)
			if diff := cmp.Diff(test.want, ids); diff != "" || looked != (test.kind != "aws_ssm_parameter") || err != nil {
				t.Errorf("looked %t, %v, ids (-want +got):\n%s", looked, err, diff)
			}
		})
	}
	denied := errors.New("AccessDenied")
	complete := attributes{
		"cluster": cluster, "name": "blog-dev", "tags_all": named, "vpc_id": "vpc-2", "subnet_id": "subnet-1", "cidr_block": "10.0.0.0/20",
		"security_group_id": "sg-1", "service_name": "s3", "load_balancer_arn": balancer, "url": "https://example.com", "route_table_id": "rtb-1",
	}
	for kind := range finders {
		if kind == "aws_secretsmanager_secret" {
			complete["name"] = "blog/dev/app"
		} else {
			complete["name"] = "blog-dev"
		}
		if ids, looked, err := finder(denied).Find(t.Context(), kind, complete); !errors.Is(err, denied) || !looked || ids != nil {
			t.Errorf("%s: %q, looked %t, error %v", kind, ids, looked, err)
		}
	}
}
