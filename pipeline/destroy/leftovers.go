package destroy

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	taggingtypes "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secretstypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// Tags that Terraform puts on everything, by which what belongs to an environment is found (terraform/main.tf).
const (
	TagApplication = "Application"
	TagEnvironment = "Environment"
)

type taggingAPI interface {
	GetResources(context.Context, *resourcegroupstaggingapi.GetResourcesInput, ...func(*resourcegroupstaggingapi.Options)) (*resourcegroupstaggingapi.GetResourcesOutput, error)
}

type databasesAPI interface {
	DescribeDBInstances(context.Context, *rds.DescribeDBInstancesInput, ...func(*rds.Options)) (*rds.DescribeDBInstancesOutput, error)
	DescribeDBSnapshots(context.Context, *rds.DescribeDBSnapshotsInput, ...func(*rds.Options)) (*rds.DescribeDBSnapshotsOutput, error)
	DescribeDBClusterSnapshots(context.Context, *rds.DescribeDBClusterSnapshotsInput, ...func(*rds.Options)) (*rds.DescribeDBClusterSnapshotsOutput, error)
	DescribeDBInstanceAutomatedBackups(context.Context, *rds.DescribeDBInstanceAutomatedBackupsInput, ...func(*rds.Options)) (*rds.DescribeDBInstanceAutomatedBackupsOutput, error)
}

type secretsAPI interface {
	ListSecrets(context.Context, *secretsmanager.ListSecretsInput, ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error)
}

type networkAPI interface {
	DescribeAddresses(context.Context, *ec2.DescribeAddressesInput, ...func(*ec2.Options)) (*ec2.DescribeAddressesOutput, error)
	DescribeNatGateways(context.Context, *ec2.DescribeNatGatewaysInput, ...func(*ec2.Options)) (*ec2.DescribeNatGatewaysOutput, error)
	DescribeVpcEndpoints(context.Context, *ec2.DescribeVpcEndpointsInput, ...func(*ec2.Options)) (*ec2.DescribeVpcEndpointsOutput, error)
	DescribeVpcs(context.Context, *ec2.DescribeVpcsInput, ...func(*ec2.Options)) (*ec2.DescribeVpcsOutput, error)
}

type clustersAPI interface {
	DescribeClusters(context.Context, *ecs.DescribeClustersInput, ...func(*ecs.Options)) (*ecs.DescribeClustersOutput, error)
	ListTaskDefinitions(context.Context, *ecs.ListTaskDefinitionsInput, ...func(*ecs.Options)) (*ecs.ListTaskDefinitionsOutput, error)
}

// Finder finds what AWS still has of an environment. It asks by tags, and the services themselves for what the tagging API
// doesn't list, lists for a while after it has gone, or has without our tags.
type Finder struct {
	tagging   taggingAPI
	databases databasesAPI
	secrets   secretsAPI
	network   networkAPI
	clusters  clustersAPI
	logs      logGroupsAPI
	interval  time.Duration // between two questions to the tagging API, which is behind
	times     int           // how often it is asked before what it lists is believed
}

// NewFinder returns a Finder for the region of cfg.
func NewFinder(cfg aws.Config) *Finder {
	return &Finder{
		tagging: resourcegroupstaggingapi.NewFromConfig(cfg), databases: rds.NewFromConfig(cfg), secrets: secretsmanager.NewFromConfig(cfg),
		network: ec2.NewFromConfig(cfg), clusters: ecs.NewFromConfig(cfg), logs: cloudwatchlogs.NewFromConfig(cfg),
		interval: 10 * time.Second, times: 4,
	}
}

// What things cost, in words. Prices are in https://aws.amazon.com/pricing, and differ by region.
const (
	costsDatabase  = "the instance by the hour, and its storage"
	costsSnapshot  = "backup storage by the GiB and month, until it is deleted"
	costsBackups   = "backup storage by the GiB and month, until they expire"
	costsSecret    = "by the month, until it is deleted"
	costsLogs      = "log storage by the GiB and month"
	costsAddress   = "by the hour, used or not"
	costsNAT       = "by the hour and by the GiB"
	costsEndpoint  = "by the hour, zone and GiB"
	costsBalancer  = "by the hour and by its load"
	costsImages    = "image storage by the GiB and month"
	costsBucket    = "storage by the GiB and month, and requests"
	costsKey       = "by the month, until the day of its deletion"
	costsTable     = "storage by the GiB and month, and requests or capacity"
	costsFiles     = "storage by the GiB and month"
	costsService   = "its tasks, by the second"
	costsUnknown   = "not known to this program: see the service's prices"
	costsParameter = "" // standard parameters are free
)

