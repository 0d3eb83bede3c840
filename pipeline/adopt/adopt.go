// Package adopt finds what a killed apply was creating at that moment, so that nobody was told its id.
package adopt

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	balancertypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secrettypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
)

type ecsAPI interface {
	DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error)
}

type balancerAPI interface {
	DescribeListeners(context.Context, *elasticloadbalancingv2.DescribeListenersInput, ...func(*elasticloadbalancingv2.Options)) (*elasticloadbalancingv2.DescribeListenersOutput, error)
	DescribeLoadBalancers(context.Context, *elasticloadbalancingv2.DescribeLoadBalancersInput, ...func(*elasticloadbalancingv2.Options)) (*elasticloadbalancingv2.DescribeLoadBalancersOutput, error)
	DescribeTargetGroups(context.Context, *elasticloadbalancingv2.DescribeTargetGroupsInput, ...func(*elasticloadbalancingv2.Options)) (*elasticloadbalancingv2.DescribeTargetGroupsOutput, error)
}

type secretAPI interface {
	DescribeSecret(context.Context, *secretsmanager.DescribeSecretInput, ...func(*secretsmanager.Options)) (*secretsmanager.DescribeSecretOutput, error)
}

type iamAPI interface {
	ListOpenIDConnectProviders(context.Context, *iam.ListOpenIDConnectProvidersInput, ...func(*iam.Options)) (*iam.ListOpenIDConnectProvidersOutput, error)
	ListPolicies(context.Context, *iam.ListPoliciesInput, ...func(*iam.Options)) (*iam.ListPoliciesOutput, error)
}

// Finder looks for resources whose id AWS gives, and which a second one can't or should not be made beside, and for those whose
// import fails without saying which it is where there is none, or only after minutes.
type Finder struct {
	ecs      ecsAPI
	balancer balancerAPI
	secret   secretAPI
	iam      iamAPI
	network  networkAPI
}

// New returns a Finder.
func New(cfg aws.Config) *Finder {
	return &Finder{
		ecs: ecs.NewFromConfig(cfg), balancer: elasticloadbalancingv2.NewFromConfig(cfg), secret: secretsmanager.NewFromConfig(cfg),
		iam: iam.NewFromConfig(cfg), network: ec2.NewFromConfig(cfg),
	}
}

// planned are the attributes of a planned resource, those that are known before it is made. An attribute that isn't is empty.
type planned map[string]any

func (p planned) text(name string) string {
	if p[name] == nil {
		return ""
	}
	return fmt.Sprint(p[name])
}

// tags are those that the resource gets, with the provider's default ones. Without a name among them they single out nothing.
func (p planned) tags() map[string]string {
	all, _ := p["tags_all"].(map[string]any)
	tags := map[string]string{}
	for key := range all {
		tags[key] = planned(all).text(key)
	}
	if tags["Name"] == "" {
		return nil
	}
	return tags
}

// finders has for each type of Terraform's what finds the ids by which it would be imported. The section "Import" of each
// resource's page says which that is: https://registry.terraform.io/providers/hashicorp/aws/6.34.0/docs
var finders = map[string]func(*Finder, context.Context, planned) ([]string, error){
	"aws_alb":                             (*Finder).loadBalancers,
	"aws_ecs_service":                     (*Finder).services,
	"aws_eip":                             (*Finder).addresses,
	"aws_iam_openid_connect_provider":     (*Finder).identityProviders,
	"aws_iam_policy":                      (*Finder).policies,
	"aws_internet_gateway":                (*Finder).internetGateways,
	"aws_lb":                              (*Finder).loadBalancers,
	"aws_lb_listener":                     (*Finder).listeners,
	"aws_lb_target_group":                 (*Finder).targetGroups,
	"aws_nat_gateway":                     (*Finder).natGateways,
	"aws_route_table":                     (*Finder).routeTables,
	"aws_route_table_association":         (*Finder).associations,
	"aws_secretsmanager_secret":           (*Finder).secrets,
	"aws_security_group":                  (*Finder).securityGroups,
	"aws_subnet":                          (*Finder).subnets,
	"aws_vpc":                             (*Finder).vpcs,
	"aws_vpc_endpoint":                    (*Finder).endpoints,
	"aws_vpc_security_group_egress_rule":  (*Finder).egressRules,
	"aws_vpc_security_group_ingress_rule": (*Finder).ingressRules,
}

// Find returns what planned resources of a type with these attributes, as far as they are known, are imported by: none, or
// several where they aren't enough to tell one from another. Looked says that the type is one that it looks for.
func (f *Finder) Find(ctx context.Context, kind string, attributes map[string]any) (ids []string, looked bool, err error) {
	find, looked := finders[kind]
	if !looked {
		return nil, false, nil
	}
	ids, err = find(f, ctx, attributes)
	if err != nil {
		return nil, true, fmt.Errorf("look for the %s that a killed apply was creating: %w", kind, err)
	}
	return ids, true, nil
}

