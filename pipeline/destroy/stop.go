package destroy

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/report"
)

type ecsAPI interface {
	ListServices(context.Context, *ecs.ListServicesInput, ...func(*ecs.Options)) (*ecs.ListServicesOutput, error)
	UpdateService(context.Context, *ecs.UpdateServiceInput, ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error)
	ListTasks(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error)
	StopTask(context.Context, *ecs.StopTaskInput, ...func(*ecs.Options)) (*ecs.StopTaskOutput, error)
	ListTaskDefinitionFamilies(context.Context, *ecs.ListTaskDefinitionFamiliesInput, ...func(*ecs.Options)) (*ecs.ListTaskDefinitionFamiliesOutput, error)
	ListTaskDefinitions(context.Context, *ecs.ListTaskDefinitionsInput, ...func(*ecs.Options)) (*ecs.ListTaskDefinitionsOutput, error)
	DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error)
	DeregisterTaskDefinition(context.Context, *ecs.DeregisterTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DeregisterTaskDefinitionOutput, error)
	DeleteTaskDefinitions(context.Context, *ecs.DeleteTaskDefinitionsInput, ...func(*ecs.Options)) (*ecs.DeleteTaskDefinitionsOutput, error)
}

// Tasks stops what ECS runs and takes the revisions away that the pipeline registered.
type Tasks struct {
	ecs      ecsAPI
	say      func(string)
	interval time.Duration // between two looks at what still runs
	limit    time.Duration // after which Terraform is left to wait
}

// NewTasks returns a Tasks that says a line for each thing that it stops.
func NewTasks(cfg aws.Config, say func(string)) *Tasks {
	return &Tasks{ecs: ecs.NewFromConfig(cfg), say: say, interval: 3 * time.Second, limit: 5 * time.Minute}
}

// Foreign lists the services in the clusters that the plan doesn't destroy. ECS deletes no cluster with a service in it, and
// Terraform would try for ten minutes.
func (t *Tasks) Foreign(ctx context.Context, d Doomed) ([]string, error) {
	var foreign []string
	for _, cluster := range d.Clusters {
		pages := ecs.NewListServicesPaginator(t.ecs, &ecs.ListServicesInput{Cluster: &cluster})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if gone(err) {
				break
			}
			if err != nil {
				return nil, fmt.Errorf("list the services of cluster %s: %w", cluster, err)
			}
			for _, arn := range page.ServiceArns {
				if !slices.Contains(d.Services, Service{cluster, last(arn)}) {
					foreign = append(foreign, fmt.Sprintf("service %s in cluster %s", last(arn), cluster))
				}
			}
		}
	}
	return foreign, nil
}

// Stop scales the services down to no task, stops all other tasks of the clusters, and returns when none runs, with how many
// services and other tasks it stopped. Terraform's provider scales a service down itself, but waits in vain to delete a
// cluster in which a one-off task runs, and security groups that it uses.
func (t *Tasks) Stop(ctx context.Context, d Doomed) (services, tasks int, err error) {
	for _, service := range d.Services {
		_, err := t.ecs.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: &service.Cluster, Service: &service.Name, DesiredCount: aws.Int32(0)})
		if gone(err) {
			continue
		}
		// A daemon service has no count; Terraform deletes it as it is.
		if _, daemon := errors.AsType[*types.InvalidParameterException](err); err != nil && !daemon {
			return services, tasks, fmt.Errorf("scale service %s down: %w", service.Name, err)
		}
		services++
		t.say(fmt.Sprintf("scaled service %s down to no task", service.Name))
	}
	stopped := map[string]bool{}
	deadline := time.Now().Add(t.limit)
	for {
		running := 0
		for _, cluster := range d.Clusters {
			arns, err := t.running(ctx, cluster)
			if err != nil {
				return services, len(stopped), err
			}
			running += len(arns)
			for _, arn := range arns {
				if stopped[arn] {
					continue
				}
				// Those of a service too: it starts no other in their place.
				_, err := t.ecs.StopTask(ctx, &ecs.StopTaskInput{Cluster: &cluster, Task: &arn, Reason: aws.String("slipway destroy")})
				if err != nil && !gone(err) {
					return services, len(stopped), fmt.Errorf("stop task %s of cluster %s: %w", last(arn), cluster, err)
				}
				stopped[arn] = true
				t.say(fmt.Sprintf("stopped task %s", last(arn)))
			}
		}
		if running == 0 || time.Now().After(deadline) {
			return services, len(stopped), nil
		}
		select {
		case <-ctx.Done():
			return services, len(stopped), context.Cause(ctx)
		case <-time.After(t.interval):
		}
	}
}

// running lists the tasks that run or are about to: ECS lists a task as RUNNING by what it is meant to be.
func (t *Tasks) running(ctx context.Context, cluster string) ([]string, error) {
	var arns []string
	pages := ecs.NewListTasksPaginator(t.ecs, &ecs.ListTasksInput{Cluster: &cluster, DesiredStatus: types.DesiredStatusRunning})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if gone(err) {
			return nil, nil
		}
		if err != nil {
			return nil, fmt.Errorf("list the tasks of cluster %s: %w", cluster, err)
		}
		arns = append(arns, page.TaskArns...)
	}
	return arns, nil
}

