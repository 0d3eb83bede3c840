package service

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// Differ compares a release with what the services of a contract run. It only reads.
type Differ struct {
	ecs      describeAPI
	contract contract.Contract
	// between says how one commit stands to another, "3 commits later"; empty where nobody knows.
	between func(ctx context.Context, from, to string) string
}

// NewDiffer returns a Differ for the environment that the contract describes. source is a git checkout of the application,
// from which the number of commits between two releases is known; without one it is left out.
func NewDiffer(cfg aws.Config, c contract.Contract, source string) *Differ {
	return &Differ{
		ecs:      ecs.NewFromConfig(cfg),
		contract: c,
		between: func(ctx context.Context, from, to string) string {
			return commitsBetween(ctx, source, from, to)
		},
	}
}

// Difference is what a release would change in an environment.
type Difference struct {
	// Changes are those of every service, in the contract's order.
	Changes []report.Change
	// Arriving has a line for each service whose running revision was made of another template than the contract's: what
	// infrastructure changed since then arrives with this deployment.
	Arriving []string
	// Unchanged says that every service runs this very image with the current template, its deployment is complete, and
	// it has tasks. Registering and updating would only restart them.
	Unchanged bool

	foreign []foreign
}

// Diff compares the release, which need not be registered, with what runs. What it returns is made of one look at ECS.
func (d *Differ) Diff(ctx context.Context, release Release) (Difference, error) {
	services, err := describe(ctx, d.ecs, d.contract)
	if err != nil {
		return Difference{}, err
	}
	parts := make([]part, len(d.contract.Services))
	err = each(len(parts), func(i int) error {
		entry := d.contract.Services[i]
		service, found := services[entry.Service]
		if !found {
			return fmt.Errorf("compare with what service %s runs: there is none in cluster %s", entry.Service, d.contract.Cluster)
		}
		var err error
		parts[i], err = d.compare(ctx, entry, service, release)
		return err
	})
	if err != nil {
		return Difference{}, err
	}
	all := Difference{Unchanged: true}
	notes := map[string]string{} // the same commits for every service, as a rule
	for _, p := range parts {
		for _, change := range p.changes {
			if change.Field == fieldCommit && change.Old != "" {
				key := change.Old + " " + change.New
				if _, asked := notes[key]; !asked {
					notes[key] = d.between(ctx, change.Old, change.New)
				}
				change.Note = notes[key]
			}
			all.Changes = append(all.Changes, change)
		}
		if p.arriving != "" {
			all.Arriving = append(all.Arriving, p.arriving)
		}
		if p.foreign != nil {
			all.foreign = append(all.foreign, *p.foreign)
		}
		all.Unchanged = all.Unchanged && p.unchanged
	}
	return all, nil
}

// Names of the changes that a release brings by itself. All others come from infrastructure.
const (
	fieldImage  = "image"
	fieldCommit = "commit"
	fieldTasks  = "tasks"
)

// part is one service's part of a Difference.
type part struct {
	changes   []report.Change
	arriving  string
	foreign   *foreign
	unchanged bool
}