// services are known by their name, which a cluster has once.
func (f *Finder) services(ctx context.Context, p planned) ([]string, error) {
	cluster, name := p.text("cluster"), p.text("name")
	if cluster == "" || name == "" {
		return nil, nil
	}
	output, err := f.ecs.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: []string{name}})
	if _, none := errors.AsType[*ecstypes.ClusterNotFoundException](err); none {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, service := range output.Services {
		if aws.ToString(service.Status) == "ACTIVE" {
			ids = append(ids, cluster[strings.LastIndexByte(cluster, '/')+1:]+"/"+name)
		}
	}
	return ids, nil
}

// loadBalancers are known by their name, which an account has once in a region.
func (f *Finder) loadBalancers(ctx context.Context, p planned) ([]string, error) {
	name := p.text("name")
	if name == "" {
		return nil, nil
	}
	output, err := f.balancer.DescribeLoadBalancers(ctx, &elasticloadbalancingv2.DescribeLoadBalancersInput{Names: []string{name}})
	if _, none := errors.AsType[*balancertypes.LoadBalancerNotFoundException](err); none {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, balancer := range output.LoadBalancers {
		ids = append(ids, aws.ToString(balancer.LoadBalancerArn))
	}
	return ids, nil
}

// targetGroups are known by their name, which an account has once in a region.
func (f *Finder) targetGroups(ctx context.Context, p planned) ([]string, error) {
	name := p.text("name")
	if name == "" {
		return nil, nil
	}
	output, err := f.balancer.DescribeTargetGroups(ctx, &elasticloadbalancingv2.DescribeTargetGroupsInput{Names: []string{name}})
	if _, none := errors.AsType[*balancertypes.TargetGroupNotFoundException](err); none {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, group := range output.TargetGroups {
		ids = append(ids, aws.ToString(group.TargetGroupArn))
	}
	return ids, nil
}

// listeners are known by their port, which a load balancer has once.
func (f *Finder) listeners(ctx context.Context, p planned) ([]string, error) {
	balancer := p.text("load_balancer_arn")
	if balancer == "" {
		return nil, nil
	}
	var ids []string
	pages := elasticloadbalancingv2.NewDescribeListenersPaginator(f.balancer, &elasticloadbalancingv2.DescribeListenersInput{LoadBalancerArn: &balancer})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if _, none := errors.AsType[*balancertypes.LoadBalancerNotFoundException](err); none {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		for _, listener := range page.Listeners {
			if fmt.Sprint(aws.ToInt32(listener.Port)) == p.text("port") {
				ids = append(ids, aws.ToString(listener.ListenerArn))
			}
		}
	}
	return ids, nil
}

// secrets are known by their name, which an account has once in a region.
func (f *Finder) secrets(ctx context.Context, p planned) ([]string, error) {
	name := p.text("name")
	if name == "" {
		return nil, nil
	}
	output, err := f.secret.DescribeSecret(ctx, &secretsmanager.DescribeSecretInput{SecretId: &name})
	if _, none := errors.AsType[*secrettypes.ResourceNotFoundException](err); none {
		return nil, nil
	}
	if err != nil || output.DeletedDate != nil {
		return nil, err
	}
	return []string{aws.ToString(output.ARN)}, nil
}

// policies are known by their name, which an account has once.
func (f *Finder) policies(ctx context.Context, p planned) ([]string, error) {
	name := p.text("name")
	if name == "" {
		return nil, nil
	}
	var ids []string
	pages := iam.NewListPoliciesPaginator(f.iam, &iam.ListPoliciesInput{Scope: "Local"})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, policy := range page.Policies {
			if aws.ToString(policy.PolicyName) == name {
				ids = append(ids, aws.ToString(policy.Arn))
			}
		}
	}
	return ids, nil
}

// identityProviders are known by their URL, which an account has once.
func (f *Finder) identityProviders(ctx context.Context, p planned) ([]string, error) {
	host := strings.TrimPrefix(p.text("url"), "https://")
	if host == "" {
		return nil, nil
	}
	output, err := f.iam.ListOpenIDConnectProviders(ctx, &iam.ListOpenIDConnectProvidersInput{})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, provider := range output.OpenIDConnectProviderList {
		if arn := aws.ToString(provider.Arn); strings.HasSuffix(arn, ":oidc-provider/"+host) {
			ids = append(ids, arn)
		}
	}
	return ids, nil
}
