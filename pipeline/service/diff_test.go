package service

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/report"
)

const (
	repositoryURL = "111111111111.dkr.ecr.eu-central-1.amazonaws.com/blog-dev"
	digestOld     = "sha256:0ld"
	digestNew     = "sha256:43ba9e3d"
	oldTemplate   = arnPrefix + "task-definition/blog-dev-web-template:6"
)

// environment is an ECS with one service that runs a complete release, made of the current template; a test edits it.
type environment struct {
	// template and running are the definitions, to be edited in place.
	template, older, running *types.TaskDefinition
	tags                     []types.Tag
	service                  types.Service
}

func inService1() *environment {
	definition := func(arn, image string) *types.TaskDefinition {
		d := definitions(arn)[arn]
		d.ContainerDefinitions[1].Image = &image
		d.Cpu, d.Memory = aws.String("256"), aws.String("512")
		return &d
	}
	e := &environment{
		template: definition(webTemplate, repositoryURL+":template"),
		older:    definition(oldTemplate, repositoryURL+":template"),
		running:  definition(webOld, repositoryURL+"@"+digestOld),
		tags:     releaseTags(nil, web, Release{Image: repositoryURL + "@" + digestOld, Commit: "1111111"}),
		service:  active(web)[0],
	}
	e.running.RegisteredBy, e.running.RegisteredAt = aws.String("arn:aws:iam::111111111111:user/mallory"), aws.Time(time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC))
	e.service.TaskDefinition, e.service.RunningCount = aws.String(webOld), 2
	e.service.Deployments = []types.Deployment{{
		Id: aws.String("ecs-svc/1"), Status: aws.String("PRIMARY"), TaskDefinition: aws.String(webOld),
		RolloutState: types.DeploymentRolloutStateCompleted, RunningCount: 2, DesiredCount: 2,
	}}
	return e
}

// ecs is the environment as ECS answers for it.
func (e *environment) ecs() *fakeECS {
	return &fakeECS{
		services:    [][]types.Service{{e.service}},
		definitions: map[string]types.TaskDefinition{webTemplate: *e.template, oldTemplate: *e.older, webOld: *e.running},
		tags:        map[string][]types.Tag{webOld: e.tags},
	}
}

// retag puts another value into one of the running revision's tags.
func (e *environment) retag(key, value string) {
	for i := range e.tags {
		if aws.ToString(e.tags[i].Key) == key {
			e.tags[i].Value = &value
		}
	}
}

// onOlderTemplate lets the running revision be made of the older template.
func (e *environment) onOlderTemplate() { e.retag(TagTemplate, "blog-dev-web-template:6") }

func differ(fake *fakeECS, c contract.Contract) *Differ {
	return &Differ{ecs: fake, contract: c, between: func(_ context.Context, from, to string) string { return "from " + from }}
}

