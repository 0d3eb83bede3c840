package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	elbtypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"
)

type verifyLogs interface {
	DescribeLogGroups(context.Context, *cloudwatchlogs.DescribeLogGroupsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogGroupsOutput, error)
}

type verifyTargets interface {
	DescribeTargetGroups(context.Context, *elasticloadbalancingv2.DescribeTargetGroupsInput, ...func(*elasticloadbalancingv2.Options)) (*elasticloadbalancingv2.DescribeTargetGroupsOutput, error)
}

// verifyNetwork is the two calls of EC2's client and not the client in an interface: whatever is in an interface keeps all of
// its methods, since the command line is read through reflection, and EC2 has 700 calls. The program would be 38 MB larger.
type verifyNetwork struct {
	DescribeSubnets        func(context.Context, *ec2.DescribeSubnetsInput, ...func(*ec2.Options)) (*ec2.DescribeSubnetsOutput, error)
	DescribeSecurityGroups func(context.Context, *ec2.DescribeSecurityGroupsInput, ...func(*ec2.Options)) (*ec2.DescribeSecurityGroupsOutput, error)
}

func newVerifyNetwork(cfg aws.Config) verifyNetwork {
	client := ec2.NewFromConfig(cfg)
	return verifyNetwork{client.DescribeSubnets, client.DescribeSecurityGroups}
}

// logRows check each log group that a container of a template writes to with the awslogs driver. Without it no task starts.
//
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html
func (l *look) logRows() []check {
	var rows []check
	seen := map[string]bool{}
	for _, t := range l.templates {
		if t.definition == nil {
			continue
		}
		for _, container := range t.definition.ContainerDefinitions {
			log := container.LogConfiguration
			if log == nil || log.LogDriver != types.LogDriverAwslogs {
				continue
			}
			group, region, create := log.Options["awslogs-group"], log.Options["awslogs-region"], log.Options["awslogs-create-group"] == "true"
			role := aws.ToString(t.definition.ExecutionRoleArn)
			if key := fmt.Sprint(group, " ", region, " ", create, " ", role); !seen[key] {
				seen[key] = true
				rows = append(rows, check{"log group " + group, func(ctx context.Context) finding {
					return l.logGroup(ctx, role, group, region, create)
				}})
			}
		}
	}
	return rows
}

func (l *look) logGroup(ctx context.Context, role, group, region string, create bool) finding {
	if group == "" {
		return fails("the template's log configuration names none")
	}
	if region == "" {
		region = l.region
	}
	input := &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &group}
	for {
		output, err := l.logs.DescribeLogGroups(ctx, input, func(o *cloudwatchlogs.Options) { o.Region = region })
		if err != nil {
			return fault("logs:DescribeLogGroups", err)
		}
		for _, found := range output.LogGroups {
			if aws.ToString(found.LogGroupName) == group {
				return passes("is there")
			}
		}
		if input.NextToken = output.NextToken; aws.ToString(input.NextToken) == "" {
			break
		}
	}
	if !create {
		return fails("there is none in %s, and without it no task starts", region)
	}
	_, _, partition := ownerOf(role)
	arn := fmt.Sprintf("arn:%s:logs:%s:%s:log-group:%s", partition, region, l.account(), group)
	made := l.may(ctx, role, "logs:CreateLogGroup", arn, nil, resourcePolicy{})
	made.reason = "is made by the first task (awslogs-create-group): " + made.reason
	return made
}

// targetRows check each target group that a service registers its tasks in.
func (l *look) targetRows() []check {
	var rows []check
	for _, t := range l.templates {
		for _, entry := range t.entries {
			service, found := l.services[entry.Service]
			if !found || t.definition == nil {
				continue // the service's or the template's own row says why
			}
			add := func(arn string, make func(context.Context) finding) {
				rows = append(rows, check{fmt.Sprintf("target group %s of %s", targetGroupName(arn), entry.Service), make})
			}
			attached := false
			for _, balancer := range service.LoadBalancers {
				arn := aws.ToString(balancer.TargetGroupArn)
				if arn == "" {
					continue // a Classic Load Balancer, which Fargate does not take
				}
				attached = attached || arn == entry.TargetGroupARN
				add(arn, func(ctx context.Context) finding { return l.targetGroup(ctx, t.definition, balancer) })
			}
			if entry.TargetGroupARN != "" && !attached {
				add(entry.TargetGroupARN, func(context.Context) finding {
					return fails("the contract names it, but the service registers no tasks in it")
				})
			}
		}
	}
	return rows
}

// targetGroupName is the name in "arn:…:targetgroup/NAME/ID".
func targetGroupName(arn string) string {
	parts := strings.Split(arn, "/")
	if len(parts) < 3 {
		return arn
	}
	return parts[len(parts)-2]
}

// transports are what a target group of a protocol takes of a container's port mapping.
var transports = map[elbtypes.ProtocolEnum][]types.TransportProtocol{
	elbtypes.ProtocolEnumHttp:    {types.TransportProtocolTcp},
	elbtypes.ProtocolEnumHttps:   {types.TransportProtocolTcp},
	elbtypes.ProtocolEnumTcp:     {types.TransportProtocolTcp},
	elbtypes.ProtocolEnumTls:     {types.TransportProtocolTcp},
	elbtypes.ProtocolEnumUdp:     {types.TransportProtocolUdp},
	elbtypes.ProtocolEnumQuic:    {types.TransportProtocolUdp},
	elbtypes.ProtocolEnumTcpUdp:  {types.TransportProtocolTcp, types.TransportProtocolUdp},
	elbtypes.ProtocolEnumTcpQuic: {types.TransportProtocolTcp, types.TransportProtocolUdp},
}

