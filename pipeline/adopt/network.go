package adopt

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
)

type networkAPI interface {
	DescribeInternetGateways(context.Context, *ec2.DescribeInternetGatewaysInput, ...func(*ec2.Options)) (*ec2.DescribeInternetGatewaysOutput, error)
	DescribeNatGateways(context.Context, *ec2.DescribeNatGatewaysInput, ...func(*ec2.Options)) (*ec2.DescribeNatGatewaysOutput, error)
	DescribeRouteTables(context.Context, *ec2.DescribeRouteTablesInput, ...func(*ec2.Options)) (*ec2.DescribeRouteTablesOutput, error)
	DescribeSecurityGroupRules(context.Context, *ec2.DescribeSecurityGroupRulesInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupRulesOutput, error)
	DescribeSecurityGroups(context.Context, *ec2.DescribeSecurityGroupsInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error)
	DescribeSubnets(context.Context, *ec2.DescribeSubnetsInput, ...func(*ec2.Options)) (*ec2.DescribeSubnetsOutput, error)
	DescribeTags(context.Context, *ec2.DescribeTagsInput, ...func(*ec2.Options)) (*ec2.DescribeTagsOutput, error)
	DescribeVpcEndpoints(context.Context, *ec2.DescribeVpcEndpointsInput, ...func(*ec2.Options)) (*ec2.DescribeVpcEndpointsOutput, error)
}

func filter(name string, values ...string) ec2types.Filter {
	return ec2types.Filter{Name: &name, Values: values}
}

// tagged returns the ids of those of a type that have all the tags that the planned one gets. The provider tags in the request
// that creates, so none is without.
//
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_DescribeTags.html
func (f *Finder) tagged(ctx context.Context, kind ec2types.ResourceType, p planned) ([]string, error) {
	tags := p.tags()
	if len(tags) == 0 {
		return nil, nil
	}
	found := map[string]int{}
	pages := ec2.NewDescribeTagsPaginator(f.network, &ec2.DescribeTagsInput{Filters: []ec2types.Filter{
		filter("resource-type", string(kind)), filter("key", slices.Sorted(maps.Keys(tags))...),
	}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, tag := range page.Tags {
			if value, wanted := tags[aws.ToString(tag.Key)]; wanted && value == aws.ToString(tag.Value) {
				found[aws.ToString(tag.ResourceId)]++
			}
		}
	}
	maps.DeleteFunc(found, func(_ string, count int) bool { return count < len(tags) })
	return slices.Sorted(maps.Keys(found)), nil
}

func (f *Finder) vpcs(ctx context.Context, p planned) ([]string, error) {
	return f.tagged(ctx, ec2types.ResourceTypeVpc, p)
}

func (f *Finder) addresses(ctx context.Context, p planned) ([]string, error) {
	return f.tagged(ctx, ec2types.ResourceTypeElasticIp, p)
}

func (f *Finder) routeTables(ctx context.Context, p planned) ([]string, error) {
	return f.tagged(ctx, ec2types.ResourceTypeRouteTable, p)
}

// associations are known by both ends.
func (f *Finder) associations(ctx context.Context, p planned) ([]string, error) {
	table, subnet, gateway := p.text("route_table_id"), p.text("subnet_id"), p.text("gateway_id")
	by := filter("association.subnet-id", subnet)
	if subnet == "" {
		by = filter("association.gateway-id", gateway)
	}
	if table == "" || subnet+gateway == "" {
		return nil, nil
	}
	output, err := f.network.DescribeRouteTables(ctx, &ec2.DescribeRouteTablesInput{Filters: []ec2types.Filter{by}})
	if err != nil {
		return nil, err
	}
	for _, found := range output.RouteTables {
		if aws.ToString(found.RouteTableId) == table {
			return []string{cmp.Or(subnet, gateway) + "/" + table}, nil
		}
	}
	return nil, nil
}

// internetGateways are created first and attached then; a VPC has one.
func (f *Finder) internetGateways(ctx context.Context, p planned) ([]string, error) {
	vpc := p.text("vpc_id")
	if vpc != "" {
		output, err := f.network.DescribeInternetGateways(ctx, &ec2.DescribeInternetGatewaysInput{Filters: []ec2types.Filter{filter("attachment.vpc-id", vpc)}})
		if err != nil {
			return nil, err
		}
		if len(output.InternetGateways) > 0 {
			return []string{aws.ToString(output.InternetGateways[0].InternetGatewayId)}, nil
		}
	}
	return f.tagged(ctx, ec2types.ResourceTypeInternetGateway, p)
}

// natGateways have no name but a tag, and keep it for an hour when they are deleted.
func (f *Finder) natGateways(ctx context.Context, p planned) ([]string, error) {
	subnet, name := p.text("subnet_id"), p.tags()["Name"]
	if subnet == "" || name == "" {
		return nil, nil
	}
	output, err := f.network.DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{Filter: []ec2types.Filter{
		filter("subnet-id", subnet), filter("tag:Name", name), filter("state", "pending", "available"),
	}})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, gateway := range output.NatGateways {
		ids = append(ids, aws.ToString(gateway.NatGatewayId))
	}
	return ids, nil
}

