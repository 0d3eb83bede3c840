//go:build rehearsal

package rehearsal

import (
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// callsOfADeployment are all calls that a deployment of a new image makes, as the tests below expect them: whoever adds one has
// to say what becomes of a deployment without it.
var callsOfADeployment = map[string]lasting{
	"sts:GetCallerIdentity": {step: "contract", says: "AWS refuses the credentials"},
	"ssm:GetParameter":      {step: "contract"},

	"ecr:DescribeImages":                                {step: "push"},
	"ecr:GetAuthorizationToken":                         {step: "push"},
	"registry:GET /v2/":                                 {step: "push"},
	"registry:HEAD /v2/blog-rehearsal/blobs/*":          {step: "push"},
	"registry:POST /v2/blog-rehearsal/blobs/uploads/":   {step: "push"},
	"registry:PATCH /v2/blog-rehearsal/blobs/uploads/*": {step: "push"},
	"registry:PUT /v2/blog-rehearsal/blobs/uploads/*":   {step: "push"},
	"registry:PUT /v2/blog-rehearsal/manifests/*":       {step: "push"},

	"registry:HEAD /v2/blog-rehearsal/manifests/*": {dispensable: true},
	"registry:GET /v2/blog-rehearsal/manifests/*":  {dispensable: true},
	"registry:GET /v2/blog-rehearsal/blobs/*":      {dispensable: true},
	"ecs:DescribeClusters":                         {dispensable: true},
	"iam:GetRole":                                  {dispensable: true},
	"iam:SimulatePrincipalPolicy":                  {dispensable: true},
	"ec2:DescribeSecurityGroups":                   {dispensable: true},
	"ec2:DescribeSubnets":                          {dispensable: true},
	"elasticloadbalancing:DescribeTargetGroups":    {dispensable: true},
	"logs:DescribeLogGroups":                       {dispensable: true},
	"secretsmanager:DescribeSecret":                {dispensable: true},
	"secretsmanager:GetResourcePolicy":             {dispensable: true},
	"secretsmanager:GetSecretValue":                {dispensable: true},

	"ecs:DescribeTaskDefinition": {step: "diff"},
	"ecs:DescribeServices":       {step: "diff"},

	"ssm:GetParametersByPath":    {step: "migrate", registers: true},
	"ssm:PutParameter":           {step: "migrate", registers: true},
	"ecs:RegisterTaskDefinition": {step: "migrate"},
	"ecs:RunTask":                {step: "migrate", registers: true},
	"ecs:DescribeTasks":          {step: "migrate", registers: true, says: "may go on"},
	"logs:GetLogEvents":          {dispensable: true},
	"ecs:UpdateService":          {step: "update", registers: true, says: "no service was updated"},
	"ecs:ListTasks":              {dispensable: true},
	"ecs:TagResource":            {dispensable: true},
}

// lasting is what becomes of a deployment that is refused a call for good.
type lasting struct {
	// step is the one that fails.
	step string
	// registers says that a revision is there by then; the history has to say that it failed.
	registers bool
	// says is in the output, beside the name of the call or what it is for.
	says string
	// dispensable is a call without which the deployment succeeds: what verify may not see is skipped, a log that can't be
	// read is a line.
	dispensable bool
}

// through runs a deployment through the proxy.
func (r *rig) through(t testing.TB, p *proxy, q quickRelease) ran {
	t.Helper()
	return must(r.slipwayWith(t.Context(), []string{"AWS_ENDPOINT_URL=" + p.endpoint, "SLIPWAY_ANSWER_WITHIN=2s"},
		"redeploy", "--archive", q.archive, "--commit", q.commit, "--source", r.dir))(t)
}

// deployedOnce fails the test unless this release, and nothing else, has come into service since, with one registration, one
// migration and one deployment.
func (r *rig) deployedOnce(t *testing.T, before standing, q quickRelease, ended ran) {
	t.Helper()
	if ended.status != 0 || ended.result.Outcome != report.Succeeded {
		t.Errorf("it ended with status %d:\n%s", ended.status, ended.output)
		return
	}
	if got := r.release(t); got != q.commit {
		t.Errorf("release %s is served, and %s was deployed", got, q.commit)
	}
	after := r.look(t)
	if n := len(after.Revisions) - len(before.Revisions); n != 1 {
		t.Errorf("%d revisions were registered, not one", n)
	}
	if n := len(after.Images) - len(before.Images); n != 1 {
		t.Errorf("the repository has %d new images, not one", n)
	}
	ours := slices.DeleteFunc(slices.Clone(after.Deployments), func(d string) bool { return !strings.HasSuffix(d, after.Running) })
	if len(ours) != 1 { // one that ECS gave up on earlier stays in the list
		t.Errorf("the service has the deployments %q, and runs %s", after.Deployments, after.Running)
	}
	want := map[string]int{"migration": 1, "service": int(before.Desired)}
	if diff := cmp.Diff(want, r.tasksOf(t, after.Running)); diff != "" {
		t.Errorf("tasks that were ever started of the new revision (-want +got):\n%s", diff)
	}
}

// tasksOf counts the tasks that were ever started of a revision, by whether the service started them or a migration.
func (r *rig) tasksOf(t testing.TB, revision string) map[string]int {
	t.Helper()
	counts := map[string]int{}
	for _, task := range r.tasks(t) {
		if aws.ToString(task.TaskDefinitionArn) != revision {
			continue
		}
		kind := "service"
		if strings.HasPrefix(aws.ToString(task.StartedBy), "slipway") {
			kind = "migration"
		}
		counts[kind]++
	}
	return counts
}

// tasks are all tasks that the emulator remembers.
func (r *rig) tasks(t testing.TB) []types.Task {
	t.Helper()
	client, cluster := ecs.NewFromConfig(r.aws), aws.String(name+"-"+environment)
	var arns []string
	for _, status := range []types.DesiredStatus{types.DesiredStatusRunning, types.DesiredStatusStopped} {
		pages := ecs.NewListTasksPaginator(client, &ecs.ListTasksInput{Cluster: cluster, DesiredStatus: status})
		for pages.HasMorePages() {
			arns = append(arns, must(pages.NextPage(t.Context()))(t).TaskArns...)
		}
	}
	var tasks []types.Task
	for chunk := range slices.Chunk(arns, 100) {
		tasks = append(tasks, must(client.DescribeTasks(t.Context(), &ecs.DescribeTasksInput{Cluster: cluster, Tasks: chunk}))(t).Tasks...)
	}
	return tasks
}

// Every call of a deployment meets trouble once, and the deployment goes through as if it had not.
func TestTroubleWithEveryCallOfADeployment(t *testing.T) {
	environmentOf(t)
	shared.deployQuickly(t)
	tests := map[string]func(operation string, n int) trouble{
		"nothing goes wrong":             func(string, int) trouble { return none },
		"each is throttled once":         once(throttled),
		"each is answered with 500 once": once(broken),
		"each loses its connection once": once(reset),
		"each loses its reply once":      once(lost),
		"each gets no answer in time once": func(operation string, n int) trouble {
			if strings.HasPrefix(operation, "registry:") { // has a limit of its own, which is longer
				return none
			}
			return once(silent)(operation, n)
		},
		"each that changes something loses all replies": func(operation string, n int) trouble {
			if slices.Contains([]string{"ecs:RegisterTaskDefinition", "ecs:RunTask", "ecs:UpdateService", "ssm:PutParameter"}, operation) && n <= 5 {
				return lost
			}
			return none
		},
	}
	for sentence, plan := range tests {
		t.Run(sentence, func(t *testing.T) {
			before, q := shared.look(t), shared.quickly(t)
			p := shared.newProxy(t, plan)
			ended := shared.through(t, p, q)
			shared.deployedOnce(t, before, q, ended)
			var unknown []string
			for _, operation := range p.operations() {
				if _, known := callsOfADeployment[operation]; !known && !only[operation] {
					unknown = append(unknown, operation)
				}
			}
			if len(unknown) > 0 {
				t.Errorf("calls that no test makes trouble for: %q", unknown)
			}
			for operation := range callsOfADeployment {
				if p.counts[operation] == 0 {
					t.Errorf("%s was not called", operation)
				}
			}
		})
	}
}

// only now and then: what looks for the effect of a request that failed, and what tidies up old turns.
var only = map[string]bool{"ecs:ListTaskDefinitions": true, "ssm:DeleteParameters": true}

// once makes this trouble for the first call of every operation.
func once(kind trouble) func(string, int) trouble {
	return func(_ string, n int) trouble {
		if n == 1 {
			return kind
		}
		return none
	}
}

// A call that is refused for good fails the deployment at its step, says which call it was, and leaves the old release
// serving and nothing that the history does not explain.
func TestACallThatIsRefusedForGood(t *testing.T) {
	environmentOf(t)
	old := shared.deployQuickly(t)

	t.Run("those that a deployment can do without", func(t *testing.T) {
		before, q := shared.look(t), shared.quickly(t)
		p := shared.newProxy(t, func(operation string, _ int) trouble {
			if callsOfADeployment[operation].dispensable {
				return denied
			}
			return none
		})
		ended := shared.through(t, p, q)
		shared.deployedOnce(t, before, q, ended)
		holds(t, ended.output, "SKIPPED", "read log ", "mark ")
		old = q
	})

	var quick, slow []string // those that end before anything is registered run at the same time
	for operation, want := range callsOfADeployment {
		switch {
		case want.dispensable:
		case want.step == "migrate" || want.step == "update":
			slow = append(slow, operation)
		default:
			quick = append(quick, operation)
		}
	}
	t.Run("those that come before anything is touched", func(t *testing.T) {
		before := shared.look(t)
		var group sync.WaitGroup
		for _, operation := range quick {
			q := shared.quickly(t)
			p := shared.newProxy(t, always(operation, denied))
			group.Go(func() { refused(t, operation, shared.through(t, p, q)) })
		}
		group.Wait()
		after := shared.look(t)
		before.Images, after.Images = nil, nil // a push may have come through before
		if diff := cmp.Diff(before, after); diff != "" {
			t.Errorf("the environment (-before +after):\n%s", diff)
		}
	})
	for _, operation := range slices.Sorted(slices.Values(slow)) {
		t.Run(operation, func(t *testing.T) {
			want := callsOfADeployment[operation]
			before, q := shared.look(t), shared.quickly(t)
			refused(t, operation, shared.through(t, shared.newProxy(t, always(operation, denied)), q))
			after := shared.look(t)
			if got := shared.release(t); got != old.commit {
				t.Errorf("release %s is served, and it was %s", got, old.commit)
			}
			registered := len(after.Revisions) - len(before.Revisions)
			if registered != map[bool]int{true: 1, false: 0}[want.registers] {
				t.Errorf("%d revisions were registered", registered)
			}
			if want.registers {
				past := must(shared.slipway(t.Context(), "history", "--last", "1"))(t).result.Releases
				if len(past) != 1 || past[0].Commit != q.commit || past[0].Outcome != "failed" {
					t.Errorf("the history begins with %+v", past)
				}
			}
			before.Revisions, after.Revisions, before.Images, after.Images = nil, nil, nil, nil
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("the environment (-before +after):\n%s", diff)
			}
		})
	}
	t.Run("ecs:DescribeServices from the update on", func(t *testing.T) {
		before, q := shared.look(t), shared.quickly(t)
		var updated sync.Once
		blind := false
		p := shared.newProxy(t, func(operation string, _ int) trouble { // one call at a time
			if operation == "ecs:UpdateService" {
				updated.Do(func() { blind = true })
			}
			if blind && operation == "ecs:DescribeServices" {
				return denied
			}
			return none
		})
		ended := shared.through(t, p, q)
		if ended.status != 1 || failedAt(ended.result) != "wait" {
			t.Errorf("it ended with status %d at %q:\n%s", ended.status, failedAt(ended.result), ended.output)
		}
		holds(t, ended.output, "DescribeServices", "THE ROLLBACK FAILED TOO")
		shared.scale(t, before.Desired) // and wait until that is so
		if got := shared.release(t); got != old.commit {
			t.Errorf("release %s is served, and it was %s: it should be back, unseen", got, old.commit)
		}
		if after := shared.look(t); after.Running != before.Running {
			t.Errorf("the service runs %s, and ran %s", after.Running, before.Running)
		}
	})
}

// always makes this trouble for every call of one operation.
func always(operation string, kind trouble) func(string, int) trouble {
	return func(o string, _ int) trouble {
		if o == operation {
			return kind
		}
		return none
	}
}

// refused checks how a deployment ended that was refused an operation.
func refused(t *testing.T, operation string, ended ran) {
	want := callsOfADeployment[operation]
	if ended.status != 1 || failedAt(ended.result) != want.step {
		t.Errorf("%s: status %d, failed at %q and not at %q:\n%s", operation, ended.status, failedAt(ended.result), want.step, ended.output)
		return
	}
	last := lastLines(ended.output, 15)
	service, name, _ := strings.Cut(operation, ":")
	about := []string{name, "not authorized"}
	switch service {
	case "registry":
		about = []string{"blog-rehearsal"}
	case "sts":
		about = nil
	}
	for _, text := range append(about, want.says) {
		if !strings.Contains(last, text) {
			t.Errorf("%s: the last lines lack %q:\n%s", operation, text, last)
		}
	}
	if ended.result.Failure.Effect == "" {
		t.Errorf("%s: it does not say what was changed:\n%s", operation, last)
	}
}
