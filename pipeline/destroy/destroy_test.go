package destroy

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	ec2types "github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	ecrtypes "github.com/aws/aws-sdk-go-v2/service/ecr/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	taggingtypes "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/secretsmanager"
	secretstypes "github.com/aws/aws-sdk-go-v2/service/secretsmanager/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/infra"
	"github.com/slipway-ci/slipway/pipeline/report"
)

func doomedOf(t *testing.T, changes ...string) Doomed {
	t.Helper()
	var plan tfjson.Plan
	if err := json.Unmarshal([]byte(`{"format_version": "1.2", "resource_changes": [`+strings.Join(changes, ",")+`]}`), &plan); err != nil {
		t.Fatal(err)
	}
	return Read(&plan)
}

func goes(kind, before string) string {
	return fmt.Sprintf(`{"address": "%s.this", "mode": "managed", "type": "%[1]s", "change": {"actions": ["delete"], "before": %s, "after": null}}`, kind, before)
}

func TestRead(t *testing.T) {
	tests := map[string]struct {
		change string
		want   Doomed
	}{
		"a repository":                      {goes("aws_ecr_repository", `{"name": "blog-dev", "force_delete": true}`), Doomed{Repositories: []Container{{Named{"aws_ecr_repository.this", "blog-dev"}, true}}}},
		"a bucket":                          {goes("aws_s3_bucket", `{"bucket": "files"}`), Doomed{Buckets: []Container{{Named{"aws_s3_bucket.this", "files"}, false}}}},
		"a database that leaves a snapshot": {goes("aws_db_instance", `{"identifier": "blog-dev", "engine": "mysql", "allocated_storage": 20, "final_snapshot_identifier": "blog-dev-final-1"}`), Doomed{Databases: []Database{{Named: Named{"aws_db_instance.this", "blog-dev"}, Engine: "mysql", GiB: 20, Snapshot: "blog-dev-final-1"}}}},
		"one that is told to leave none":    {goes("aws_db_instance", `{"identifier": "blog-dev", "skip_final_snapshot": true, "final_snapshot_identifier": "x"}`), Doomed{Databases: []Database{{Named: Named{"aws_db_instance.this", "blog-dev"}}}}},
		"a cluster of them, protected":      {goes("aws_rds_cluster", `{"cluster_identifier": "c", "deletion_protection": true, "final_snapshot_identifier": "f"}`), Doomed{Databases: []Database{{Named: Named{"aws_rds_cluster.this", "c"}, Snapshot: "f", Cluster: true}}, Protected: []string{"aws_rds_cluster.this"}}},
		"a load balancer that is protected": {goes("aws_lb", `{"enable_deletion_protection": true}`), Doomed{Protected: []string{"aws_lb.this"}}},
		"one that isn't":                    {goes("aws_lb", `{"enable_deletion_protection": false}`), Doomed{}},
		"a service, by its cluster's ARN":   {goes("aws_ecs_service", `{"name": "blog-dev-web", "cluster": "arn:aws:ecs:eu-central-1:1:cluster/blog-dev"}`), Doomed{Services: []Service{{"blog-dev", "blog-dev-web"}}}},
		"what isn't destroyed":              {strings.Replace(goes("aws_lb", `{"enable_deletion_protection": true}`), `"delete"`, `"no-op"`, 1), Doomed{}},
		"a data source":                     {strings.Replace(goes("aws_lb", `{"enable_deletion_protection": true}`), `"managed"`, `"data"`, 1), Doomed{}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			if diff := cmp.Diff(test.want, doomedOf(t, test.change)); diff != "" {
				t.Errorf("doomed (-want +got):\n%s", diff)
			}
		})
	}
}