func (d *Differ) compare(ctx context.Context, entry contract.Service, service types.Service, release Release) (part, error) {
	template, err := describeDefinition(ctx, d.ecs, entry.Template)
	if err != nil {
		return part{}, fmt.Errorf("read template %s: %w", revisionName(entry.Template), err)
	}
	running := template
	if arn := aws.ToString(service.TaskDefinition); arn != entry.Template {
		if running, err = describeDefinition(ctx, d.ecs, arn); err != nil {
			return part{}, fmt.Errorf("read %s, which service %s runs: %w", revisionName(arn), entry.Service, err)
		}
	}
	next, err := clone(template.TaskDefinition, template.Tags, entry, release)
	if err != nil {
		return part{}, err
	}
	before := running.inService(service, entry, imageOf(template.ContainerDefinitions, entry.Container))
	var p part
	if before.untouched {
		// Nothing has been in service yet, so nothing of the template is a change; not even if it is an older one.
		p.changes = release.changes(entry.Service, "", "")
	} else {
		p.changes = release.changes(entry.Service, before.image, running.tag(TagCommit))
		p.changes = append(p.changes, compare(entry.Service, settings(running.TaskDefinition, before.container), settings(next, entry.Container))...)
	}
	if service.DesiredCount == 0 {
		p.changes = append(p.changes, report.Change{
			Service: entry.Service, Field: fieldTasks, Old: "0", New: strconv.Itoa(max(1, entry.DesiredCount)),
		})
	}
	if before.untouched {
		return p, nil
	}
	if p.foreign, err = d.owned(ctx, entry, running, template, before); err != nil {
		return part{}, err
	}
	madeOf := running.tag(TagTemplate)
	current := madeOf == revisionName(entry.Template)
	if madeOf != "" && !current {
		p.arriving = arriving(entry, running, p.changes)
	}
	following := primary(service)
	p.unchanged = current && len(p.changes) == 0 && p.foreign == nil &&
		following.RolloutState == types.DeploymentRolloutStateCompleted && following.RunningCount > 0
	return p, nil
}

// arriving says which settings come from a newer template.
func arriving(entry contract.Service, running revision, changes []report.Change) string {
	var fields []string
	for _, change := range changes {
		if !slices.Contains([]string{fieldImage, fieldCommit, fieldTasks}, change.Field) {
			fields = append(fields, change.Field)
		}
	}
	madeOf, now := running.tag(TagTemplate), revisionName(entry.Template)
	line := fmt.Sprintf("%s: template %s is newer than %s, of which %s was made; ", entry.Service, now, madeOf, running.name())
	if revisionNumber(now) < revisionNumber(madeOf) {
		line = fmt.Sprintf("%s: template %s is older than %s, of which %s was made; ", entry.Service, now, madeOf, running.name())
	}
	if len(fields) == 0 {
		return line + "no setting differs between them"
	}
	return line + "what differs arrives with this deployment: " + strings.Join(fields, ", ")
}

// changes are the image and the commit, against those that run.
func (r Release) changes(service, image, commit string) []report.Change {
	if sameImage(image, r.Image) {
		return nil
	}
	before, after := image, r.Image
	if repository(before) == repository(after) && before != "" || before == "" {
		before, after = short(before), short(after)
	}
	changes := []report.Change{{Service: service, Field: fieldImage, Old: before, New: after}}
	if r.Commit != "" && r.Commit != commit {
		changes = append(changes, report.Change{Service: service, Field: fieldCommit, Old: commit, New: r.Commit})
	}
	return changes
}

// short is the digest of an image that is named by one, without the repository.
func short(image string) string {
	if _, digest, found := strings.Cut(image, "@"); found {
		return digest
	}
	return image
}

// sameImage says that two references name one image: by the digest, where both have one, whatever tag stands beside it.
func sameImage(a, b string) bool {
	_, first, _ := strings.Cut(a, "@")
	_, second, _ := strings.Cut(b, "@")
	if first != "" && second != "" {
		return first == second && repository(a) == repository(b)
	}
	return a == b
}

// repository is an image's reference without tag and digest.
func repository(image string) string {
	image, _, _ = strings.Cut(image, "@")
	if colon := strings.LastIndexByte(image, ':'); colon > strings.LastIndexByte(image, '/') {
		image = image[:colon]
	}
	return image
}

// revision is a task definition with its tags.
type revision struct {
	*types.TaskDefinition
	Tags []types.Tag
}

func (r revision) tag(key string) string { return tagValue(r.Tags, key) }

func (r revision) name() string { return revisionName(aws.ToString(r.TaskDefinitionArn)) }

// inService is how a service uses the revision that it points at.
type inService struct {
	container, image string
	// untouched says that infrastructure registered the revision and no release was made of it.
	untouched bool
}