// gone says that what was asked for isn't there, or isn't any more.
func gone(err error) bool {
	if _, ok := errors.AsType[*types.ClusterNotFoundException](err); ok {
		return true
	}
	if _, ok := errors.AsType[*types.ServiceNotFoundException](err); ok {
		return true
	}
	_, ok := errors.AsType[*types.ServiceNotActiveException](err)
	return ok
}

// Revisions deregisters and deletes all revisions of the environment's task definitions, and returns how many there were.
// Terraform only deregisters its own, the template. Families are found by the names and tags that the environment gives, so
// that they are found too when Terraform's state is empty already.
//
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/delete-task-definition-v2.html
func (t *Tasks) Revisions(ctx context.Context, name, environment string) (int, error) {
	families, err := t.families(ctx, name, environment)
	if err != nil {
		return 0, err
	}
	n := 0
	for _, family := range families {
		active, err := t.revisions(ctx, family, types.TaskDefinitionStatusActive)
		if err != nil {
			return n, err
		}
		for _, arn := range active {
			if _, err := t.ecs.DeregisterTaskDefinition(ctx, &ecs.DeregisterTaskDefinitionInput{TaskDefinition: &arn}); err != nil {
				return n, fmt.Errorf("deregister %s: %w", last(arn), err)
			}
		}
		inactive, err := t.revisions(ctx, family, types.TaskDefinitionStatusInactive)
		if err != nil {
			return n, err
		}
		for batch := range slices.Chunk(inactive, 10) { // which one request takes
			output, err := t.ecs.DeleteTaskDefinitions(ctx, &ecs.DeleteTaskDefinitionsInput{TaskDefinitions: batch})
			if err != nil {
				return n, fmt.Errorf("delete revisions of %s: %w", family, err)
			}
			if len(output.Failures) > 0 {
				return n, fmt.Errorf("delete revision %s: %s", last(aws.ToString(output.Failures[0].Arn)), aws.ToString(output.Failures[0].Reason))
			}
			n += len(batch)
		}
		t.say(fmt.Sprintf("deleted %s of %s", report.Plural(len(inactive), "revision"), family))
	}
	return n, nil
}

// families are those whose newest revision carries the environment's tags; "blog-dev" begins the names of "blog-dev-2" too.
func (t *Tasks) families(ctx context.Context, name, environment string) ([]string, error) {
	var families []string
	for _, status := range []types.TaskDefinitionFamilyStatus{types.TaskDefinitionFamilyStatusActive, types.TaskDefinitionFamilyStatusInactive} {
		pages := ecs.NewListTaskDefinitionFamiliesPaginator(t.ecs, &ecs.ListTaskDefinitionFamiliesInput{
			FamilyPrefix: aws.String(name + "-" + environment), Status: status,
		})
		for pages.HasMorePages() {
			page, err := pages.NextPage(ctx)
			if err != nil {
				return nil, fmt.Errorf("list the families of %s-%s: %w", name, environment, err)
			}
			for _, family := range page.Families {
				if slices.Contains(families, family) {
					continue
				}
				ours, err := t.tagged(ctx, family, name, environment)
				if err != nil {
					return nil, err
				}
				if ours {
					families = append(families, family)
				}
			}
		}
	}
	return families, nil
}

// tagged says whether a revision of the family, one in service before one that was deregistered, carries the environment's
// tags.
func (t *Tasks) tagged(ctx context.Context, family, name, environment string) (bool, error) {
	for _, status := range []types.TaskDefinitionStatus{types.TaskDefinitionStatusActive, types.TaskDefinitionStatusInactive} {
		revisions, err := t.revisions(ctx, family, status)
		if err != nil {
			return false, err
		}
		if len(revisions) == 0 {
			continue
		}
		newest := revisions[len(revisions)-1]
		described, err := t.ecs.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{
			TaskDefinition: &newest, Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags},
		})
		if err != nil {
			return false, fmt.Errorf("read the tags of %s: %w", last(newest), err)
		}
		tags := map[string]string{}
		for _, tag := range described.Tags {
			tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
		}
		return tags[TagApplication] == name && tags[TagEnvironment] == environment, nil
	}
	return false, nil
}

func (t *Tasks) revisions(ctx context.Context, family string, status types.TaskDefinitionStatus) ([]string, error) {
	var arns []string
	pages := ecs.NewListTaskDefinitionsPaginator(t.ecs, &ecs.ListTaskDefinitionsInput{FamilyPrefix: &family, Status: status})
	for pages.HasMorePages() {
		page, err := pages.NextPage(ctx)
		if err != nil {
			return nil, fmt.Errorf("list the revisions of %s: %w", family, err)
		}
		for _, arn := range page.TaskDefinitionArns {
			// AWS takes the prefix for the whole name, the emulator for a prefix.
			if revision := last(arn); revision[:max(0, strings.LastIndex(revision, ":"))] == family {
				arns = append(arns, arn)
			}
		}
	}
	return arns, nil
}