// Find lists what is left, and what it could not look at. It takes longer where the tagging API lists
// what costs something.
func (f *Finder) Find(ctx context.Context, name, environment string) ([]report.Leftover, []string) {
	prefix := name + "-" + environment
	var found []report.Leftover
	var warnings []string
	looks := []struct {
		what string
		look func() ([]report.Leftover, error)
	}{
		{"database instances (rds:DescribeDBInstances)", func() ([]report.Leftover, error) { return f.instances(ctx, prefix) }},
		{"database snapshots (rds:DescribeDBSnapshots)", func() ([]report.Leftover, error) { return f.snapshots(ctx, prefix) }},
		{"retained backups (rds:DescribeDBInstanceAutomatedBackups)", func() ([]report.Leftover, error) { return f.backups(ctx, prefix) }},
		{"secrets (secretsmanager:ListSecrets)", func() ([]report.Leftover, error) { return f.listSecrets(ctx, name, environment) }},
		{"log groups (logs:DescribeLogGroups)", func() ([]report.Leftover, error) { return f.logGroups(ctx, name, environment) }},
		{"addresses (ec2:DescribeAddresses)", func() ([]report.Leftover, error) { return f.addresses(ctx, name, environment) }},
		{"NAT gateways (ec2:DescribeNatGateways)", func() ([]report.Leftover, error) { return f.gateways(ctx, name, environment) }},
		{"VPC endpoints (ec2:DescribeVpcEndpoints)", func() ([]report.Leftover, error) { return f.endpoints(ctx, name, environment) }},
		{"VPCs (ec2:DescribeVpcs)", func() ([]report.Leftover, error) { return f.vpcs(ctx, name, environment) }},
		{"what carries the environment's tags (tag:GetResources)", func() ([]report.Leftover, error) { return f.tagged(ctx, name, environment) }},
	}
	for _, l := range looks {
		leftovers, err := l.look()
		if err != nil {
			reason := err.Error()
			if api, ok := errors.AsType[smithy.APIError](err); ok {
				reason = api.ErrorCode()
			}
			warnings = append(warnings, fmt.Sprintf("could not look for %s: %s", l.what, reason))
		}
		found = append(found, leftovers...)
	}
	slices.SortFunc(found, func(a, b report.Leftover) int {
		// What costs something first.
		return cmp.Or(boolean(a.Costs == "")-boolean(b.Costs == ""), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Name, b.Name))
	})
	return found, warnings
}

func boolean(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (f *Finder) instances(ctx context.Context, prefix string) ([]report.Leftover, error) {
	output, err := f.databases.DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{DBInstanceIdentifier: &prefix})
	if _, none := errors.AsType[*rdstypes.DBInstanceNotFoundFault](err); none {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found []report.Leftover
	for _, instance := range output.DBInstances {
		found = append(found, report.Leftover{Kind: "database", Name: aws.ToString(instance.DBInstanceArn), State: aws.ToString(instance.DBInstanceStatus), Costs: costsDatabase})
	}
	return found, nil
}

// snapshots are those that a person or a deletion made; automatic ones go with the instance, or are retained backups.
func (f *Finder) snapshots(ctx context.Context, prefix string) ([]report.Leftover, error) {
	var found []report.Leftover
	pages := rds.NewDescribeDBSnapshotsPaginator(f.databases, &rds.DescribeDBSnapshotsInput{DBInstanceIdentifier: &prefix, SnapshotType: aws.String("manual")})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return found, err
		}
		for _, snapshot := range page.DBSnapshots {
			if aws.ToString(snapshot.Status) == "deleted" {
				continue
			}
			found = append(found, report.Leftover{
				Kind: "database snapshot", Name: aws.ToString(snapshot.DBSnapshotArn), Costs: costsSnapshot,
				State: fmt.Sprintf("%s, of %d GiB", aws.ToString(snapshot.Status), aws.ToInt32(snapshot.AllocatedStorage)),
			})
		}
	}
	return found, nil
}

