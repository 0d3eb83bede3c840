//go:build rehearsal

package rehearsal

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/report"
)

func TestTheFirstDeploymentRunsEveryStepOnce(t *testing.T) {
	first := environmentOf(t)

	var got []string
	for _, step := range first.result.Steps {
		got = append(got, step.Name+" "+string(step.Outcome))
	}
	want := []string{
		"emulator succeeded", "bootstrap succeeded", "validate succeeded", "build succeeded", "test succeeded",
		"plan succeeded", "guard succeeded", "apply succeeded", "contract succeeded", "push succeeded", "verify succeeded", "diff succeeded",
		"migrate succeeded", "update succeeded", "wait succeeded", "smoke succeeded", "write succeeded", "page succeeded",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("steps (-want +got):\n%s", diff)
	}
	// Both stretch with the machine's load; what lies between them is what steps wait without need.
	path, critical := first.result.CriticalPath()
	ratio := first.result.Wall().Seconds() / critical.Seconds()
	t.Logf("wall time %s, critical path %s (%s), ratio %.3f",
		report.Seconds(first.result.Wall()), report.Seconds(critical), strings.Join(path, " → "), ratio)
	if ratio > 1.05 {
		t.Errorf("the chain takes %.3f times its critical path, and 1.05 is the most", ratio)
	}
}

func TestThePageServedThroughTheLoadBalancerIsTheBlogs(t *testing.T) {
	first := environmentOf(t)
	status, page := shared.visit(t, "/")
	if status != http.StatusOK {
		t.Errorf("the page answers %d", status)
	}
	holds(t, page, "<title>Slipway</title>", `href="/admin/"`, first.post)

	title := "Written in the test " + shared.id
	ended := must(shared.slipway(t.Context(), "run", "--", "manage", "create_post", "--title", title, "--body", "It *floats*."))(t)
	if ended.status != 0 {
		t.Fatalf("run ended with %d:\n%s", ended.status, ended.output)
	}
	if _, page := shared.visit(t, "/"); !strings.Contains(page, title) {
		t.Errorf("the post %q, created through the database, is not on the page:\n%s", title, page)
	}
	if status, _ := shared.visit(t, "/no-such-page"); status != http.StatusNotFound {
		t.Errorf("a page that there isn't answers %d", status)
	}
}

func TestEveryDeploymentUpdatesTheServiceAndServesItsCommit(t *testing.T) {
	environmentOf(t)
	tests := map[string]func() *deployment{
		"the whole chain": func() *deployment {
			return shared.deploy(change{commit: commit("chain" + shared.id), tests: quick, validated: true})
		},
		"its application side": func() *deployment {
			return shared.redeploy(change{commit: commit("application" + shared.id)})
		},
	}
	for name, deploy := range tests {
		t.Run(name, func(t *testing.T) {
			before, mark, serving := shared.look(t), shared.record.now(t), shared.release(t)
			deployed := deploy()
			if deployed.result.Failure != nil {
				t.Fatalf("it failed:\n%s", deployed.output)
			}
			if got := shared.release(t); got != deployed.commit {
				t.Errorf("/readyz names %q; %q was deployed, and %q was served before", got, deployed.commit, serving)
			}
			calls, after := shared.record.since(t, mark), shared.look(t)
			// The registry is logged in to twice: to push, and to verify which platform the image is for.
			want := map[string]int{"GetAuthorizationToken": 2, "RegisterTaskDefinition": 1, "RunTask": 1, "UpdateService": 1}
			for name, want := range want {
				if n := count(calls, "slipway", name); n != want {
					t.Errorf("it made %d calls of %s, not %d", n, name, want)
				}
			}
			if got, want := len(after.Images), len(before.Images)+1; got != want {
				t.Errorf("the repository holds %d images, not %d", got, want)
			}
			if after.Running == before.Running {
				t.Errorf("the service still runs %s", before.Running)
			}
			if diff := cmp.Diff(before.Desired, after.Desired); diff != "" {
				t.Errorf("tasks of the service (-before +after):\n%s", diff)
			}
		})
	}
}

func TestTheSameDeploymentAgainAsksECSAndPushesNothing(t *testing.T) {
	environmentOf(t)
	same := change{commit: commit("same" + shared.id), tests: quick, validated: true}
	if once := shared.redeploy(same); once.result.Failure != nil {
		t.Fatalf("the first of two failed:\n%s", once.output)
	}
	before, mark := shared.look(t), shared.record.now(t)
	again := shared.deploy(same)
	if again.result.Failure != nil {
		t.Fatalf("the second of two failed:\n%s", again.output)
	}
	calls, after := shared.record.since(t, mark), shared.look(t)
	if count(calls, "slipway", "DescribeServices") == 0 {
		t.Error("ECS was not asked")
	}
	for _, name := range []string{"RegisterTaskDefinition", "RunTask", "UpdateService"} {
		if n := count(calls, "slipway", name); n != 0 {
			t.Errorf("it made %d calls of %s, and the release was in service", n, name)
		}
	}
	if n := count(calls, "slipway", "GetAuthorizationToken"); n != 1 {
		t.Errorf("it logged in to the registry %d times, not once, to verify: there was nothing to push", n)
	}
	if diff := cmp.Diff(before.Images, after.Images); diff != "" {
		t.Errorf("images in the repository (-before +after):\n%s", diff)
	}
	holds(t, again.output, "nothing pushed")
	if got := shared.release(t); got != same.commit {
		t.Errorf("/readyz names %q, and %q was deployed", got, same.commit)
	}

	past := must(shared.slipway(t.Context(), "history", "--last", "1"))(t).result.Releases
	if len(past) != 1 || past[0].Commit != same.commit || !past[0].Serving {
		t.Fatalf("the history's newest release is %+v, and %s serves", past, same.commit)
	}
	mark = shared.record.now(t)
	forced := must(shared.slipway(t.Context(), "redeploy", "--digest", past[0].Digest, "--commit", same.commit, "--force"))(t)
	if forced.status != 0 {
		t.Fatalf("--force ended with %d:\n%s", forced.status, forced.output)
	}
	if n := count(shared.record.since(t, mark), "slipway", "UpdateService"); n != 1 {
		t.Errorf("--force made %d calls of UpdateService, not one", n)
	}
}

// contract returns what infrastructure published, as the program prints it.
func (r *rig) contract(t testing.TB) contract.Contract {
	t.Helper()
	file := r.file("contract", ".json")
	if ended := must(r.slipway(t.Context(), "contract", "--out", file))(t); ended.status != 0 {
		t.Fatalf("contract ended with %d:\n%s", ended.status, ended.output)
	}
	return must(contract.Parse(must(os.ReadFile(file))(t)))(t)
}

// visit asks for a page as a visitor does: by the load balancer's name.
func (r *rig) visit(t testing.TB, path string) (status int, body string) {
	t.Helper()
	client := http.Client{Transport: r.emulator.Endpoint().Transport(), Timeout: 20 * time.Second}
	request := must(http.NewRequestWithContext(t.Context(), http.MethodGet, r.contract(t).URL+path, nil))(t)
	response := must(client.Do(request))(t)
	defer response.Body.Close()
	return response.StatusCode, string(must(io.ReadAll(response.Body))(t))
}

// release returns the commit that the application says it was built from.
func (r *rig) release(t testing.TB) string {
	t.Helper()
	status, body := r.visit(t, "/readyz")
	var answer struct {
		Release string `json:"release"`
	}
	if err := json.Unmarshal([]byte(body), &answer); err != nil || status != http.StatusOK {
		t.Fatalf("/readyz answers %d: %s", status, body)
	}
	return answer.Release
}