// targetGroup checks that tasks of the template can be registered in a target group as the service's entry wants it. The
// group's own port is not compared: ECS registers every task with the port of the entry.
//
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/alb.html
func (l *look) targetGroup(ctx context.Context, definition *types.TaskDefinition, balancer types.LoadBalancer) finding {
	name, port := aws.ToString(balancer.ContainerName), aws.ToInt32(balancer.ContainerPort)
	i := slices.IndexFunc(definition.ContainerDefinitions, named(name))
	if i < 0 {
		return fails("the service registers container %q in it, which the template does not have", name)
	}
	mappings := definition.ContainerDefinitions[i].PortMappings
	i = slices.IndexFunc(mappings, func(m types.PortMapping) bool { return aws.ToInt32(m.ContainerPort) == port })
	if i < 0 {
		return fails("the service registers port %d of container %q in it, which the template does not map", port, name)
	}
	transport := mappings[i].Protocol
	if transport == "" {
		transport = types.TransportProtocolTcp
	}
	output, err := l.targets.DescribeTargetGroups(ctx, &elasticloadbalancingv2.DescribeTargetGroupsInput{
		TargetGroupArns: []string{aws.ToString(balancer.TargetGroupArn)},
	})
	if _, absent := errors.AsType[*elbtypes.TargetGroupNotFoundException](err); absent || (err == nil && len(output.TargetGroups) == 0) {
		return fails("there is no such target group")
	}
	if err != nil {
		return fault("elasticloadbalancing:DescribeTargetGroups", err)
	}
	group := output.TargetGroups[0]
	want := elbtypes.TargetTypeEnumInstance
	if definition.NetworkMode == types.NetworkModeAwsvpc {
		want = elbtypes.TargetTypeEnumIp // a task has an address of its own, and no instance
	}
	var findings []finding
	if group.TargetType != want {
		findings = append(findings, fails("its targets are of type %s, and tasks in network mode %s are of type %s", group.TargetType, definition.NetworkMode, want))
	}
	if !slices.Contains(transports[group.Protocol], transport) {
		findings = append(findings, fails("it speaks %s, and port %d of container %q is mapped for %s", group.Protocol, port, name, transport))
	}
	if len(group.LoadBalancerArns) == 0 {
		findings = append(findings, fails("no load balancer uses it, so no request would reach a task"))
	}
	return worst(append(findings, passes("%s to port %d of container %q", group.Protocol, port, name))...)
}

// subnets checks those of one-off tasks; the services' own are ECS's, which took them.
func (l *look) subnets(ctx context.Context) finding {
	vpcs, err := l.subnetVPCs(ctx)
	switch {
	case apiCode(err) == "InvalidSubnetID.NotFound" || apiCode(err) == "InvalidSubnetID.Malformed":
		return fails("%s", apiMessage(err))
	case err != nil:
		return fault("ec2:DescribeSubnets", err)
	case len(vpcs) != 1:
		return fails("they are not in one VPC: %s", strings.Join(vpcs, ", "))
	}
	return passes("%s in %s", strings.Join(l.contract.Tasks.Subnets, ", "), vpcs[0])
}

// subnetVPCs are the VPCs of the subnets, each once.
func (l *look) subnetVPCs(ctx context.Context) ([]string, error) {
	return l.subnetIn.get("", func() ([]string, error) {
		output, err := l.network.DescribeSubnets(ctx, &ec2.DescribeSubnetsInput{SubnetIds: l.contract.Tasks.Subnets})
		if err != nil {
			return nil, err
		}
		var vpcs []string
		for _, subnet := range output.Subnets {
			vpcs = append(vpcs, aws.ToString(subnet.VpcId))
		}
		slices.Sort(vpcs)
		return slices.Compact(vpcs), nil
	})
}

func (l *look) securityGroups(ctx context.Context) finding {
	output, err := l.network.DescribeSecurityGroups(ctx, &ec2.DescribeSecurityGroupsInput{GroupIds: l.contract.Tasks.SecurityGroups})
	switch {
	case slices.Contains([]string{"InvalidGroup.NotFound", "InvalidGroupId.Malformed", "InvalidGroupId.NotFound"}, apiCode(err)):
		return fails("%s", apiMessage(err))
	case err != nil:
		return fault("ec2:DescribeSecurityGroups", err)
	}
	vpcs, err := l.subnetVPCs(ctx)
	if err != nil {
		return skips("they are there; whether they are in the subnets' VPC is not known, see the subnets")
	}
	for _, group := range output.SecurityGroups {
		if !slices.Contains(vpcs, aws.ToString(group.VpcId)) {
			return fails("%s is in %s, and the subnets are in %s", aws.ToString(group.GroupId), aws.ToString(group.VpcId), strings.Join(vpcs, ", "))
		}
	}
	return passes("%s in %s", strings.Join(l.contract.Tasks.SecurityGroups, ", "), strings.Join(vpcs, ", "))
}
