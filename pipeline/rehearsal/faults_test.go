//go:build rehearsal

package rehearsal

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/fault"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// untouched are the steps before the first that touches a service.
var untouched = map[string]bool{"push": true, "verify": true, "migrate": true}

func TestEveryFaultEndsAsItShouldAndTheOldReleaseServes(t *testing.T) {
	first := environmentOf(t)
	for _, f := range fault.All {
		t.Run(f.Name, func(t *testing.T) {
			broken := faulty{archive: first.archive, commit: first.commit}
			if f.Name != fault.MissingImage && f.Name != fault.MissingSecret { // of these the image is not looked at
				broken = shared.sabotage(t, f)
			}
			before, serving := shared.look(t), shared.release(t)
			watch := shared.watch(t, "/readyz")
			started := time.Now()
			ended := must(shared.slipway(t.Context(), "fault", f.Name, "--archive", broken.archive, "--commit", broken.commit))(t)
			took := time.Since(started)
			requests := watch()
			t.Logf("%s: exit status %d in %s; %s\n%s", f.Name, ended.status, report.Seconds(took), requests, lastLines(ended.output, 15))

			if ended.status != f.Status || ended.result.Outcome != f.Outcome {
				t.Errorf("it %s with exit status %d, and should have %s with %d:\n%s", ended.result.Outcome, ended.status, f.Outcome, f.Status, ended.output)
			}
			if step := failedAt(ended.result); step != f.Step {
				t.Errorf("it failed at %q, not at %q", step, f.Step)
			}
			holds(t, lastLines(ended.output, 15), f.Cause)
			wanted := serving
			if f.Outcome == report.Succeeded {
				wanted = broken.commit
			}
			if got := shared.release(t); got != wanted {
				t.Errorf("release %s is served, and not %s", got, wanted)
			}
			if untouched[f.Step] && requests.failed > 0 {
				t.Errorf("%d of %d requests failed, although no service was touched", requests.failed, requests.all)
			}
			after := shared.look(t)
			if after.Desired != before.Desired {
				t.Errorf("the service wants %d tasks, and wanted %d", after.Desired, before.Desired)
			}
			if untouched[f.Step] && after.Running != before.Running {
				t.Errorf("the service runs %s, and ran %s", after.Running, before.Running)
			}
		})
	}
}

func TestAFaultIsMadeAtAnEmulatorOnly(t *testing.T) {
	ended := must(shared.slipwayWith(t.Context(), []string{"AWS_ENDPOINT_URL"}, "fault", fault.ZeroTasks, "--archive", "image.tar", "--commit", commit("aws")))(t)
	if ended.status != 1 {
		t.Errorf("exit status %d, not 1", ended.status)
	}
	holds(t, ended.output, "--endpoint")
}

// faulty is a release with a fault.
type faulty struct{ archive, commit string }

// sabotage builds the blog as another release, with the fault's entry point over it.
func (r *rig) sabotage(t *testing.T, f fault.Fault) faulty {
	t.Helper()
	b := faulty{commit: commit(fmt.Sprintf("%s %s %d", f.Name, r.id, r.number("fault"))), archive: r.file("fault-image", ".tar")}
	whole := fmt.Sprintf("%s:%s", r.id, b.commit[:12])
	must(r.buildImage(t.Context(), whole, "--build-arg", "RELEASE="+b.commit, r.blog))(t)
	var entrypoint []string
	inspected := must(r.dockerRun(t.Context(), "image", "inspect", "--format", "{{json .Config.Entrypoint}}", whole))(t)
	if err := json.Unmarshal([]byte(inspected), &entrypoint); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	dockerfile := fmt.Sprintf("FROM %s\nCOPY entrypoint %s\nENTRYPOINT [%q]\n", whole, fault.Path, fault.Path)
	for _, variable := range f.Environment(entrypoint) {
		dockerfile += fmt.Sprintf("ENV %s=%q\n", variable[0], variable[1])
	}
	for file, content := range map[string]string{"Dockerfile": dockerfile, "entrypoint": fault.Entrypoint} {
		if err := os.WriteFile(filepath.Join(dir, file), []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	must(r.buildImage(t.Context(), whole+"-fault", dir))(t)
	must(r.dockerRun(t.Context(), "save", "--output", b.archive, whole+"-fault"))(t)
	t.Cleanup(func() { _ = os.Remove(b.archive) })
	return b
}

// scale has the service run a number of tasks, and waits until it does.
func (r *rig) scale(t *testing.T, count int32) {
	t.Helper()
	ctx, cancel := context.WithTimeout(r.ctx, time.Minute) // also when the test is over
	defer cancel()
	client, cluster := ecs.NewFromConfig(r.aws), aws.String(name+"-"+environment)
	service := name + "-" + environment + "-web"
	must(client.UpdateService(ctx, &ecs.UpdateServiceInput{Cluster: cluster, Service: &service, DesiredCount: &count}))(t)
	for {
		services := must(client.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: cluster, Services: []string{service}}))(t).Services
		if len(services) == 1 && services[0].RunningCount == count && completed(services[0]) {
			return
		}
		time.Sleep(200 * time.Millisecond)
	}
}

func completed(service types.Service) bool {
	for _, deployment := range service.Deployments {
		if aws.ToString(deployment.Status) == "PRIMARY" {
			return deployment.RolloutState == types.DeploymentRolloutStateCompleted
		}
	}
	return false
}

// requests are how a client's requests through the load balancer fared.
type requests struct {
	all, failed int
	// first and last failure, after the start.
	first, last time.Duration
	how         map[string]int
}

func (r requests) String() string {
	if r.failed == 0 {
		return fmt.Sprintf("%d requests, none failed", r.all)
	}
	return fmt.Sprintf("%d of %d requests failed, between %s and %s after the start: %v", r.failed, r.all, report.Seconds(r.first), report.Seconds(r.last), r.how)
}

// watch sends requests through the load balancer, one after another, until the function that it returns is called. The first
// is answered by then.
func (r *rig) watch(t *testing.T, path string) (stop func() requests) {
	t.Helper()
	address := r.contract(t).URL + path
	client := http.Client{Transport: r.emulator.Endpoint().Transport(), Timeout: 5 * time.Second}
	ctx, cancel := context.WithCancel(t.Context())
	done, began := make(chan requests, 1), make(chan struct{})
	go func() {
		started, seen := time.Now(), requests{how: map[string]int{}}
		for ctx.Err() == nil {
			how := request(ctx, &client, address)
			if ctx.Err() != nil {
				break
			}
			if seen.all++; seen.all == 1 {
				close(began)
			}
			if how != "" {
				seen.last = time.Since(started)
				if seen.failed == 0 {
					seen.first = seen.last
				}
				seen.failed++
				seen.how[how]++
			}
			select {
			case <-ctx.Done():
			case <-time.After(50 * time.Millisecond):
			}
		}
		done <- seen
	}()
	<-began
	return func() requests {
		cancel()
		return <-done
	}
}

// request says how a request failed; nothing where it did not.
func request(ctx context.Context, client *http.Client, address string) string {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err.Error()
	}
	response, err := client.Do(request)
	if err != nil {
		return "no answer"
	}
	defer response.Body.Close()
	if _, err := io.Copy(io.Discard, response.Body); err != nil {
		return "half an answer"
	}
	if response.StatusCode != http.StatusOK {
		return strconv.Itoa(response.StatusCode)
	}
	return ""
}

// failedAt is the step at which an operation failed.
func failedAt(result report.Result) string {
	if result.Failure == nil {
		return ""
	}
	return result.Failure.Step
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