// subnets are known by their range, which a VPC has once.
func (f *Finder) subnets(ctx context.Context, p planned) ([]string, error) {
	vpc, block := p.text("vpc_id"), p.text("cidr_block")
	if vpc == "" || block == "" {
		return nil, nil
	}
	output, err := f.network.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{Filters: []ec2types.Filter{filter("vpc-id", vpc), filter("cidr-block", block)}})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, subnet := range output.Subnets {
		ids = append(ids, aws.ToString(subnet.SubnetId))
	}
	return ids, nil
}

// securityGroups are known by their name, which a VPC has once.
func (f *Finder) securityGroups(ctx context.Context, p planned) ([]string, error) {
	vpc, name := p.text("vpc_id"), p.text("name")
	if vpc == "" || name == "" {
		return nil, nil
	}
	output, err := f.network.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{Filters: []ec2types.Filter{filter("vpc-id", vpc), filter("group-name", name)}})
	if err != nil {
		return nil, err
	}
	var ids []string
	for _, group := range output.SecurityGroups {
		ids = append(ids, aws.ToString(group.GroupId))
	}
	return ids, nil
}

func (f *Finder) ingressRules(ctx context.Context, p planned) ([]string, error) {
	return f.rules(ctx, p, false)
}

func (f *Finder) egressRules(ctx context.Context, p planned) ([]string, error) {
	return f.rules(ctx, p, true)
}

// rules are known by what they allow, which a group has once.
func (f *Finder) rules(ctx context.Context, p planned, egress bool) ([]string, error) {
	group := p.text("security_group_id")
	if group == "" {
		return nil, nil
	}
	var ids []string
	pages := ec2.NewDescribeSecurityGroupRulesPaginator(f.network, &ec2.DescribeSecurityGroupRulesInput{Filters: []ec2types.Filter{filter("group-id", group)}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, rule := range page.SecurityGroupRules {
			if aws.ToBool(rule.IsEgress) == egress && p.allows(rule) {
				ids = append(ids, aws.ToString(rule.SecurityGroupRuleId))
			}
		}
	}
	return ids, nil
}

// allows says whether a rule allows what the planned one does. The group that it refers to may have an account before it.
func (p planned) allows(rule ec2types.SecurityGroupRule) bool {
	referenced := p.text("referenced_security_group_id")
	group := ""
	if rule.ReferencedGroupInfo != nil {
		group = aws.ToString(rule.ReferencedGroupInfo.GroupId)
	}
	return p.text("ip_protocol") == aws.ToString(rule.IpProtocol) &&
		cmp.Or(p.text("from_port"), allPorts) == port(rule.FromPort) && cmp.Or(p.text("to_port"), allPorts) == port(rule.ToPort) &&
		p.text("cidr_ipv4") == aws.ToString(rule.CidrIpv4) && p.text("cidr_ipv6") == aws.ToString(rule.CidrIpv6) &&
		p.text("prefix_list_id") == aws.ToString(rule.PrefixListId) && referenced[strings.LastIndexByte(referenced, '/')+1:] == group
}

// allPorts is the port of a rule for a protocol without ports, or for all.
const allPorts = "-1"

func port(number *int32) string {
	if number == nil {
		return allPorts
	}
	return strconv.Itoa(int(*number))
}

// endpoints are known by their service, of which a VPC needs one.
func (f *Finder) endpoints(ctx context.Context, p planned) ([]string, error) {
	vpc, service := p.text("vpc_id"), p.text("service_name")
	if vpc == "" || service == "" {
		return nil, nil
	}
	var ids []string
	pages := ec2.NewDescribeVpcEndpointsPaginator(f.network, &ec2.DescribeVpcEndpointsInput{Filters: []ec2types.Filter{filter("vpc-id", vpc), filter("service-name", service)}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, endpoint := range page.VpcEndpoints {
			gone := strings.HasPrefix(strings.ToLower(string(endpoint.State)), "delet")
			if !gone && aws.ToString(endpoint.VpcId) == vpc && aws.ToString(endpoint.ServiceName) == service {
				ids = append(ids, aws.ToString(endpoint.VpcEndpointId))
			}
		}
	}
	return ids, nil
}
