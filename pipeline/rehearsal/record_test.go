//go:build rehearsal

package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/slipway-ci/slipway/pipeline/backend"
)

// ownCalls marks the calls that the tests themselves make, in the user agent.
const ownCalls = "rehearsal"

// call is one call that AWS received.
type call struct {
	// by is "terraform" or "slipway".
	by   string
	name string
	// object is the key of the object that a call to S3 is about.
	object string
}

// record is the emulator's record of calls, which is what proves that something was or was not done: not our own log.
type record struct {
	client *cloudtrail.Client

	mutex sync.Mutex
	known map[string]bool
	calls []call
}

func newRecord(cfg aws.Config) *record {
	return &record{client: cloudtrail.NewFromConfig(cfg), known: map[string]bool{}}
}

// mark is a position in the record.
type mark int

// now returns the record's end.
func (r *record) now(t testing.TB) mark {
	t.Helper()
	return mark(len(r.read(t)))
}

// since returns the calls after the mark.
func (r *record) since(t testing.TB, m mark) []call {
	t.Helper()
	return r.read(t)[m:]
}

func (r *record) read(t testing.TB) []call {
	t.Helper()
	r.mutex.Lock()
	defer r.mutex.Unlock()
	if err := r.fetch(t.Context()); err != nil {
		t.Fatalf("read the emulator's record: %v", err)
	}
	return slices.Clone(r.calls)
}

// fetch appends the events that are new. LookupEvents gives the newest fifty and, at the emulator, no token for the next:
// the pages are made with the end of the time range. Times are cut to milliseconds on their way, so pages overlap.
func (r *record) fetch(ctx context.Context) error {
	var fresh []types.Event // newest first
	seen := map[string]bool{}
	input := &cloudtrail.LookupEventsInput{MaxResults: aws.Int32(50)}
	for more := true; more; {
		output, err := r.client.LookupEvents(ctx, input)
		if err != nil {
			return err
		}
		more = false
		for _, event := range output.Events {
			id := aws.ToString(event.EventId)
			if r.known[id] || seen[id] {
				continue
			}
			seen[id] = true
			fresh = append(fresh, event)
			more = true
			input.EndTime = aws.Time(event.EventTime.Add(time.Millisecond))
		}
	}
	for _, event := range slices.Backward(fresh) {
		r.known[aws.ToString(event.EventId)] = true
		parsed, own, err := parseEvent(event)
		if err != nil {
			return err
		}
		if !own {
			r.calls = append(r.calls, parsed)
		}
	}
	return nil
}

func parseEvent(event types.Event) (_ call, own bool, _ error) {
	var detail struct {
		UserAgent  string         `json:"userAgent"`
		Parameters map[string]any `json:"requestParameters"`
	}
	if err := json.Unmarshal([]byte(aws.ToString(event.CloudTrailEvent)), &detail); err != nil {
		return call{}, false, fmt.Errorf("event %s: %w", aws.ToString(event.EventId), err)
	}
	c := call{by: "slipway", name: aws.ToString(event.EventName)}
	if strings.Contains(detail.UserAgent, "Terraform/") {
		c.by = "terraform"
	}
	// EC2, RDS, IAM and others put the name of the call in the form that they post.
	if action, ok := detail.Parameters["Action"].(string); ok && strings.HasPrefix(c.name, "POST.") {
		c.name = action
	}
	for _, resource := range event.Resources {
		if aws.ToString(resource.ResourceType) == "AWS::S3::Object" {
			c.object = aws.ToString(resource.ResourceName)
		}
	}
	return c, strings.Contains(detail.UserAgent, "app/"+ownCalls), nil
}

// changes says whether a call changes anything. The lock on the state and the lease on the environment come and
// go with every plan.
func (c call) changes() bool {
	for _, prefix := range []string{"Get", "List", "Describe", "Head", "Lookup", "Batch"} {
		if strings.HasPrefix(c.name, prefix) {
			return false
		}
	}
	return !strings.HasSuffix(c.object, ".tflock") && !strings.HasSuffix(c.object, ".tfstate.lease")
}

func (c call) String() string {
	return strings.TrimSpace(fmt.Sprintf("%s: %s %s", c.by, c.name, c.object))
}

// count is how many of the calls are by this program and have one of the names.
func count(calls []call, by string, names ...string) int {
	n := 0
	for _, c := range calls {
		if c.by == by && slices.Contains(names, c.name) {
			n++
		}
	}
	return n
}

// changing returns the calls that change something.
func changing(calls []call) []string {
	var names []string
	for _, c := range calls {
		if c.changes() {
			names = append(names, c.String())
		}
	}
	return names
}

// standing is all of the environment that a deployment changes.
type standing struct {
	// Running is the revision that the service runs; Deployments are its deployments, with their revisions.
	Running     string
	Desired     int32
	Deployments []string
	// Revisions are all task definitions of the account, Images all images of the repository with their tags.
	Revisions []string
	Images    []string
	// State names the version of the Terraform state.
	State string
}

// look returns how the environment stands.
func (r *rig) look(t testing.TB) standing {
	t.Helper()
	ctx := t.Context()
	var s standing
	tasks := ecs.NewFromConfig(r.aws)
	prefix := name + "-" + environment
	services := must(tasks.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: aws.String(prefix), Services: []string{prefix + "-web"}}))(t)
	if len(services.Services) != 1 {
		t.Fatalf("there are %d services %s-web, not one", len(services.Services), prefix)
	}
	service := services.Services[0]
	s.Running, s.Desired = aws.ToString(service.TaskDefinition), service.DesiredCount
	for _, deployment := range service.Deployments {
		s.Deployments = append(s.Deployments, aws.ToString(deployment.Id)+" "+aws.ToString(deployment.TaskDefinition))
	}
	for pages := ecs.NewListTaskDefinitionsPaginator(tasks, &ecs.ListTaskDefinitionsInput{}); pages.HasMorePages(); {
		s.Revisions = append(s.Revisions, must(pages.NextPage(ctx))(t).TaskDefinitionArns...)
	}
	for pages := ecr.NewDescribeImagesPaginator(ecr.NewFromConfig(r.aws), &ecr.DescribeImagesInput{RepositoryName: aws.String(prefix)}); pages.HasMorePages(); {
		for _, image := range must(pages.NextPage(ctx))(t).ImageDetails {
			s.Images = append(s.Images, aws.ToString(image.ImageDigest)+" "+strings.Join(image.ImageTags, ","))
		}
	}
	state := must(backend.Client(r.aws, r.emulator.Endpoint()).HeadObject(ctx, &s3.HeadObjectInput{
		Bucket: aws.String(bucket), Key: aws.String(backend.Key(name, environment)),
	}))(t)
	s.State = aws.ToString(state.VersionId)
	slices.Sort(s.Deployments)
	slices.Sort(s.Revisions)
	slices.Sort(s.Images)
	return s
}