func TestDiff(t *testing.T) {
	release := Release{Image: repositoryURL + "@" + digestNew, Commit: "2222222"}
	sameRelease := Release{Image: repositoryURL + "@" + digestOld, Commit: "1111111"}
	change := func(field, before, after string) report.Change {
		return report.Change{Service: "blog-dev-web", Field: field, Old: before, New: after}
	}
	image := change("image", digestOld, digestNew)
	commit := report.Change{Service: "blog-dev-web", Field: "commit", Old: "1111111", New: "2222222", Note: "from 1111111"}
	setEnvironment := func(d *types.TaskDefinition, value string) {
		d.ContainerDefinitions[1].Environment = []types.KeyValuePair{{Name: aws.String("LEVEL"), Value: &value}}
	}
	tests := map[string]struct {
		edit    func(*environment)
		release Release
		want    Difference
	}{
		"another image": {func(*environment) {}, release, Difference{Changes: []report.Change{image, commit}}},
		"the same image of the current template is nothing to do": {func(*environment) {}, sameRelease, Difference{Unchanged: true}},
		"the same image by a tag and its digest, too": {func(e *environment) {
			e.running.ContainerDefinitions[1].Image = aws.String(repositoryURL + ":v1@" + digestOld)
		}, sameRelease, Difference{Unchanged: true}},
		"the same image from another commit is the same image": {func(*environment) {}, Release{Image: sameRelease.Image, Commit: "3333333"}, Difference{Unchanged: true}},
		"a service without tasks is brought to its count": {func(e *environment) {
			e.service.DesiredCount, e.service.RunningCount, e.service.Deployments[0].RunningCount = 0, 0, 0
		}, sameRelease, Difference{Changes: []report.Change{change("tasks", "0", "2")}}},
		"a deployment that is under way may still fail": {func(e *environment) {
			e.service.Deployments[0].RolloutState = types.DeploymentRolloutStateInProgress
		}, sameRelease, Difference{}},
		"a service whose tasks are all gone is not as it should be": {func(e *environment) {
			e.service.Deployments[0].RunningCount = 0
		}, sameRelease, Difference{}},
		"a failed deployment stays in the list and says nothing": {func(e *environment) {
			e.service.Deployments = append(e.service.Deployments, types.Deployment{Status: aws.String("ACTIVE"), RolloutState: types.DeploymentRolloutStateFailed})
		}, sameRelease, Difference{Unchanged: true}},
		"a newer template brings its settings": {func(e *environment) {
			e.onOlderTemplate()
			e.template.Memory = aws.String("1024")
			setEnvironment(e.template, "debug")
		}, release, Difference{
			Changes:  []report.Change{image, commit, change("environment LEVEL", "", "debug"), change("memory", "512", "1024")},
			Arriving: []string{"blog-dev-web: template blog-dev-web-template:7 is newer than blog-dev-web-template:6, of which blog-dev-web:40 was made; what differs arrives with this deployment: environment LEVEL, memory"},
		}},
		"a newer template that sets the same is rolled out all the same": {(*environment).onOlderTemplate, sameRelease, Difference{
			Arriving: []string{"blog-dev-web: template blog-dev-web-template:7 is newer than blog-dev-web-template:6, of which blog-dev-web:40 was made; no setting differs between them"},
		}},
		"an older template, after Terraform went back": {func(e *environment) { e.retag(TagTemplate, "blog-dev-web-template:9") }, sameRelease, Difference{
			Arriving: []string{"blog-dev-web: template blog-dev-web-template:7 is older than blog-dev-web-template:9, of which blog-dev-web:40 was made; no setting differs between them"},
		}},
		"the first deployment finds the template, without tasks": {func(e *environment) {
			e.service.TaskDefinition, e.service.DesiredCount, e.service.RunningCount = aws.String(webTemplate), 0, 0
		}, release, Difference{Changes: []report.Change{change("image", "", digestNew), change("commit", "", "2222222"), change("tasks", "0", "2")}}},
		"the first deployment finds an older template": {func(e *environment) {
			e.service.TaskDefinition, e.service.DesiredCount, e.service.RunningCount = aws.String(oldTemplate), 0, 0
			e.template.Memory = aws.String("1024")
		}, release, Difference{Changes: []report.Change{change("image", "", digestNew), change("commit", "", "2222222"), change("tasks", "0", "2")}}},
		"a container that went by another name": {func(e *environment) {
			e.onOlderTemplate()
			for _, d := range []*types.TaskDefinition{e.older, e.running} {
				d.ContainerDefinitions[1].Name = aws.String("web")
				d.ContainerDefinitions[1].LogConfiguration = nil
			}
			e.template.ContainerDefinitions[1].LogConfiguration = nil
		}, release, Difference{
			Changes:  []report.Change{image, commit},
			Arriving: []string{"blog-dev-web: template blog-dev-web-template:7 is newer than blog-dev-web-template:6, of which blog-dev-web:40 was made; no setting differs between them"},
		}},
		"an image from another repository is named in full": {func(e *environment) {}, Release{Image: "elsewhere/blog@" + digestOld}, Difference{
			Changes: []report.Change{change("image", repositoryURL+"@"+digestOld, "elsewhere/blog@"+digestOld)},
		}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			e := inService1()
			test.edit(e)
			got, err := differ(e.ecs(), one()).Diff(t.Context(), test.release)
			if err != nil {
				t.Fatal(err)
			}
			if err := got.Owned(false); err != nil {
				t.Errorf("it is not ours: %+v", err)
			}
			got.foreign = nil
			same(t, "changes", test.want.Changes, got.Changes)
			same(t, "what arrives", test.want.Arriving, got.Arriving)
			same(t, "unchanged", test.want.Unchanged, got.Unchanged)
		})
	}
}

func TestDiffOfManyServices(t *testing.T) {
	c := many(23)
	fake := &fakeECS{services: [][]types.Service{active(c.Services...)}, definitions: definitions(webTemplate)}
	for i := range fake.services[0] {
		fake.services[0][i].TaskDefinition = aws.String(webTemplate)
	}
	got, err := differ(fake, c).Diff(t.Context(), Release{Image: newImage})
	if err != nil {
		t.Fatal(err)
	}
	if len(fake.described) != 3 {
		t.Errorf("%d calls of DescribeServices, want 3", len(fake.described))
	}
	var order []string
	for i, change := range got.Changes {
		if i == 0 || change.Service != got.Changes[i-1].Service {
			order = append(order, change.Service)
		}
	}
	var want []string
	for _, service := range c.Services {
		want = append(want, service.Service)
	}
	same(t, "services in the contract's order", want, order)
}