func (f *Finder) backups(ctx context.Context, prefix string) ([]report.Leftover, error) {
	output, err := f.databases.DescribeDBInstanceAutomatedBackups(ctx, &rds.DescribeDBInstanceAutomatedBackupsInput{DBInstanceIdentifier: &prefix})
	if _, none := errors.AsType[*rdstypes.DBInstanceAutomatedBackupNotFoundFault](err); none {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var found []report.Leftover
	for _, backup := range output.DBInstanceAutomatedBackups {
		found = append(found, report.Leftover{Kind: "automatic backups", Name: aws.ToString(backup.DBInstanceAutomatedBackupsArn), State: aws.ToString(backup.Status), Costs: costsBackups})
	}
	return found, nil
}

// listSecrets lists secrets with the environment's tags, those in their recovery window too. AWS doesn't charge for these:
// https://aws.amazon.com/secrets-manager/pricing
func (f *Finder) listSecrets(ctx context.Context, name, environment string) ([]report.Leftover, error) {
	var found []report.Leftover
	pages := secretsmanager.NewListSecretsPaginator(f.secrets, &secretsmanager.ListSecretsInput{
		IncludePlannedDeletion: aws.Bool(true),
		Filters:                []secretstypes.Filter{{Key: secretstypes.FilterNameStringTypeName, Values: []string{name + "/" + environment + "/"}}},
	})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return found, err
		}
		for _, secret := range page.SecretList {
			leftover := report.Leftover{Kind: "secret", Name: aws.ToString(secret.Name), State: "in use", Costs: costsSecret}
			if secret.DeletedDate != nil {
				leftover.State, leftover.Costs = "in its recovery window, vanishes on "+secret.DeletedDate.UTC().Format(time.DateOnly), ""
			}
			found = append(found, leftover)
		}
	}
	return found, nil
}

// logGroups lists the groups by their names: AWS makes some itself, without our tags.
func (f *Finder) logGroups(ctx context.Context, name, environment string) ([]report.Leftover, error) {
	var found []report.Leftover
	prefix := name + "-" + environment
	for _, group := range []string{"/slipway/" + name + "/" + environment, "/aws/rds/instance/" + prefix + "/", "/aws/ecs/containerinsights/" + prefix + "/"} {
		pages := cloudwatchlogs.NewDescribeLogGroupsPaginator(f.logs, &cloudwatchlogs.DescribeLogGroupsInput{LogGroupNamePrefix: &group})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return found, err
			}
			for _, left := range page.LogGroups {
				if full := aws.ToString(left.LogGroupName); full == group || strings.HasPrefix(full, strings.TrimSuffix(group, "/")+"/") {
					found = append(found, report.Leftover{Kind: "log group", Name: full, State: size(aws.ToInt64(left.StoredBytes)), Costs: costsLogs})
				}
			}
		}
	}
	return found, nil
}

// withTags is EC2's filter for the environment's tags.
func withTags(name, environment string) []ec2types.Filter {
	return []ec2types.Filter{
		{Name: aws.String("tag:" + TagApplication), Values: []string{name}}, {Name: aws.String("tag:" + TagEnvironment), Values: []string{environment}},
	}
}

func (f *Finder) addresses(ctx context.Context, name, environment string) ([]report.Leftover, error) {
	output, err := f.network.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{Filters: withTags(name, environment)})
	if err != nil {
		return nil, err
	}
	var found []report.Leftover
	for _, address := range output.Addresses {
		found = append(found, report.Leftover{Kind: "Elastic IP", Name: aws.ToString(address.AllocationId), State: aws.ToString(address.PublicIp), Costs: costsAddress})
	}
	return found, nil
}

func (f *Finder) gateways(ctx context.Context, name, environment string) ([]report.Leftover, error) {
	var found []report.Leftover
	pages := ec2.NewDescribeNatGatewaysPaginator(f.network, &ec2.DescribeNatGatewaysInput{Filter: withTags(name, environment)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return found, err
		}
		for _, gateway := range page.NatGateways {
			// One that is deleted stays listed for an hour.
			if gateway.State == ec2types.NatGatewayStateDeleted || gateway.State == ec2types.NatGatewayStateFailed {
				continue
			}
			found = append(found, report.Leftover{Kind: "NAT gateway", Name: aws.ToString(gateway.NatGatewayId), State: string(gateway.State), Costs: costsNAT})
		}
	}
	return found, nil
}

