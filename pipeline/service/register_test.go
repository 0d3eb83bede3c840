package service

import (
	"context"
	"errors"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/contract"
)

// The fields that clone copies. A field that an SDK update adds would otherwise be lost with every deployment.
var cloned = []string{
	"ContainerDefinitions", "Cpu", "EnableFaultInjection", "EphemeralStorage", "ExecutionRoleArn", "Family",
	"IpcMode", "Memory", "NetworkMode", "PidMode", "PlacementConstraints", "ProxyConfiguration",
	"RequiresCompatibilities", "RuntimePlatform", "TaskRoleArn", "Volumes",
}

// Elastic Inference is no longer available, so no template can have it.
var withdrawn = []string{"InferenceAccelerators"}

func TestEveryFieldOfATaskDefinitionIsClonedOrMadeByECS(t *testing.T) {
	made := []string{
		"Compatibilities", "DeleteRequestedAt", "DeregisteredAt", "RegisteredAt", "RegisteredBy", "RequiresAttributes",
		"Revision", "Status", "TaskDefinitionArn",
	}
	for _, field := range fieldsOf(types.TaskDefinition{}) {
		if !slices.Contains(cloned, field) && !slices.Contains(made, field) && !slices.Contains(withdrawn, field) {
			t.Errorf("the SDK has a new field types.TaskDefinition.%s: copy it in clone and add it to cloned, or, if ECS makes it, to made", field)
		}
	}
	for _, field := range fieldsOf(ecs.RegisterTaskDefinitionInput{}) {
		if !slices.Contains(cloned, field) && !slices.Contains(withdrawn, field) && field != "Tags" {
			t.Errorf("the SDK has a new field ecs.RegisterTaskDefinitionInput.%s: copy it in clone and add it to cloned", field)
		}
	}
	for _, field := range cloned {
		if !slices.Contains(fieldsOf(types.TaskDefinition{}), field) || !slices.Contains(fieldsOf(ecs.RegisterTaskDefinitionInput{}), field) {
			t.Errorf("the SDK has no field %s any more", field)
		}
	}
}

func TestCloneSetsEveryFieldFromTheTemplate(t *testing.T) {
	var template, before types.TaskDefinition
	for _, definition := range []*types.TaskDefinition{&template, &before} {
		fill(reflect.ValueOf(definition).Elem())
		definition.ContainerDefinitions[1].Name = aws.String("app")
	}
	input, err := clone(&template, nil, web, Release{Image: newImage})
	if err != nil {
		t.Fatal(err)
	}
	got, want := reflect.ValueOf(*input), reflect.ValueOf(before)
	for _, name := range cloned {
		if name == "ContainerDefinitions" {
			continue
		}
		if got.FieldByName(name).IsZero() {
			t.Errorf("%s is lost", name)
			continue
		}
		same(t, name, want.FieldByName(name).Interface(), got.FieldByName(name).Interface())
	}
	same(t, "template, which is only read", before, template)

	want.FieldByName("ContainerDefinitions").Index(1).FieldByName("Image").Set(reflect.ValueOf(aws.String(newImage)))
	same(t, "containers, of which one has another image", before.ContainerDefinitions, input.ContainerDefinitions)
}

func TestCloneOfATemplateWithoutTheContainer(t *testing.T) {
	template := definitions(webTemplate)[webTemplate]
	entry := web
	entry.Container = "gone"
	_, err := clone(&template, nil, entry, Release{Image: newImage})
	if want := `clone template blog-dev-web-template:7: it has no container "gone"`; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

func tag(key, value string) types.Tag { return types.Tag{Key: &key, Value: &value} }

func TestReleaseTags(t *testing.T) {
	release := Release{Image: newImage, Commit: "6fc2d10", Run: "https://github.com/o/r/actions/runs/1 by octocat"}
	ours := []types.Tag{
		tag(TagCommit, "6fc2d10"), tag(TagDigest, "sha256:43ba9e3d"), tag(TagTemplate, "blog-dev-web-template:7"), tag(TagRun, release.Run),
	}
	tests := map[string]struct {
		template []types.Tag
		release  Release
		want     []types.Tag
	}{
		"the template has none":           {nil, release, ours},
		"the template's own are kept":     {[]types.Tag{tag("team", "blog")}, release, append([]types.Tag{tag("team", "blog")}, ours...)},
		"an older release's are replaced": {[]types.Tag{tag(TagCommit, "0000000"), tag("team", "blog"), tag(TagRun, "x")}, release, append([]types.Tag{tag("team", "blog")}, ours...)},
		"characters that ECS refuses are replaced": {
			nil, Release{Image: newImage, Commit: "6fc2d10", Run: "a run (by `octocat`)\n"},
			append(slices.Clone(ours[:3]), tag(TagRun, "a run -by -octocat-")),
		},
		"a value is cut at 256 characters": {
			nil, Release{Image: newImage, Commit: "6fc2d10", Run: strings.Repeat("ä", 300)},
			append(slices.Clone(ours[:3]), tag(TagRun, strings.Repeat("ä", 256))),
		},
		"nobody is said to have released it": {nil, Release{Image: newImage, Commit: "6fc2d10"}, ours[:3]},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			same(t, "tags", test.want, releaseTags(test.template, web, test.release))
		})
	}
}

