package service

import (
	"errors"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-ci/slipway/pipeline/report"
)

func TestOwned(t *testing.T) {
	failure := func(evidence ...string) *report.Failure {
		return &report.Failure{
			Reason: "blog-dev-web runs blog-dev-web:40, and Slipway did not make it so", Evidence: evidence,
			Effect: "nothing was registered and no service was touched",
			Next:   "put what should stay into the template (Terraform) and apply; then deploy with --adopt, which replaces what runs",
		}
	}
	const by = "; registered by arn:aws:iam::111111111111:user/mallory at 2026-03-01 12:00 UTC"
	hotfix := func(d *types.TaskDefinition) {
		d.ContainerDefinitions[1].Environment = []types.KeyValuePair{{Name: aws.String("HOTFIX"), Value: aws.String("1")}}
	}
	tests := map[string]struct {
		edit func(*environment)
		want *report.Failure
	}{
		"what Slipway made": {func(*environment) {}, nil},
		"what Slipway made of an older template that is deregistered": {func(e *environment) {
			e.onOlderTemplate()
			e.older.Status = types.TaskDefinitionStatusInactive
			hotfix(e.older)
			hotfix(e.running)
		}, nil},
		"what Slipway made of a template that was deleted": {func(e *environment) {
			e.retag(TagTemplate, "blog-dev-web-template:2")
			hotfix(e.running)
		}, nil},
		"a tag that somebody's tool added": {func(e *environment) { e.tags = append(e.tags, tag("cost-centre", "42")) }, nil},
		"a revision without our tags": {func(e *environment) {
			e.tags = []types.Tag{tag("cost-centre", "42")}
			e.running.Cpu = aws.String("512")
		}, failure("blog-dev-web:40: Slipway did not register it"+by, "  cpu: 512; the template has 256")},
		"our tags on what the console made of our revision": {func(e *environment) {
			hotfix(e.running)
			e.running.Memory = nil
		}, failure(
			"blog-dev-web:40: it differs from its template blog-dev-web-template:7 in more than the image"+by,
			"  environment HOTFIX: 1, which the template does not have", "  memory: not there; the template has 512",
		)},
		"what differs is found against its own template, not the current one": {func(e *environment) {
			e.onOlderTemplate()
			hotfix(e.running)
			hotfix(e.template)
		}, failure(
			"blog-dev-web:40: it differs from its template blog-dev-web-template:6 in more than the image"+by,
			"  environment HOTFIX: 1, which the template does not have",
		)},
		"our tags on another image": {func(e *environment) { e.running.ContainerDefinitions[1].Image = aws.String("nginx:1") }, failure(
			"blog-dev-web:40: its image is not the one that its tags name"+by, "  image: nginx:1; its tags name sha256:0ld",
		)},
		"our tags on another image, and the template is gone": {func(e *environment) {
			e.retag(TagTemplate, "blog-dev-web-template:2")
			e.running.ContainerDefinitions[1].Image = aws.String(repositoryURL + ":v1")
		}, failure(
			"blog-dev-web:40: its image is not the one that its tags name"+by, "  image: "+repositoryURL+":v1; its tags name sha256:0ld",
		)},
		"a template's image that runs tasks is no untouched template": {func(e *environment) {
			e.tags, e.running.ContainerDefinitions[1].Image = nil, e.template.ContainerDefinitions[1].Image
		}, failure("blog-dev-web:40: Slipway did not register it" + by)},
		"nobody knows who": {func(e *environment) {
			e.tags, e.running.RegisteredAt, e.running.RegisteredBy = nil, nil, nil
		}, failure("blog-dev-web:40: Slipway did not register it")},
		"the template itself": {func(e *environment) { e.service.TaskDefinition = aws.String(webTemplate) }, nil},
		"an older template that never ran": {func(e *environment) {
			e.service.TaskDefinition, e.service.RunningCount = aws.String(oldTemplate), 0
			hotfix(e.older)
		}, nil},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			e := inService1()
			test.edit(e)
			got, err := differ(e.ecs(), one()).Diff(t.Context(), Release{Image: newImage})
			if err != nil {
				t.Fatal(err)
			}
			failure, _ := errors.AsType[*report.Failure](got.Owned(false))
			if diff := cmp.Diff(test.want, failure, cmpopts.IgnoreUnexported(report.Failure{})); diff != "" {
				t.Errorf("failure (-want +got):\n%s", diff)
			}
			if err := got.Owned(true); err != nil {
				t.Errorf("adopted, and still refused: %v", err)
			}
		})
	}
}

func TestOwnedReturnsErrorsOfReadingTheTemplate(t *testing.T) {
	e := inService1()
	e.onOlderTemplate()
	fake := e.ecs()
	fake.fails = map[string]error{"DescribeTaskDefinition " + oldTemplate: errRefused}
	_, err := differ(fake, one()).Diff(t.Context(), Release{Image: newImage})
	if want := "read template blog-dev-web-template:6, of which blog-dev-web:40 was made: AccessDeniedException: not you"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
}

func TestAnImageThatIsNotOursIsNotUnchanged(t *testing.T) {
	e := inService1()
	e.retag(TagDigest, "sha256:another")
	got, err := differ(e.ecs(), one()).Diff(t.Context(), Release{Image: repositoryURL + "@" + digestOld})
	if err != nil {
		t.Fatal(err)
	}
	if got.Unchanged {
		t.Error("unchanged, although somebody else put that image there")
	}
	same(t, "sentences", []string{
		"blog-dev-web:40: its image is not the one that its tags name; registered by arn:aws:iam::111111111111:user/mallory at 2026-03-01 12:00 UTC",
		"  image: " + repositoryURL + "@" + digestOld + "; its tags name sha256:another",
	}, got.Foreign())
}