// inService finds the application's container, which an older template may call by another name, and tells a template from
// a release. A template has no tag of ours and the image that templates have, which does not exist.
func (r revision) inService(service types.Service, entry contract.Service, templateImage string) inService {
	container := entry.Container
	if !slices.ContainsFunc(r.ContainerDefinitions, named(container)) {
		digest := r.tag(TagDigest)
		for _, c := range r.ContainerDefinitions {
			if digest != "" && strings.HasSuffix(aws.ToString(c.Image), "@"+digest) {
				container = aws.ToString(c.Name)
			}
		}
	}
	image := imageOf(r.ContainerDefinitions, container)
	untouched := aws.ToString(r.TaskDefinitionArn) == entry.Template ||
		!registeredBySlipway(r.Tags) && image != "" && image == templateImage && service.RunningCount == 0
	return inService{container: container, image: image, untouched: untouched}
}

func imageOf(containers []types.ContainerDefinition, container string) string {
	if i := slices.IndexFunc(containers, named(container)); i >= 0 {
		return aws.ToString(containers[i].Image)
	}
	return ""
}

// revisionNumber is the number at the end of a revision's name; 0 where there is none.
func revisionNumber(name string) int {
	number, err := strconv.Atoi(name[strings.LastIndexByte(name, ':')+1:])
	if err != nil {
		return 0
	}
	return number
}

func describeDefinition(ctx context.Context, client describeAPI, arn string) (revision, error) {
	output, err := client.DescribeTaskDefinition(ctx, &ecs.DescribeTaskDefinitionInput{
		TaskDefinition: &arn, Include: []types.TaskDefinitionField{types.TaskDefinitionFieldTags},
	})
	if err != nil {
		return revision{}, err
	}
	return revision{output.TaskDefinition, output.Tags}, nil
}

// readsAtOnce is how many calls each makes at the same time. The buckets of ECS's read calls refill with 20 a second:
// https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
const readsAtOnce = 5

// each calls f for every index, a few at a time, and returns all errors.
func each(n int, f func(i int) error) error {
	errs := make([]error, n)
	turn := make(chan struct{}, readsAtOnce)
	var group sync.WaitGroup
	for i := range n {
		turn <- struct{}{}
		group.Go(func() {
			defer func() { <-turn }()
			errs[i] = f(i)
		})
	}
	group.Wait()
	return errors.Join(errs...)
}

// commitID is a release id that names a commit: its hash, and a mark behind it where the tree differed from that.
var commitID = regexp.MustCompile(`^([0-9a-f]{7,64})(-dirty-[0-9a-f]+)?$`)

// commitsBetween says how the commit of one release stands to another's, as the git checkout in source knows it: "3 commits
// later". It is empty where git does not know: no git, no checkout, a commit that isn't there, a history that was cut off.
func commitsBetween(ctx context.Context, source, from, to string) string {
	first, second := commitID.FindStringSubmatch(from), commitID.FindStringSubmatch(to)
	if source == "" || first == nil || second == nil {
		return ""
	}
	git := func(arguments ...string) string {
		output, err := exec.CommandContext(ctx, "git", append([]string{"-C", source}, arguments...)...).Output()
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(output))
	}
	// In a shallow clone commits of merged branches may be missing, and would not be counted.
	if git("rev-parse", "--is-shallow-repository") != "false" {
		return ""
	}
	var behind, ahead int
	if _, err := fmt.Sscan(git("rev-list", "--left-right", "--count", first[1]+"..."+second[1]), &behind, &ahead); err != nil {
		return ""
	}
	switch {
	case behind == 0 && ahead == 0:
		return "the same commit"
	case behind == 0:
		return commits(ahead) + " later"
	case ahead == 0:
		return commits(behind) + " back"
	}
	return fmt.Sprintf("on another branch: %s that the old lacks, %s that the new lacks", commits(ahead), commits(behind))
}

func commits(n int) string {
	if n == 1 {
		return "1 commit"
	}
	return fmt.Sprintf("%d commits", n)
}
