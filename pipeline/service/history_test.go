package service

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/contract"
)

// registry stands for the task definitions of ECS, with pages of four. Its time is a second for each registration.
type registry struct {
	mutex       sync.Mutex
	definitions []revision
	services    []types.Service
	fails       map[string]error
	read        int
}

var registryStart = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// add registers a revision of a family; without a commit it is a template.
func (r *registry) add(after time.Duration, family, commit, run, outcome string) {
	number := 1
	for _, d := range r.definitions {
		if aws.ToString(d.Family) == family {
			number++
		}
	}
	var tags []types.Tag
	image := "r/i:template"
	if commit != "" {
		image = "r/i@sha256:" + commit
		tags = releaseTags(nil, web, Release{Image: image, Commit: commit, Run: run})
	}
	if outcome != "" {
		tags = append(tags, tag(TagOutcome, outcome))
	}
	r.definitions = append(r.definitions, revision{&types.TaskDefinition{
		TaskDefinitionArn: aws.String(arnPrefix + "task-definition/" + family + ":" + strconv.Itoa(number)), Family: &family,
		ContainerDefinitions: []types.ContainerDefinition{{Name: aws.String("app"), Image: &image}},
		RegisteredAt:         aws.Time(registryStart.Add(after)), RegisteredBy: aws.String("arn:role"),
	}, tags})
}

func (r *registry) ListTaskDefinitions(_ context.Context, input *ecs.ListTaskDefinitionsInput, _ ...func(*ecs.Options)) (*ecs.ListTaskDefinitionsOutput, error) {
	if err := r.fails["ListTaskDefinitions"]; err != nil {
		return nil, err
	}
	if input.Sort != types.SortOrderDesc || input.Status != types.TaskDefinitionStatusActive {
		return nil, fmt.Errorf("asked for %s %s", input.Sort, input.Status)
	}
	var arns []string
	for _, d := range r.definitions {
		if strings.HasPrefix(aws.ToString(d.Family), aws.ToString(input.FamilyPrefix)) { // as the emulator does
			arns = append(arns, aws.ToString(d.TaskDefinitionArn))
		}
	}
	slices.Reverse(arns)
	from, _ := strconv.Atoi(aws.ToString(input.NextToken))
	output := &ecs.ListTaskDefinitionsOutput{TaskDefinitionArns: arns[from:min(from+4, len(arns))]}
	if from+4 < len(arns) {
		output.NextToken = aws.String(strconv.Itoa(from + 4))
	}
	return output, nil
}

func (r *registry) DescribeTaskDefinition(_ context.Context, input *ecs.DescribeTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.read++
	if err := r.fails[aws.ToString(input.TaskDefinition)]; err != nil {
		return nil, err
	}
	for _, d := range r.definitions {
		if aws.ToString(d.TaskDefinitionArn) == aws.ToString(input.TaskDefinition) {
			return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: d.TaskDefinition, Tags: d.Tags}, nil
		}
	}
	return nil, &types.ClientException{Message: aws.String("Unable to describe task definition.")}
}

func (r *registry) DescribeServices(context.Context, *ecs.DescribeServicesInput, ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	return &ecs.DescribeServicesOutput{Services: r.services}, r.fails["DescribeServices"]
}

// historical is a contract with two services.
func historical() contract.Contract {
	c := one()
	c.Services = []contract.Service{
		{Name: "web", Service: "blog-dev-web", Template: arnPrefix + "task-definition/blog-dev-web:1", Container: "app"},
		{Name: "worker", Service: "blog-dev-worker", Template: arnPrefix + "task-definition/blog-dev-worker:1", Container: "app"},
	}
	return c
}