func TestDiffNamesWhatItCouldNotRead(t *testing.T) {
	tests := map[string]struct {
		edit func(*fakeECS)
		want string
	}{
		"the services":    {func(f *fakeECS) { f.fails = map[string]error{"DescribeServices": errRefused} }, "describe services of cluster blog-dev: AccessDeniedException: not you"},
		"a service":       {func(f *fakeECS) { f.services = nil }, "compare with what service blog-dev-web runs: there is none in cluster blog-dev"},
		"the template":    {func(f *fakeECS) { delete(f.definitions, webTemplate) }, "read template blog-dev-web-template:7: "},
		"the running one": {func(f *fakeECS) { delete(f.definitions, webOld) }, "read blog-dev-web:40, which service blog-dev-web runs: "},
		"the container in it": {func(f *fakeECS) {
			f.definitions[webTemplate] = types.TaskDefinition{TaskDefinitionArn: aws.String(webTemplate)}
		}, `clone template blog-dev-web-template:7: it has no container "app"`},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			fake := inService1().ecs()
			test.edit(fake)
			_, err := differ(fake, one()).Diff(t.Context(), Release{Image: newImage})
			if err == nil || !strings.HasPrefix(err.Error(), test.want) {
				t.Errorf("error %v, want %q", err, test.want)
			}
		})
	}
}

func TestSameImage(t *testing.T) {
	tests := map[string]struct {
		a, b string
		want bool
	}{
		"one digest":                         {"r/i@sha256:1", "r/i@sha256:1", true},
		"a tag beside the digest":            {"r/i:v1@sha256:1", "r/i@sha256:1", true},
		"two digests":                        {"r/i:v1@sha256:1", "r/i:v1@sha256:2", false},
		"one digest in two repositories":     {"r/i@sha256:1", "r/j@sha256:1", false},
		"a port is no tag":                   {"localhost:5000/i@sha256:1", "localhost:5000/i:x@sha256:1", true},
		"a tag may point elsewhere tomorrow": {"r/i:v1", "r/i@sha256:1", false},
		"a tag is itself":                    {"r/i:v1", "r/i:v1", true},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			if got := sameImage(test.a, test.b); got != test.want {
				t.Errorf("%v", got)
			}
		})
	}
}

func TestCommitsBetween(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("there is no git here")
	}
	source := t.TempDir()
	git := func(args ...string) string {
		t.Helper()
		command := exec.Command("git", append([]string{"-C", source, "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"}, args...)...)
		command.Env = append(os.Environ(), "GIT_CONFIG_GLOBAL="+os.DevNull, "GIT_CONFIG_SYSTEM="+os.DevNull)
		output, err := command.CombinedOutput()
		if err != nil {
			t.Fatalf("git %q: %v: %s", args, err, output)
		}
		return strings.TrimSpace(string(output))
	}
	git("init", "--quiet")
	commit := func(message string) string {
		git("commit", "--quiet", "--allow-empty", "--message", message)
		return git("rev-parse", "HEAD")
	}
	first, second, third := commit("1"), commit("2"), commit("3")
	git("checkout", "--quiet", "-b", "side", second)
	side := commit("side")
	shallow := filepath.Join(t.TempDir(), "shallow")
	git("clone", "--quiet", "--depth", "1", "--branch", "side", "file://"+source, shallow)

	tests := map[string]struct{ source, from, to, want string }{
		"later":                        {source, first, third, "2 commits later"},
		"one later, by a short hash":   {source, first[:7], second, "1 commit later"},
		"back":                         {source, third, first, "2 commits back"},
		"the same":                     {source, first, first, "the same commit"},
		"of a tree with changes":       {source, first, second + "-dirty-0123456789ab", "1 commit later"},
		"on another branch":            {source, third, side, "on another branch: 1 commit that the old lacks, 1 commit that the new lacks"},
		"a commit that git lacks":      {source, strings.Repeat("a", 40), first, ""},
		"an id that is no commit":      {source, "v1.2", first, ""},
		"an option is no commit":       {source, "--output=x", first, ""},
		"a history that is cut off":    {shallow, side, side, ""},
		"no checkout":                  {t.TempDir(), first, second, ""},
		"a directory that isn't there": {filepath.Join(source, "gone"), first, second, ""},
		"no source":                    {"", first, second, ""},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			if got := commitsBetween(t.Context(), test.source, test.from, test.to); got != test.want {
				t.Errorf("%q, want %q", got, test.want)
			}
		})
	}
}