func TestRegister(t *testing.T) {
	c := one()
	worker := contract.Service{Name: "worker", Service: "blog-dev-worker", Template: arnPrefix + "task-definition/blog-dev-worker-template:3", Container: "app"}
	c.Services = append(c.Services, worker)
	fake := &fakeECS{
		definitions: definitions(webTemplate, worker.Template),
		tags:        map[string][]types.Tag{webTemplate: {tag("team", "blog")}},
	}
	definition := fake.definitions[worker.Template]
	definition.Family = aws.String("blog-dev-worker")
	fake.definitions[worker.Template] = definition
	d, said := newDeployer(fake, nil, c)

	release, err := d.Register(t.Context(), Release{Image: newImage, Commit: "6fc2d10"})
	if err != nil {
		t.Fatal(err)
	}
	same(t, "revisions", map[string]string{
		"web": arnPrefix + "task-definition/blog-dev-web:41", "worker": arnPrefix + "task-definition/blog-dev-worker:42",
	}, release.Revisions)
	same(t, "names", []string{"blog-dev-web:41", "blog-dev-worker:42"}, d.Names(release))
	same(t, "lines", []string{
		"registered blog-dev-web:41 from template blog-dev-web-template:7",
		"registered blog-dev-worker:42 from template blog-dev-worker-template:3",
	}, said.lines)
	first := fake.registered[0].Tags
	same(t, "tags of the first, before its own", []types.Tag{
		tag("team", "blog"), tag(TagCommit, "6fc2d10"), tag(TagDigest, "sha256:43ba9e3d"), tag(TagTemplate, "blog-dev-web-template:7"),
	}, first[:len(first)-1])
	if one, two := tagValue(first, TagRegistration), tagValue(fake.registered[1].Tags, TagRegistration); one == "" || one == two {
		t.Errorf("registrations %q and %q, want two", one, two)
	}
	for _, input := range fake.registered {
		same(t, "image", newImage, aws.ToString(input.ContainerDefinitions[1].Image))
	}
}

func TestRegisterNamesWhatFailed(t *testing.T) {
	tests := map[string]struct {
		fake *fakeECS
		want string
	}{
		"the template is gone": {&fakeECS{}, "read template blog-dev-web-template:7: "},
		"ECS refuses the revision": {
			&fakeECS{definitions: definitions(webTemplate), fails: map[string]error{"RegisterTaskDefinition blog-dev-web": errRefused}},
			"register task definition blog-dev-web: AccessDeniedException: not you",
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			d, _ := newDeployer(test.fake, nil, one())
			d.interval = 0
			_, err := d.Register(t.Context(), Release{Image: newImage})
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
			if len(test.fake.registered) > 0 {
				t.Error("a revision was registered")
			}
		})
	}
}

func TestNamesOfAnImageByTag(t *testing.T) {
	if got := (Release{Image: "blog:6fc2d10"}).Digest(); got != "" {
		t.Errorf("digest %q of an image that is named by tag", got)
	}
}

// losing loses the first replies to RegisterTaskDefinition; took says whether ECS did it all the same.
type losing struct {
	*fakeECS
	replies int
	took    bool
	tried   int
	options ecs.Options
}

func (l *losing) RegisterTaskDefinition(ctx context.Context, input *ecs.RegisterTaskDefinitionInput, options ...func(*ecs.Options)) (*ecs.RegisterTaskDefinitionOutput, error) {
	for _, option := range options {
		option(&l.options)
	}
	l.tried++
	if l.tried > l.replies {
		return l.fakeECS.RegisterTaskDefinition(ctx, input)
	}
	if l.took {
		output, err := l.fakeECS.RegisterTaskDefinition(ctx, input)
		if err != nil {
			return nil, err
		}
		arn := aws.ToString(output.TaskDefinition.TaskDefinitionArn)
		l.families = map[string][]string{aws.ToString(input.Family): {arn}}
		l.definitions[arn] = types.TaskDefinition{TaskDefinitionArn: &arn}
		l.tags = map[string][]types.Tag{arn: input.Tags}
	}
	return nil, errors.New("connection reset by peer")
}

func TestARegistrationWhoseReplyIsLost(t *testing.T) {
	tests := map[string]struct {
		replies, tried int
		took           bool
		registered     int
		want           string
	}{
		"is found, and not made twice":                 {1, 1, true, 1, ""},
		"is made again where it took no effect":        {2, 3, false, 1, ""},
		"is given up where ECS never answers":          {9, 5, false, 0, "register task definition blog-dev-web: connection reset by peer"},
		"is made once where nothing goes wrong at all": {0, 1, false, 1, ""},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := &losing{fakeECS: &fakeECS{definitions: definitions(webTemplate)}, replies: test.replies, took: test.took}
				d, _ := newDeployer(fake.fakeECS, nil, one())
				d.ecs = fake
				release, err := d.Register(t.Context(), Release{Image: newImage})
				if test.want != "" {
					if err == nil || err.Error() != test.want {
						t.Errorf("error %v, want %q", err, test.want)
					}
				} else if err != nil || release.Revisions["web"] != arnPrefix+"task-definition/blog-dev-web:41" {
					t.Errorf("revisions %v, error %v", release.Revisions, err)
				}
				if fake.tried != test.tried || len(fake.registered) != test.registered {
					t.Errorf("tried %d times and registered %d, want %d and %d", fake.tried, len(fake.registered), test.tried, test.registered)
				}
				if fake.options.RetryMaxAttempts != 1 {
					t.Error("the SDK may repeat the request by itself")
				}
			})
		})
	}
}
