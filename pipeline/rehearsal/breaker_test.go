//go:build rehearsal

package rehearsal

import (
	"bytes"
	"errors"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// A task takes some seconds until it runs, as on Fargate, which pulls the image anew for every task, and ends at once. A
// service of one task: ECS's circuit breaker wants three failures, one after the other. Where a task's log shows a cause that
// lies in the release, its first failure is enough.
func TestACrashLoopIsReportedInHalfTheTimeOfTheCircuitBreaker(t *testing.T) {
	environmentOf(t)
	shared.deployQuickly(t)
	before := shared.look(t)
	t.Cleanup(func() { shared.scale(t, before.Desired) })
	shared.scale(t, 1)
	shared.slowPulls(t)

	const lasting, other = "SECRET_KEY is not set", "the stand-in ends, as it was told to"
	ours, _ := shared.crash(t, lasting)
	unknown, _ := shared.crash(t, other)
	_, breaker := shared.crash(t, lasting, "--attempts", "0")
	t.Logf("given up %s after the update where the release lacks a setting, %s where nobody knows why; by ECS's circuit breaker after %s: ratios %.2f and %.2f",
		report.Seconds(ours), report.Seconds(unknown), report.Seconds(breaker), ours.Seconds()/breaker.Seconds(), unknown.Seconds()/breaker.Seconds())
	if ours > breaker/2 {
		t.Errorf("it took %s, more than half of the circuit breaker's %s", ours, breaker)
	}
	if unknown > breaker {
		t.Errorf("without a known cause it took %s, more than the circuit breaker's %s", unknown, breaker)
	}
}

// crash deploys a release whose task ends as soon as it runs, with these last words. It returns how long after the update the program said that it
// gives up, and how long after it ECS did by its own record; 0 where ECS did not.
func (r *rig) crash(t *testing.T, says string, flags ...string) (program, breaker time.Duration) {
	t.Helper()
	q := r.quickly(t, "WEB_FAILS=0", "WEB_SAYS="+says)
	updated, gaveUp := &sighting{text: " with 1 tasks"}, &sighting{text: "giving up: "}
	var output bytes.Buffer
	command := exec.CommandContext(t.Context(), r.program,
		append([]string{"redeploy", "--archive", q.archive, "--commit", q.commit, "--source", r.dir}, flags...)...)
	command.Env = environ(r.variables(), nil)
	command.Stderr = writers{&output, updated, gaveUp}
	var exit *exec.ExitError
	if err := command.Run(); !errors.As(err, &exit) || exit.ExitCode() != 1 {
		t.Fatalf("with %q it ended with %v:\n%s", flags, err, output.String())
	}
	holds(t, output.String(), "redeploy failed at wait", says, "rolled back to")
	if updated.at.IsZero() || gaveUp.at.IsZero() {
		t.Fatalf("it does not say when it updates and gives up:\n%s", output.String())
	}
	_, registered, _ := strings.Cut(output.String(), "registered ")
	revision, _, _ := strings.Cut(registered, " ")
	i := slices.IndexFunc(r.deployments(t), func(d types.Deployment) bool {
		return strings.HasSuffix(aws.ToString(d.TaskDefinition), "/"+revision) && d.RolloutState == types.DeploymentRolloutStateFailed
	})
	if i >= 0 {
		breaker = aws.ToTime(r.deployments(t)[i].UpdatedAt).Sub(updated.at)
	}
	if decides := len(flags) > 0; decides != (i >= 0) {
		t.Fatalf("with %q ECS's circuit breaker decided: %t", flags, i >= 0)
	}
	return gaveUp.at.Sub(updated.at), breaker
}

// sighting notes when a text first goes by, in the writing of a line.
type sighting struct {
	text string
	at   time.Time
}

func (s *sighting) Write(line []byte) (int, error) {
	if s.at.IsZero() && bytes.Contains(line, []byte(s.text)) {
		s.at = time.Now()
	}
	return len(line), nil
}

// writers all get what is written.
type writers []io.Writer

func (w writers) Write(content []byte) (int, error) {
	for _, each := range w {
		if _, err := each.Write(content); err != nil {
			return 0, err
		}
	}
	return len(content), nil
}

// slow is a way to the registry that takes three seconds longer.
const slow = `
import socket, threading, time

def pipe(a, b):
    try:
        while data := a.recv(65536):
            b.sendall(data)
    except OSError:
        pass
    for s in a, b:
        try:
            s.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass

def serve(c):
    time.sleep(3)
    u = socket.create_connection(("192.168.231.1", 80))
    threading.Thread(target=pipe, args=(u, c), daemon=True).start()
    pipe(c, u)

s = socket.create_server(("127.0.0.1", 5999))
while True:
    threading.Thread(target=serve, args=(s.accept()[0],), daemon=True).start()
`

// slowPulls has every pull of the nested engine take some seconds, for the time of one test.
func (r *rig) slowPulls(t *testing.T) {
	t.Helper()
	rule := "OUTPUT --table nat --protocol tcp --destination 127.0.0.1 --dport 80 --jump REDIRECT --to-ports 5999"
	start := "python3 -c '" + slow + "' >/dev/null 2>&1 & echo $! >/tmp/slow.pid; iptables --insert " + rule
	must(r.emulator.Exec(t.Context(), "sh", "-c", start))(t)
	t.Cleanup(func() {
		if _, err := r.emulator.Exec(r.ctx, "sh", "-c", "iptables --delete "+rule+"; kill $(cat /tmp/slow.pid)"); err != nil {
			t.Error(err)
		}
	})
}