func TestLast(t *testing.T) {
	c := historical()
	r := &registry{services: []types.Service{
		{ServiceName: aws.String("blog-dev-web"), TaskDefinition: aws.String(arnPrefix + "task-definition/blog-dev-web:2")},
	}}
	second := func(n int) time.Duration { return time.Duration(n) * time.Second }
	r.add(0, "blog-dev-web", "", "", "")
	r.add(0, "blog-dev-worker", "", "", "")
	r.add(0, "blog-dev-web-old", "0", "other", "complete") // another family that begins alike
	r.add(second(100), "blog-dev-web", "1", "a", "complete")
	r.add(second(101), "blog-dev-worker", "1", "a", "complete")
	r.add(second(200), "blog-dev-web", "2", "b", "rolled-back")
	r.add(second(201), "blog-dev-worker", "2", "b", "") // marking was interrupted
	r.add(second(300), "blog-dev-web", "", "", "")      // infrastructure came by
	for n := range 5 {
		r.add(second(2000+n), "blog-dev-web", "", "", "")
	}
	r.add(second(5000), "blog-dev-web", "1", "a", "failed") // the same once more: a release of its own
	r.add(second(5002), "blog-dev-worker", "1", "a", "failed")
	r.add(second(9000), "blog-dev-web", "3", "c", "") // its second registration failed

	releases, err := (&Historian{ecs: r, contract: c}).Last(t.Context(), 10)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, release := range releases {
		got = append(got, fmt.Sprint(release.Commit, " ", release.Digest(), " by ", release.Run, " at ", release.Registered.Sub(registryStart),
			" ", release.Outcome, " ", release.Names(c), " serving ", release.Serving))
	}
	same(t, "releases", []string{
		"3 sha256:3 by c at 2h30m0s unfinished [blog-dev-web:11] serving false",
		"1 sha256:1 by a at 1h23m20s failed [blog-dev-web:10 blog-dev-worker:4] serving false",
		"2 sha256:2 by b at 3m20s unfinished [blog-dev-web:3 blog-dev-worker:3] serving false",
		"1 sha256:1 by a at 1m40s complete [blog-dev-web:2 blog-dev-worker:2] serving true",
	}, got)

	releases, err = (&Historian{ecs: r, contract: c}).Last(t.Context(), 2)
	if err != nil || len(releases) != 2 || releases[0].Commit != "3" || releases[1].Commit != "1" {
		t.Errorf("the last two: %v, %v", releases, err)
	}
}

func TestLastReadsNoMoreThanItNeeds(t *testing.T) {
	r := &registry{}
	for n := range 1000 {
		r.add(time.Duration(n)*time.Minute, "blog-dev-web", strconv.Itoa(n), "", "complete")
	}
	c := historical()
	c.Services = c.Services[:1]
	releases, err := (&Historian{ecs: r, contract: c}).Last(t.Context(), 3)
	if err != nil || len(releases) != 3 {
		t.Fatalf("%d releases, %v", len(releases), err)
	}
	if r.read > 10 {
		t.Errorf("read %d revisions for 3 releases", r.read)
	}
}

func TestLastNamesWhatItCouldNotRead(t *testing.T) {
	tests := map[string]struct {
		call string
		err  error
		want string
	}{
		"the services":  {"DescribeServices", errRefused, "describe services of cluster blog-dev: AccessDeniedException: not you"},
		"the list":      {"ListTaskDefinitions", errRefused, "list task definitions of family blog-dev-web: AccessDeniedException: not you"},
		"a revision":    {arnPrefix + "task-definition/blog-dev-web:1", errRefused, "read blog-dev-web:1: AccessDeniedException: not you"},
		"one just gone": {arnPrefix + "task-definition/blog-dev-web:1", &types.ClientException{Message: aws.String("Unable to describe task definition.")}, ""},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			r := &registry{fails: map[string]error{test.call: test.err}}
			r.add(0, "blog-dev-web", "1", "", "")
			c := historical()
			c.Services = c.Services[:1]
			releases, err := (&Historian{ecs: r, contract: c}).Last(t.Context(), 3)
			if test.want == "" && err != nil || test.want != "" && (err == nil || err.Error() != test.want) || len(releases) > 0 {
				t.Errorf("%d releases, error %v, want %q", len(releases), err, test.want)
			}
		})
	}
}

// tagger records TagResource.
type tagger struct {
	mutex sync.Mutex
	fails map[string]error
	tags  map[string]string
}

func (g *tagger) TagResource(_ context.Context, input *ecs.TagResourceInput, _ ...func(*ecs.Options)) (*ecs.TagResourceOutput, error) {
	g.mutex.Lock()
	defer g.mutex.Unlock()
	arn := aws.ToString(input.ResourceArn)
	if err := g.fails[arn]; err != nil {
		return nil, err
	}
	for _, t := range input.Tags {
		g.tags[arn] += aws.ToString(t.Key) + "=" + aws.ToString(t.Value)
	}
	return &ecs.TagResourceOutput{}, nil
}

func TestMark(t *testing.T) {
	release := Release{Revisions: map[string]string{"web": webNew, "worker": webOld}}
	g := &tagger{tags: map[string]string{}}
	if err := (&Marker{ecs: g}).Mark(t.Context(), release, OutcomeRolledBack); err != nil {
		t.Fatal(err)
	}
	same(t, "tags", map[string]string{webNew: "slipway:outcome=rolled-back", webOld: "slipway:outcome=rolled-back"}, g.tags)

	g = &tagger{tags: map[string]string{}, fails: map[string]error{webOld: errRefused}}
	err := (&Marker{ecs: g}).Mark(t.Context(), release, OutcomeComplete)
	if want := "mark blog-dev-web:40 as complete: AccessDeniedException: not you"; err == nil || err.Error() != want {
		t.Errorf("error %v, want %q", err, want)
	}
	same(t, "tags of those that could be marked", map[string]string{webNew: "slipway:outcome=complete"}, g.tags)
}