func TestElsewhere(t *testing.T) {
	of := func(arn string) []infra.StateResource {
		return []infra.StateResource{{Address: "aws_x.this", Attributes: map[string]any{"arn": arn}}}
	}
	for arn, elsewhere := range map[string]bool{
		"arn:aws:ecs:eu-central-1:1:cluster/x": false, "arn:aws:ecs:us-east-1:1:cluster/x": true, "arn:aws:iam::1:role/x": false, "": false, "no ARN": false,
	} {
		err := Elsewhere(of(arn), "eu-central-1")
		if (err != nil) != elsewhere {
			t.Errorf("%q: %v", arn, err)
		}
		if err != nil && !slices.Equal(report.AsFailure(err).Evidence, []string{"aws_x.this is in us-east-1"}) {
			t.Errorf("evidence %q", report.AsFailure(err).Evidence)
		}
	}
}

func TestProtectionSaysWhatToSwitchOff(t *testing.T) {
	if err := (Doomed{}).Protection("dev"); err != nil {
		t.Errorf("without protection: %v", err)
	}
	failure := report.AsFailure(Doomed{Protected: []string{"aws_lb.this"}}.Protection("dev"))
	if !strings.Contains(failure.Next, "deletion_protection = false in environments/dev.tfvars") || !slices.Equal(failure.Evidence, []string{"aws_lb.this"}) {
		t.Errorf("%+v", failure)
	}
}

// fakeStore is a repository and a bucket.
type fakeStore struct {
	// images by digest, with those that each refers to and which can't go before it.
	images   map[string][]string
	stubborn bool
	objects  int
	requests int
}

func (f *fakeStore) DescribeImages(_ context.Context, input *ecr.DescribeImagesInput, _ ...func(*ecr.Options)) (*ecr.DescribeImagesOutput, error) {
	var output ecr.DescribeImagesOutput
	for digest := range f.images {
		output.ImageDetails = append(output.ImageDetails, ecrtypes.ImageDetail{ImageDigest: aws.String(digest), ImageSizeInBytes: aws.Int64(3 << 20)})
	}
	return &output, nil
}

func (f *fakeStore) BatchDeleteImage(_ context.Context, input *ecr.BatchDeleteImageInput, _ ...func(*ecr.Options)) (*ecr.BatchDeleteImageOutput, error) {
	var output ecr.BatchDeleteImageOutput
	f.requests++
	referred := map[string]bool{}
	for _, parts := range f.images {
		for _, part := range parts {
			referred[part] = true
		}
	}
	for _, image := range input.ImageIds {
		if digest := *image.ImageDigest; referred[digest] || f.stubborn {
			output.Failures = append(output.Failures, ecrtypes.ImageFailure{ImageId: &image, FailureCode: ecrtypes.ImageFailureCodeImageReferencedByManifestList, FailureReason: aws.String("an index refers to it")})
		} else {
			delete(f.images, digest)
		}
	}
	return &output, nil
}

func (f *fakeStore) ListObjectVersions(context.Context, *s3.ListObjectVersionsInput, ...func(*s3.Options)) (*s3.ListObjectVersionsOutput, error) {
	var output s3.ListObjectVersionsOutput
	for i := range min(f.objects, 1000) {
		output.Versions = append(output.Versions, s3types.ObjectVersion{Key: aws.String(fmt.Sprint(i)), VersionId: aws.String("v")})
	}
	output.IsTruncated = aws.Bool(f.objects > 1000)
	return &output, nil
}

func (f *fakeStore) DeleteObjects(_ context.Context, input *s3.DeleteObjectsInput, _ ...func(*s3.Options)) (*s3.DeleteObjectsOutput, error) {
	f.requests++
	if f.stubborn {
		return &s3.DeleteObjectsOutput{Errors: []s3types.Error{{Key: aws.String("0"), Code: aws.String("AccessDenied"), Message: aws.String("locked")}}}, nil
	}
	f.objects -= len(input.Delete.Objects)
	return &s3.DeleteObjectsOutput{}, nil
}

func (f *fakeStore) DescribeLogGroups(_ context.Context, input *cloudwatchlogs.DescribeLogGroupsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
	return &cloudwatchlogs.DescribeLogGroupsOutput{LogGroups: []logstypes.LogGroup{
		{LogGroupName: aws.String(*input.LogGroupNamePrefix + "-other"), StoredBytes: aws.Int64(9 << 30)}, {LogGroupName: input.LogGroupNamePrefix, StoredBytes: aws.Int64(5 << 10)},
	}}, nil
}