func (f *Finder) endpoints(ctx context.Context, name, environment string) ([]report.Leftover, error) {
	var found []report.Leftover
	pages := ec2.NewDescribeVpcEndpointsPaginator(f.network, &ec2.DescribeVpcEndpointsInput{Filters: withTags(name, environment)})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return found, err
		}
		for _, endpoint := range page.VpcEndpoints {
			leftover := report.Leftover{Kind: "VPC endpoint", Name: aws.ToString(endpoint.VpcEndpointId), State: string(endpoint.State), Costs: costsEndpoint}
			if endpoint.VpcEndpointType == ec2types.VpcEndpointTypeGateway {
				leftover.Costs = ""
			}
			found = append(found, leftover)
		}
	}
	return found, nil
}

func (f *Finder) vpcs(ctx context.Context, name, environment string) ([]report.Leftover, error) {
	output, err := f.network.DescribeVpcs(ctx, &ec2.DescribeVpcsInput{Filters: withTags(name, environment)})
	if err != nil {
		return nil, err
	}
	var found []report.Leftover
	for _, vpc := range output.Vpcs {
		found = append(found, report.Leftover{Kind: "VPC", Name: aws.ToString(vpc.VpcId), State: string(vpc.State)})
	}
	return found, nil
}

// asked are the kinds of which the services themselves were asked, "service:type" of an ARN. What the tagging API says of
// them is older.
var asked = []string{
	"rds:db", "rds:snapshot", "rds:auto-backup", "secretsmanager:secret", "logs:log-group",
	"ec2:elastic-ip", "ec2:natgateway", "ec2:vpc-endpoint", "ec2:vpc",
}

// prices are what kinds cost, by the beginning of "service:type".
var prices = []struct{ prefix, kind, costs string }{
	{"dynamodb:table", "DynamoDB table", costsTable},
	{"ec2:", "", ""}, // what of EC2's costs something is asked for
	{"ecr:repository", "ECR repository", costsImages},
	{"ecs:cluster", "ECS cluster", ""},
	{"ecs:service", "ECS service", costsService},
	{"ecs:task-definition", "task definition", ""},
	{"elasticfilesystem:", "EFS", costsFiles},
	{"elasticloadbalancing:loadbalancer", "load balancer", costsBalancer},
	{"elasticloadbalancing:", "", ""},
	{"iam:", "", ""},
	{"kms:key", "KMS key", costsKey},
	{"rds:cluster-snapshot", "database snapshot", costsSnapshot},
	{"rds:cluster", "database cluster", costsDatabase},
	{"rds:pg", "parameter group", ""},
	{"rds:subgrp", "subnet group", ""},
	{"s3:", "bucket", costsBucket},
	{"ssm:parameter", "parameter", costsParameter},
}

// tagged asks for what carries the environment's tags. The tagging API lists things for some time after they have gone, so
// it is asked again while it lists what costs something, and what ECS itself calls inactive is left out.
//
// https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/API_GetResources.html
func (f *Finder) tagged(ctx context.Context, name, environment string) ([]report.Leftover, error) {
	for attempt := 1; ; attempt++ {
		found, err := f.ask(ctx, name, environment)
		costly := slices.ContainsFunc(found, func(leftover report.Leftover) bool { return leftover.Costs != "" })
		if err != nil || !costly || attempt == f.times {
			return found, err
		}
		select {
		case <-ctx.Done():
			return found, context.Cause(ctx)
		case <-time.After(f.interval):
		}
	}
}

