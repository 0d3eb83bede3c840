package service

import (
	"context"
	"crypto/rand"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/contract"
)

type registerAPI interface {
	RegisterTaskDefinition(context.Context, *ecs.RegisterTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.RegisterTaskDefinitionOutput, error)
	ListTaskDefinitions(context.Context, *ecs.ListTaskDefinitionsInput, ...func(*ecs.Options)) (*ecs.ListTaskDefinitionsOutput, error)
	DescribeTaskDefinition(context.Context, *ecs.DescribeTaskDefinitionInput, ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error)
}

// Tags by which a revision says which release it belongs to.
const (
	TagCommit   = "slipway:commit"
	TagDigest   = "slipway:digest"
	TagTemplate = "slipway:template"
	TagRun      = "slipway:run"
	// TagRegistration is drawn anew for every registration, by which one whose reply was lost is found again.
	TagRegistration = "slipway:registration"
)

// Register registers a revision of each service's template with the release's image, and returns the release with them, or
// with those that there are where one could not be registered.
func (d *Deployer) Register(ctx context.Context, release Release) (Release, error) {
	return d.registerFor(ctx, d.contract.Services, release)
}

// RegisterMigration is Register for the one service whose template the migration's task is made of.
func (d *Deployer) RegisterMigration(ctx context.Context, release Release) (Release, error) {
	entry, err := d.contract.ServiceNamed(d.contract.Migration.Service)
	if err != nil {
		return release, err
	}
	return d.registerFor(ctx, []contract.Service{entry}, release)
}

func (d *Deployer) registerFor(ctx context.Context, services []contract.Service, release Release) (Release, error) {
	release.Revisions = make(map[string]string, len(services))
	for _, entry := range services {
		template, tags, err := d.template(ctx, entry.Template)
		if err != nil {
			return release, err
		}
		input, err := clone(template, tags, entry, release)
		if err != nil {
			return release, err
		}
		registered, err := d.register(ctx, input)
		if err != nil {
			return release, fmt.Errorf("register task definition %s: %w", aws.ToString(input.Family), err)
		}
		release.Revisions[entry.Name] = registered
		d.say(fmt.Sprintf("registered %s from template %s", revisionName(registered), revisionName(entry.Template)))
	}
	return release, nil
}

// ReleaseOf returns the release that a revision of a service belongs to, with this revision alone.
func (d *Deployer) ReleaseOf(ctx context.Context, entry contract.Service, arn string) (Release, error) {
	definition, tags, err := d.template(ctx, arn)
	if err != nil {
		return Release{}, err
	}
	return Release{
		Image: imageOf(definition.ContainerDefinitions, entry.Container), Commit: tagValue(tags, TagCommit), Run: tagValue(tags, TagRun),
		Revisions: map[string]string{entry.Name: arn},
	}, nil
}

// register registers a revision once. ECS has no token that makes the request safe to repeat, and the SDK would repeat it
// when the reply is lost: a second revision would be left behind. So the SDK doesn't, and before this function does it looks
// for what the first request may have done.
func (d *Deployer) register(ctx context.Context, input *ecs.RegisterTaskDefinitionInput) (string, error) {
	registration := rand.Text()
	input.Tags = append(input.Tags, ourTag(TagRegistration, registration))
	once := func(o *ecs.Options) { o.RetryMaxAttempts = 1 }
	for attempt := 1; ; attempt++ {
		output, err := d.ecs.RegisterTaskDefinition(ctx, input, once)
		if err == nil {
			return aws.ToString(output.TaskDefinition.TaskDefinitionArn), nil
		}
		if !passing(err) || attempt == repetitions || ctx.Err() != nil {
			return "", err
		}
		d.say(fmt.Sprintf("%s: registration failed, looking whether it took effect: %v", aws.ToString(input.Family), err))
		if err := d.sleep(ctx, 1<<attempt); err != nil {
			return "", err
		}
		arn, err := d.registered(ctx, aws.ToString(input.Family), registration)
		if arn != "" || err != nil {
			return arn, err
		}
	}
}

// registered returns the revision that carries a registration's tag, among the newest of the family.
func (d *Deployer) registered(ctx context.Context, family, registration string) (string, error) {
	list, err := d.ecs.ListTaskDefinitions(ctx, &ecs.ListTaskDefinitionsInput{
		FamilyPrefix: &family, Sort: types.SortOrderDesc, MaxResults: aws.Int32(5),
	})
	if err != nil {
		return "", fmt.Errorf("find out whether a registration of %s took effect: %w", family, err)
	}
	for _, arn := range list.TaskDefinitionArns {
		_, tags, err := d.template(ctx, arn)
		if err != nil {
			return "", err
		}
		if tagValue(tags, TagRegistration) == registration {
			return arn, nil
		}
	}
	return "", nil
}

// clone makes the request that registers the template anew with another image. Nothing else of it is edited.
func clone(template *types.TaskDefinition, tags []types.Tag, entry contract.Service, release Release) (*ecs.RegisterTaskDefinitionInput, error) {
	containers := slices.Clone(template.ContainerDefinitions)
	i := slices.IndexFunc(containers, named(entry.Container))
	if i < 0 {
		return nil, fmt.Errorf("clone template %s: it has no container %q", revisionName(entry.Template), entry.Container)
	}
	containers[i].Image = &release.Image
	return &ecs.RegisterTaskDefinitionInput{
		Family:                  template.Family,
		ContainerDefinitions:    containers,
		Cpu:                     template.Cpu,
		EnableFaultInjection:    template.EnableFaultInjection,
		EphemeralStorage:        template.EphemeralStorage,
		ExecutionRoleArn:        template.ExecutionRoleArn,
		IpcMode:                 template.IpcMode,
		Memory:                  template.Memory,
		NetworkMode:             template.NetworkMode,
		PidMode:                 template.PidMode,
		PlacementConstraints:    template.PlacementConstraints,
		ProxyConfiguration:      template.ProxyConfiguration,
		RequiresCompatibilities: template.RequiresCompatibilities,
		RuntimePlatform:         template.RuntimePlatform,
		Tags:                    releaseTags(tags, entry, release),
		TaskRoleArn:             template.TaskRoleArn,
		Volumes:                 template.Volumes,
	}, nil
}

// unwanted is what the value of a tag may not hold, and longest how long it may be:
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/ecs-using-tags.html
var unwanted = regexp.MustCompile(`[^\p{L}\p{N} +=._:/@-]+`)

const longest = 256

// ourTag makes a tag that ECS takes: a registration must not fail for the name of the one who asked for it.
func ourTag(key, value string) types.Tag {
	value = strings.TrimSpace(unwanted.ReplaceAllString(value, "-"))
	if characters := []rune(value); len(characters) > longest {
		value = string(characters[:longest])
	}
	return types.Tag{Key: &key, Value: &value}
}

// releaseTags are the template's own tags and, in place of an older release's, this one's.
func releaseTags(template []types.Tag, entry contract.Service, release Release) []types.Tag {
	ours := []types.Tag{
		ourTag(TagCommit, release.Commit),
		ourTag(TagDigest, release.Digest()),
		ourTag(TagTemplate, revisionName(entry.Template)),
	}
	if release.Run != "" {
		ours = append(ours, ourTag(TagRun, release.Run))
	}
	var tags []types.Tag
	for _, tag := range template {
		replaced := slices.ContainsFunc(ours, func(o types.Tag) bool { return aws.ToString(o.Key) == aws.ToString(tag.Key) })
		if !replaced {
			tags = append(tags, tag)
		}
	}
	return append(tags, ours...)
}