func TestCount(t *testing.T) {
	store := &fakeStore{images: map[string][]string{"a": nil, "b": nil}, objects: 1001}
	counter := &Counter{images: store, objects: store, logs: store}
	doomed := Doomed{
		Repositories: []Container{{Named{"ecr.kept", "kept"}, false}, {Named{"ecr.forced", "forced"}, true}},
		Buckets:      []Container{{Named{"s3.kept", "kept"}, false}},
		Databases:    []Database{{Named: Named{"db.a", "a"}, Engine: "mysql", GiB: 20, Snapshot: "a-final"}, {Named: Named{"db.b", "b"}, Engine: "mysql", GiB: 20}},
		Secrets:      []Secret{{Named{"secret.a", "a"}, 30}, {Named{"secret.b", "b"}, 0}},
		LogGroups:    []Named{{"logs.a", "/a"}},
	}
	var got []string
	holdings, blocking, err := counter.Count(t.Context(), doomed, []string{"ecr.kept", "ecr.forced", "s3.kept", "db.a", "db.b", "secret.a", "secret.b", "logs.a", "kms.a"})
	if err != nil {
		t.Fatal(err)
	}
	for _, holding := range holdings {
		got = append(got, holding.Address+": "+holding.Holds)
	}
	want := []string{
		"ecr.kept: 2 images, 6.0 MiB", "ecr.forced: 2 images, 6.0 MiB", "s3.kept: more than 1000 versions of objects", "db.a: mysql, 20 GiB; final snapshot a-final", "db.b: mysql, 20 GiB; NO final snapshot",
		"secret.a: a secret, restorable for 30 days", "secret.b: a secret, which goes at once", "logs.a: 5.0 KiB of logs", "kms.a: ",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("holdings (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(Blocking{Repositories: []Named{{"ecr.kept", "kept"}}, Buckets: []Named{{"s3.kept", "kept"}}}, blocking); diff != "" {
		t.Errorf("blocking (-want +got):\n%s", diff)
	}
}

func TestEmpty(t *testing.T) {
	t.Run("an index goes before the images that it refers to", func(t *testing.T) {
		store := &fakeStore{images: map[string][]string{"index": {"amd64", "arm64"}, "amd64": nil, "arm64": nil}}
		n, err := (&Counter{images: store}).EmptyRepository(t.Context(), "blog-dev")
		if err != nil || n != 3 || len(store.images) != 0 {
			t.Errorf("deleted %d, left %v: %v", n, store.images, err)
		}
	})
	t.Run("an image that can't be deleted ends it", func(t *testing.T) {
		store := &fakeStore{images: map[string][]string{"a": nil}, stubborn: true}
		_, err := (&Counter{images: store}).EmptyRepository(t.Context(), "blog-dev")
		if err == nil || !strings.Contains(err.Error(), "delete the images of blog-dev: ImageReferencedByManifestList") || store.requests != 1 {
			t.Errorf("after %d requests: %v", store.requests, err)
		}
	})
	t.Run("a bucket of more than a page", func(t *testing.T) {
		store := &fakeStore{objects: 2500}
		n, err := (&Counter{objects: store}).EmptyBucket(t.Context(), "files")
		if err != nil || n != 2500 || store.requests != 3 {
			t.Errorf("deleted %d in %d requests: %v", n, store.requests, err)
		}
	})
	t.Run("an object that is locked ends it", func(t *testing.T) {
		store := &fakeStore{objects: 1, stubborn: true}
		_, err := (&Counter{objects: store}).EmptyBucket(t.Context(), "files")
		if err == nil || !strings.Contains(err.Error(), "delete 0 of bucket files: AccessDenied: locked") {
			t.Errorf("%v", err)
		}
	})
}

// fakeECS has services, tasks and revisions with their tags.
type fakeECS struct {
	services  []string
	tasks     []string
	lingering int // how often a stopped task is still listed
	revisions map[string]types.TaskDefinitionStatus
	tags      map[string][2]string // by family
	calls     []string
	err       error
}

func (f *fakeECS) ListServices(context.Context, *ecs.ListServicesInput, ...func(*ecs.Options)) (*ecs.ListServicesOutput, error) {
	return &ecs.ListServicesOutput{ServiceArns: f.services}, f.err
}

func (f *fakeECS) UpdateService(_ context.Context, input *ecs.UpdateServiceInput, _ ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error) {
	f.calls = append(f.calls, fmt.Sprintf("scale %s to %d", *input.Service, *input.DesiredCount))
	return &ecs.UpdateServiceOutput{}, f.err
}

func (f *fakeECS) ListTasks(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	return &ecs.ListTasksOutput{TaskArns: slices.Clone(f.tasks)}, nil
}

func (f *fakeECS) StopTask(_ context.Context, input *ecs.StopTaskInput, _ ...func(*ecs.Options)) (*ecs.StopTaskOutput, error) {
	f.calls = append(f.calls, "stop "+*input.Task)
	if f.lingering == 0 {
		f.tasks = slices.DeleteFunc(f.tasks, func(arn string) bool { return arn == *input.Task })
	}
	return &ecs.StopTaskOutput{}, nil
}

func (f *fakeECS) ListTaskDefinitionFamilies(_ context.Context, input *ecs.ListTaskDefinitionFamiliesInput, _ ...func(*ecs.Options)) (*ecs.ListTaskDefinitionFamiliesOutput, error) {
	var output ecs.ListTaskDefinitionFamiliesOutput
	for revision, status := range f.revisions {
		family, _, _ := strings.Cut(last(revision), ":")
		if strings.HasPrefix(family, *input.FamilyPrefix) && string(status) == string(input.Status) {
			output.Families = append(output.Families, family)
		}
	}
	return &output, nil
}

func (f *fakeECS) ListTaskDefinitions(_ context.Context, input *ecs.ListTaskDefinitionsInput, _ ...func(*ecs.Options)) (*ecs.ListTaskDefinitionsOutput, error) {
	var output ecs.ListTaskDefinitionsOutput
	for revision, status := range f.revisions {
		if strings.HasPrefix(last(revision), *input.FamilyPrefix) && status == input.Status {
			output.TaskDefinitionArns = append(output.TaskDefinitionArns, revision)
		}
	}
	slices.Sort(output.TaskDefinitionArns)
	return &output, nil
}

func (f *fakeECS) DescribeTaskDefinition(_ context.Context, input *ecs.DescribeTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	family, _, _ := strings.Cut(last(*input.TaskDefinition), ":")
	tags := f.tags[family]
	return &ecs.DescribeTaskDefinitionOutput{Tags: []types.Tag{{Key: aws.String("Application"), Value: &tags[0]}, {Key: aws.String("Environment"), Value: &tags[1]}}}, nil
}

func (f *fakeECS) DeregisterTaskDefinition(_ context.Context, input *ecs.DeregisterTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DeregisterTaskDefinitionOutput, error) {
	f.revisions[*input.TaskDefinition] = types.TaskDefinitionStatusInactive
	return &ecs.DeregisterTaskDefinitionOutput{}, nil
}

func (f *fakeECS) DeleteTaskDefinitions(_ context.Context, input *ecs.DeleteTaskDefinitionsInput, _ ...func(*ecs.Options)) (*ecs.DeleteTaskDefinitionsOutput, error) {
	if len(input.TaskDefinitions) > 10 {
		return nil, &types.InvalidParameterException{Message: aws.String("more than 10")}
	}
	for _, revision := range input.TaskDefinitions {
		if f.revisions[revision] != types.TaskDefinitionStatusInactive {
			return nil, &types.ClientException{Message: aws.String("not deregistered")}
		}
		f.revisions[revision] = types.TaskDefinitionStatusDeleteInProgress
	}
	return &ecs.DeleteTaskDefinitionsOutput{}, nil
}

func TestStop(t *testing.T) {
	doomed := Doomed{Clusters: []string{"blog-dev"}, Services: []Service{{"blog-dev", "blog-dev-web"}}}
	tests := map[string]struct {
		ecs             *fakeECS
		services, tasks int
		calls           []string
	}{
		"a service and a one-off task":                                   {&fakeECS{tasks: []string{"t/1"}}, 1, 1, []string{"scale blog-dev-web to 0", "stop t/1"}},
		"a service that is gone":                                         {&fakeECS{err: &types.ServiceNotFoundException{}}, 0, 0, []string{"scale blog-dev-web to 0"}},
		"a daemon service, without a count":                              {&fakeECS{err: &types.InvalidParameterException{}}, 1, 0, []string{"scale blog-dev-web to 0"}},
		"a task that doesn't end is stopped once, and left to Terraform": {&fakeECS{tasks: []string{"t/1"}, lingering: 1}, 1, 1, []string{"scale blog-dev-web to 0", "stop t/1"}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			stopper := &Tasks{ecs: test.ecs, say: func(string) {}, interval: time.Microsecond, limit: 20 * time.Millisecond}
			services, tasks, err := stopper.Stop(t.Context(), doomed)
			if err != nil || services != test.services || tasks != test.tasks {
				t.Errorf("%d services, %d tasks: %v", services, tasks, err)
			}
			if diff := cmp.Diff(test.calls, test.ecs.calls); diff != "" {
				t.Errorf("calls (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("a refusal", func(t *testing.T) {
		stopper := &Tasks{ecs: &fakeECS{err: &smithy.GenericAPIError{Code: "AccessDeniedException"}}, say: func(string) {}}
		if _, _, err := stopper.Stop(t.Context(), doomed); err == nil || !strings.Contains(err.Error(), "scale service blog-dev-web down") {
			t.Errorf("%v", err)
		}
	})
}

func TestForeign(t *testing.T) {
	doomed := Doomed{Clusters: []string{"blog-dev"}, Services: []Service{{"blog-dev", "blog-dev-web"}}}
	tasks := &Tasks{ecs: &fakeECS{services: []string{"arn:aws:ecs:eu-central-1:1:service/blog-dev/blog-dev-web", "arn:aws:ecs:eu-central-1:1:service/blog-dev/by-hand"}}}
	got, err := tasks.Foreign(t.Context(), doomed)
	if diff := cmp.Diff([]string{"service by-hand in cluster blog-dev"}, got); diff != "" || err != nil {
		t.Errorf("%v, foreign (-want +got):\n%s", err, diff)
	}
	tasks.ecs = &fakeECS{err: &types.ClusterNotFoundException{}}
	if got, err := tasks.Foreign(t.Context(), doomed); len(got) > 0 || err != nil {
		t.Errorf("of a cluster that is gone: %v, %v", got, err)
	}
}

func TestRevisions(t *testing.T) {
	fake := &fakeECS{
		revisions: map[string]types.TaskDefinitionStatus{"arn/blog-dev-web:99": types.TaskDefinitionStatusInactive, "arn/blog-dev-2-web:1": types.TaskDefinitionStatusActive, "arn/blog-dev-web-old:1": types.TaskDefinitionStatusActive},
		tags:      map[string][2]string{"blog-dev-web": {"blog", "dev"}, "blog-dev-2-web": {"blog", "dev-2"}, "blog-dev-web-old": {"", ""}},
	}
	for i := range 23 {
		fake.revisions[fmt.Sprintf("arn/blog-dev-web:%d", i+1)] = types.TaskDefinitionStatusActive
	}
	n, err := (&Tasks{ecs: fake, say: func(string) {}}).Revisions(t.Context(), "blog", "dev")
	if err != nil || n != 24 {
		t.Errorf("deleted %d: %v", n, err)
	}
	for revision, status := range fake.revisions {
		if ours := strings.HasPrefix(revision, "arn/blog-dev-web:"); ours != (status == types.TaskDefinitionStatusDeleteInProgress) {
			t.Errorf("%s is %s", revision, status)
		}
	}
}

// fakeAWS is all that the finder asks. The zero value has nothing.
type fakeAWS struct {
	tagged    [][]string // the ARNs of one answer after the other; the last one stays
	snapshots []rdstypes.DBSnapshot
	secrets   []secretstypes.SecretListEntry
	groups    []string
	gateways  []ec2types.NatGateway
	cluster   string // its status
	active    []string
	err       error
	asked     int
}

func (f *fakeAWS) GetResources(_ context.Context, input *resourcegroupstaggingapi.GetResourcesInput, _ ...func(*resourcegroupstaggingapi.Options)) (*resourcegroupstaggingapi.GetResourcesOutput, error) {
	f.asked++
	var output resourcegroupstaggingapi.GetResourcesOutput
	if len(f.tagged) == 0 {
		return &output, f.err
	}
	for _, arn := range f.tagged[min(f.asked, len(f.tagged))-1] {
		output.ResourceTagMappingList = append(output.ResourceTagMappingList, taggingtypes.ResourceTagMapping{ResourceARN: aws.String(arn)})
	}
	return &output, f.err
}

func (f *fakeAWS) DescribeDBInstances(context.Context, *rds.DescribeDBInstancesInput, ...func(*rds.Options)) (*rds.DescribeDBInstancesOutput, error) {
	return nil, &rdstypes.DBInstanceNotFoundFault{}
}

func (f *fakeAWS) DescribeDBSnapshots(_ context.Context, input *rds.DescribeDBSnapshotsInput, _ ...func(*rds.Options)) (*rds.DescribeDBSnapshotsOutput, error) {
	if input.DBSnapshotIdentifier != nil {
		for _, snapshot := range f.snapshots {
			if *snapshot.DBSnapshotArn == "arn:"+*input.DBSnapshotIdentifier {
				return &rds.DescribeDBSnapshotsOutput{DBSnapshots: []rdstypes.DBSnapshot{snapshot}}, nil
			}
		}
		return nil, &rdstypes.DBSnapshotNotFoundFault{}
	}
	return &rds.DescribeDBSnapshotsOutput{DBSnapshots: f.snapshots}, f.err
}

func (f *fakeAWS) DescribeDBClusterSnapshots(context.Context, *rds.DescribeDBClusterSnapshotsInput, ...func(*rds.Options)) (*rds.DescribeDBClusterSnapshotsOutput, error) {
	return &rds.DescribeDBClusterSnapshotsOutput{DBClusterSnapshots: []rdstypes.DBClusterSnapshot{{Status: aws.String("creating"), AllocatedStorage: aws.Int32(7)}}}, nil
}

func (f *fakeAWS) DescribeDBInstanceAutomatedBackups(context.Context, *rds.DescribeDBInstanceAutomatedBackupsInput, ...func(*rds.Options)) (*rds.DescribeDBInstanceAutomatedBackupsOutput, error) {
	return nil, &rdstypes.DBInstanceAutomatedBackupNotFoundFault{}
}

func (f *fakeAWS) ListSecrets(_ context.Context, input *secretsmanager.ListSecretsInput, _ ...func(*secretsmanager.Options)) (*secretsmanager.ListSecretsOutput, error) {
	if !aws.ToBool(input.IncludePlannedDeletion) {
		return &secretsmanager.ListSecretsOutput{}, nil
	}
	return &secretsmanager.ListSecretsOutput{SecretList: f.secrets}, f.err
}

func (f *fakeAWS) DescribeAddresses(context.Context, *ec2.DescribeAddressesInput, ...func(*ec2.Options)) (*ec2.DescribeAddressesOutput, error) {
	return &ec2.DescribeAddressesOutput{}, f.err
}

func (f *fakeAWS) DescribeNatGateways(context.Context, *ec2.DescribeNatGatewaysInput, ...func(*ec2.Options)) (*ec2.DescribeNatGatewaysOutput, error) {
	return &ec2.DescribeNatGatewaysOutput{NatGateways: f.gateways}, f.err
}

func (f *fakeAWS) DescribeVpcEndpoints(context.Context, *ec2.DescribeVpcEndpointsInput, ...func(*ec2.Options)) (*ec2.DescribeVpcEndpointsOutput, error) {
	return &ec2.DescribeVpcEndpointsOutput{}, f.err
}

func (f *fakeAWS) DescribeVpcs(context.Context, *ec2.DescribeVpcsInput, ...func(*ec2.Options)) (*ec2.DescribeVpcsOutput, error) {
	return &ec2.DescribeVpcsOutput{}, f.err
}

func (f *fakeAWS) DescribeClusters(context.Context, *ecs.DescribeClustersInput, ...func(*ecs.Options)) (*ecs.DescribeClustersOutput, error) {
	return &ecs.DescribeClustersOutput{Clusters: []types.Cluster{{Status: &f.cluster}}}, nil
}

func (f *fakeAWS) ListTaskDefinitions(context.Context, *ecs.ListTaskDefinitionsInput, ...func(*ecs.Options)) (*ecs.ListTaskDefinitionsOutput, error) {
	return &ecs.ListTaskDefinitionsOutput{TaskDefinitionArns: f.active}, nil
}

func (f *fakeAWS) DescribeLogGroups(_ context.Context, input *cloudwatchlogs.DescribeLogGroupsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeLogGroupsOutput, error) {
	var output cloudwatchlogs.DescribeLogGroupsOutput
	for _, group := range f.groups {
		if strings.HasPrefix(group, *input.LogGroupNamePrefix) {
			output.LogGroups = append(output.LogGroups, logstypes.LogGroup{LogGroupName: &group})
		}
	}
	return &output, f.err
}

func (f *fakeAWS) finder() *Finder {
	return &Finder{tagging: f, databases: f, secrets: f, network: f, clusters: f, logs: f, interval: time.Microsecond, times: 3}
}

func TestFind(t *testing.T) {
	const at = ":eu-central-1:111122223333:"
	tests := map[string]struct {
		aws  *fakeAWS
		want []string
	}{
		"nothing": {&fakeAWS{}, nil},
		"a final snapshot, and one that is being deleted": {
			&fakeAWS{snapshots: []rdstypes.DBSnapshot{{DBSnapshotArn: aws.String("arn:final"), Status: aws.String("available"), AllocatedStorage: aws.Int32(20)}, {DBSnapshotArn: aws.String("arn:x"), Status: aws.String("deleted")}}},
			[]string{"database snapshot arn:final (available, of 20 GiB): " + costsSnapshot},
		},
		"a secret that can be restored costs nothing": {
			&fakeAWS{secrets: []secretstypes.SecretListEntry{{Name: aws.String("blog/dev/app"), DeletedDate: aws.Time(time.Date(2026, 12, 24, 1, 0, 0, 0, time.UTC))}}},
			[]string{"secret blog/dev/app (in its recovery window, vanishes on 2026-12-24): "},
		},
		"log groups that AWS made, and none of another environment": {
			&fakeAWS{groups: []string{"/slipway/blog/dev", "/slipway/blog/dev-2", "/aws/ecs/containerinsights/blog-dev/performance"}},
			[]string{"log group /aws/ecs/containerinsights/blog-dev/performance (0 bytes): " + costsLogs, "log group /slipway/blog/dev (0 bytes): " + costsLogs},
		},
		"a NAT gateway that is listed for an hour":  {&fakeAWS{gateways: []ec2types.NatGateway{{State: ec2types.NatGatewayStateDeleted}, {NatGatewayId: aws.String("nat-1"), State: ec2types.NatGatewayStateDeleting}}}, []string{"NAT gateway nat-1 (deleting): " + costsNAT}},
		"what the tagging API still lists at first": {&fakeAWS{tagged: [][]string{{"arn:aws:s3:::files"}, {}}}, nil},
		"what it goes on listing, what costs something first": {
			&fakeAWS{tagged: [][]string{{"arn:aws:ec2" + at + "subnet/subnet-1", "arn:aws:kms" + at + "key/1", "arn:aws:elasticloadbalancing" + at + "loadbalancer/app/blog-dev/1", "arn:aws:sqs" + at + "jobs"}}},
			[]string{"KMS key arn:aws:kms" + at + "key/1 (): " + costsKey, "load balancer arn:aws:elasticloadbalancing" + at + "loadbalancer/app/blog-dev/1 (): " + costsBalancer, "sqs jobs arn:aws:sqs" + at + "jobs (): " + costsUnknown, "ec2 subnet arn:aws:ec2" + at + "subnet/subnet-1 (): "},
		},
		"what the services themselves don't have any more": {&fakeAWS{tagged: [][]string{{"arn:aws:rds" + at + "db:blog-dev", "arn:aws:ec2" + at + "natgateway/nat-1", "arn:aws:secretsmanager" + at + "secret:blog/dev/app-x", "arn:aws:logs" + at + "log-group:/slipway/blog/dev"}}}, nil},
		"ECS's records of what is inactive":                {&fakeAWS{cluster: "INACTIVE", tagged: [][]string{{"arn:aws:ecs" + at + "cluster/blog-dev", "arn:aws:ecs" + at + "service/blog-dev/web", "arn:aws:ecs" + at + "task-definition/blog-dev-web:1"}}}, nil},
		"a cluster and a revision that are active": {
			&fakeAWS{cluster: "ACTIVE", active: []string{"arn:aws:ecs" + at + "task-definition/blog-dev-web:1"}, tagged: [][]string{{"arn:aws:ecs" + at + "cluster/blog-dev", "arn:aws:ecs" + at + "task-definition/blog-dev-web:1"}}},
			[]string{"ECS cluster arn:aws:ecs" + at + "cluster/blog-dev (): ", "task definition arn:aws:ecs" + at + "task-definition/blog-dev-web:1 (): "},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			found, warnings := test.aws.finder().Find(t.Context(), "blog", "dev")
			var got []string
			for _, leftover := range found {
				got = append(got, fmt.Sprintf("%s %s (%s): %s", leftover.Kind, leftover.Name, leftover.State, leftover.Costs))
			}
			if diff := cmp.Diff(test.want, got); diff != "" || len(warnings) > 0 {
				t.Errorf("warnings %q, leftovers (-want +got):\n%s", warnings, diff)
			}
		})
	}
	t.Run("a permission that is missing is said, for each", func(t *testing.T) {
		fake := &fakeAWS{err: &smithy.GenericAPIError{Code: "AccessDenied"}}
		found, warnings := fake.finder().Find(t.Context(), "blog", "dev")
		if len(found) > 0 || len(warnings) != 8 || !slices.Contains(warnings, "could not look for what carries the environment's tags (tag:GetResources): AccessDenied") {
			t.Errorf("%v, %d warnings: %q", found, len(warnings), warnings)
		}
	})
}

func TestSnapshots(t *testing.T) {
	fake := &fakeAWS{snapshots: []rdstypes.DBSnapshot{{DBSnapshotArn: aws.String("arn:a-final"), Status: aws.String("available"), AllocatedStorage: aws.Int32(20)}}}
	got, err := fake.finder().Snapshots(t.Context(), []Database{{Snapshot: "a-final"}, {Snapshot: "b-final", GiB: 5}, {}, {Snapshot: "c-final", Cluster: true}})
	want := []report.Snapshot{{Name: "a-final", Status: "available", GiB: 20}, {Name: "b-final", Status: "absent", GiB: 5}, {Name: "c-final", Status: "creating", GiB: 7}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, snapshots (-want +got):\n%s", err, diff)
	}
}