func (f *Finder) ask(ctx context.Context, name, environment string) ([]report.Leftover, error) {
	var found []report.Leftover
	pages := resourcegroupstaggingapi.NewGetResourcesPaginator(f.tagging, &resourcegroupstaggingapi.GetResourcesInput{TagFilters: []taggingtypes.TagFilter{
		{Key: aws.String(TagApplication), Values: []string{name}}, {Key: aws.String(TagEnvironment), Values: []string{environment}},
	}})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for _, mapping := range page.ResourceTagMappingList {
			name := aws.ToString(mapping.ResourceARN)
			of := service(name)
			if slices.Contains(asked, of) {
				continue
			}
			there, err := f.there(ctx, of, name)
			if err != nil {
				return nil, err
			}
			if there {
				found = append(found, priced(of, name))
			}
		}
	}
	return found, nil
}

// service is "service:type" of an ARN, "ec2:vpc".
func service(name string) string {
	parsed, err := arn.Parse(name)
	if err != nil {
		return ""
	}
	kind := parsed.Resource
	if i := strings.IndexAny(kind, ":/"); i >= 0 {
		kind = kind[:i]
	}
	return parsed.Service + ":" + kind
}

func priced(of, name string) report.Leftover {
	for _, price := range prices {
		if strings.HasPrefix(of, price.prefix) {
			return report.Leftover{Kind: cmp.Or(price.kind, strings.Replace(of, ":", " ", 1)), Name: name, Costs: price.costs}
		}
	}
	return report.Leftover{Kind: strings.Replace(of, ":", " ", 1), Name: name, Costs: costsUnknown}
}

// there says of what ECS keeps listing for a time whether it is more than a record. Of the rest it says yes.
func (f *Finder) there(ctx context.Context, of, name string) (bool, error) {
	parts := strings.Split(name, "/")
	switch of {
	case "ecs:service", "ecs:task", "ecs:cluster":
		if len(parts) < 2 {
			return true, nil
		}
		output, err := f.clusters.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: []string{parts[1]}})
		if err != nil {
			return false, fmt.Errorf("look at cluster %s: %w", parts[1], err)
		}
		return len(output.Clusters) > 0 && aws.ToString(output.Clusters[0].Status) != "INACTIVE", nil
	case "ecs:task-definition":
		family, _, _ := strings.Cut(parts[len(parts)-1], ":")
		output, err := f.clusters.ListTaskDefinitions(ctx, &ecs.ListTaskDefinitionsInput{FamilyPrefix: &family})
		if err != nil {
			return false, fmt.Errorf("list the revisions of %s: %w", family, err)
		}
		return slices.Contains(output.TaskDefinitionArns, name), nil // the active ones
	}
	return true, nil
}

// Snapshots says of each database how its final snapshot is.
func (f *Finder) Snapshots(ctx context.Context, databases []Database) ([]report.Snapshot, error) {
	var snapshots []report.Snapshot
	for _, database := range databases {
		if database.Snapshot == "" {
			continue
		}
		snapshot := report.Snapshot{Name: database.Snapshot, Status: "absent", GiB: database.GiB}
		var err error
		if database.Cluster {
			var output *rds.DescribeDBClusterSnapshotsOutput
			output, err = f.databases.DescribeDBClusterSnapshots(ctx, &rds.DescribeDBClusterSnapshotsInput{DBClusterSnapshotIdentifier: &database.Snapshot})
			if err == nil && len(output.DBClusterSnapshots) > 0 {
				snapshot.Status, snapshot.GiB = aws.ToString(output.DBClusterSnapshots[0].Status), int(aws.ToInt32(output.DBClusterSnapshots[0].AllocatedStorage))
			}
		} else {
			var output *rds.DescribeDBSnapshotsOutput
			output, err = f.databases.DescribeDBSnapshots(ctx, &rds.DescribeDBSnapshotsInput{DBSnapshotIdentifier: &database.Snapshot})
			if err == nil && len(output.DBSnapshots) > 0 {
				snapshot.Status, snapshot.GiB = aws.ToString(output.DBSnapshots[0].Status), int(aws.ToInt32(output.DBSnapshots[0].AllocatedStorage))
			}
		}
		_, noInstance := errors.AsType[*rdstypes.DBSnapshotNotFoundFault](err)
		_, noCluster := errors.AsType[*rdstypes.DBClusterSnapshotNotFoundFault](err)
		if err != nil && !noInstance && !noCluster {
			return snapshots, fmt.Errorf("look at snapshot %s: %w", database.Snapshot, err)
		}
		snapshots = append(snapshots, snapshot)
	}
	return snapshots, nil
}
