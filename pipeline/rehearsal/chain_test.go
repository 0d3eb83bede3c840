//go:build rehearsal

package rehearsal

import (
	"cmp"
	"context"
	"crypto/sha1"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/slipway-ci/slipway/pipeline/chain"
	"github.com/slipway-ci/slipway/pipeline/emulator"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// change is what a deployment brings.
type change struct {
	commit string
	// context is the directory that the image is built from; by default the blog.
	context string
	// over are files that are laid over the image, by their path in it.
	over map[string]string
	// entrypoint takes the place of the image's.
	entrypoint []string
	// tests are what of the blog's tests runs; by default all of them.
	tests []string
	// validated says that the Terraform is what an earlier deployment validated, or that it isn't what is tested.
	validated bool
}

// commit makes a commit's id of a word.
func commit(word string) string {
	sum := sha1.Sum([]byte(word))
	return hex.EncodeToString(sum[:])
}

// quick is one file of the blog's tests. All of them run in the first deployment.
var quick = []string{"tests/config/test_environment.py"}

// deployment is how one run of the chain ended.
type deployment struct {
	change
	result report.Result
	// output is what its programs printed, and the report.
	output string
	// statuses are the exit statuses of its programs, by the step of the chain that ran each.
	statuses map[string]int
	// plan is the saved plan's file.
	plan string
	// archive is the image.
	archive string
	// image is the tag of the image that was built.
	image string
	// post is the title of the post that the first deployment writes.
	post string

	mutex sync.Mutex
}

// environmentOf returns the first deployment, which makes the environment that all tests use. It runs once.
func environmentOf(t testing.TB) *deployment {
	t.Helper()
	first := shared.first()
	if first.result.Failure != nil {
		t.Fatalf("there is nothing to test, because the first deployment failed: %v", first.result.Failure)
	}
	return first
}

// besideOthers is for a test that needs the emulator, and touches nothing of the shared environment: it runs beside its like,
// after all others.
func besideOthers(t *testing.T) {
	t.Parallel()
	environmentOf(t)
}

// rehearse is the chain on an empty account.
func (r *rig) rehearse() *deployment {
	d := r.newDeployment(change{commit: commit("first " + r.id)})
	d.post = "Launched by " + r.id
	r.finish(d, "rehearse", chain.Rehearse(chain.Rehearsal{
		Work:      r.work(d),
		Emulator:  r.startEmulator,
		Bootstrap: r.step(d, "bootstrap", "bootstrap"),
		Write:     r.quiet(r.step(d, "write", "run", "--", "manage", "create_post", "--title", d.post)),
		Page:      r.step(d, "page", "request", "--path", "/", "--expect", d.post),
	}))
	r.say("the first deployment:\n" + d.output)
	return d
}

// deploy is the chain on the environment that is there.
func (r *rig) deploy(c change) *deployment {
	d := r.newDeployment(c)
	return r.finish(d, "deploy", chain.Deploy(r.work(d)))
}

// redeploy is its application side alone.
func (r *rig) redeploy(c change) *deployment {
	d := r.newDeployment(c)
	work := r.work(d)
	return r.finish(d, "redeploy", []chain.Step{
		{Name: "build", Run: work.Build},
		{Name: "release", Needs: []string{"build"}, Run: work.Release},
	})
}

func (r *rig) newDeployment(c change) *deployment {
	c.context = cmp.Or(c.context, r.blog)
	return &deployment{change: c, statuses: map[string]int{}, plan: r.file("plan", ".plan"), archive: r.file("image", ".tar")}
}

func (r *rig) finish(d *deployment, operation string, steps []chain.Step) *deployment {
	d.result = report.Result{Operation: operation, Name: name, Environment: environment, Outcome: report.Succeeded}
	d.result.Release.Commit = d.commit
	var err error
	d.result.Steps, err = chain.Run(r.ctx, steps, r.progress)
	if err != nil {
		d.result.Outcome, d.result.Failure = report.Failed, report.AsFailure(err)
	}
	var b strings.Builder
	if err := report.WriteTerminal(&b, d.result); err != nil {
		r.say(err.Error())
	}
	d.say(b.String())
	if err := writeJSON(r.file("result-"+operation, ".json"), d.result); err != nil {
		r.say(err.Error())
	}
	return d
}

func (r *rig) progress(step report.Step) {
	if step.Outcome == report.NotStarted {
		r.say(step.Name + " …")
		return
	}
	r.say(fmt.Sprintf("%s %s in %s", step.Name, step.Outcome, report.Seconds(step.Duration())))
}

func writeJSON(file string, value any) error {
	document, err := json.MarshalIndent(value, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(file, document, 0o600)
}

func (d *deployment) say(text string) {
	d.mutex.Lock()
	defer d.mutex.Unlock()
	d.output += text
}

// work are the steps of a deployment as they run without an engine: programs, one after the other or beside each other as
// the chain has it.
func (r *rig) work(d *deployment) chain.Work {
	validate := r.step(d, "validate", "validate", "--infrastructure", r.terraform)
	if d.validated {
		validate = func(context.Context) (chain.Done, error) { return chain.Done{Summary: "by an earlier deployment"}, nil }
	}
	return chain.Work{
		Validate: validate,
		Build:    func(ctx context.Context) (chain.Done, error) { return r.build(ctx, d) },
		Test:     func(ctx context.Context) (chain.Done, error) { return r.test(ctx, d) },
		Plan:     r.step(d, "plan", "plan", "--infrastructure", r.terraform, "--commit", d.commit, "--out", d.plan, "--json", d.plan+".json"),
		Apply:    r.step(d, "apply", "apply", "--infrastructure", r.terraform, "--commit", d.commit, "--plan", d.plan),
		Release:  r.step(d, "release", "redeploy", "--archive", d.archive, "--commit", d.commit),
	}
}

// step is a step of the chain that is one run of slipway. What it reports takes the step's place.
func (r *rig) step(d *deployment, label string, args ...string) func(context.Context) (chain.Done, error) {
	return func(ctx context.Context) (chain.Done, error) {
		ended, err := r.slipway(ctx, args...)
		d.say(ended.output)
		if err != nil {
			return chain.Done{}, err
		}
		d.mutex.Lock()
		d.statuses[label] = ended.status
		d.mutex.Unlock()
		done := chain.Done{Steps: ended.result.Steps}
		switch {
		case ended.status == 0:
			return done, nil
		case ended.result.Failure != nil:
			return done, ended.result.Failure
		}
		return done, fmt.Errorf("slipway %s ended with status %d:\n%s", args[0], ended.status, ended.output)
	}
}

// quiet keeps the step itself in the report, where the names of its own steps stand already.
func (r *rig) quiet(run func(context.Context) (chain.Done, error)) func(context.Context) (chain.Done, error) {
	return func(ctx context.Context) (chain.Done, error) {
		_, err := run(ctx)
		return chain.Done{}, err
	}
}

func (r *rig) startEmulator(ctx context.Context) (chain.Done, error) {
	e, err := emulator.Start(ctx, emulator.Options{Docker: r.docker, Region: region})
	if err != nil {
		return chain.Done{}, err
	}
	r.later(e.Stop)
	return chain.Done{Summary: "answers at " + string(e.Endpoint())}, r.connect(e)
}

// build makes the image, and the archive that is pushed.
func (r *rig) build(ctx context.Context, d *deployment) (chain.Done, error) {
	started := time.Now()
	d.image = fmt.Sprintf("%s:%s", r.id, d.commit[:12])
	output, err := r.buildImage(ctx, d.image, "--build-arg", "RELEASE="+d.commit, d.context)
	d.say(output)
	if err != nil {
		return chain.Done{}, err
	}
	if len(d.over) > 0 {
		if err := r.lay(ctx, d); err != nil {
			return chain.Done{}, err
		}
	}
	_, err = r.dockerRun(ctx, "save", "--output", d.archive, d.image)
	return chain.Done{Summary: fmt.Sprintf("%s in %s", d.image, report.Seconds(time.Since(started)))}, err
}

func (r *rig) buildImage(ctx context.Context, tag string, args ...string) (string, error) {
	output, err := r.dockerRun(ctx, slices.Concat([]string{"build", "--tag", tag}, args)...)
	if err != nil {
		return output, fmt.Errorf("the image does not build: %w", err)
	}
	r.later(func(ctx context.Context) error { return r.remove(ctx, "image", "rm", tag) })
	return "", nil
}

// lay puts the change's files over the image that was built.
func (r *rig) lay(ctx context.Context, d *deployment) error {
	dir, err := os.MkdirTemp(r.dir, "layer-")
	if err != nil {
		return err
	}
	dockerfile := "FROM " + d.image + "\nCOPY files /\n"
	if len(d.entrypoint) > 0 {
		entrypoint, err := json.Marshal(d.entrypoint)
		if err != nil {
			return err
		}
		dockerfile += fmt.Sprintf("ENTRYPOINT %s\n", entrypoint)
	}
	err = os.WriteFile(filepath.Join(dir, "Dockerfile"), []byte(dockerfile), 0o644)
	for path, content := range d.over {
		file := filepath.Join(dir, "files", path)
		err = errors.Join(err, os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), 0o755))
	}
	if err != nil {
		return err
	}
	over := d.image + "-over"
	if _, err := r.buildImage(ctx, over, dir); err != nil {
		return err
	}
	d.image = over
	return nil
}

// test runs the blog's tests against a MySQL of their own.
func (r *rig) test(ctx context.Context, d *deployment) (chain.Done, error) {
	database, err := r.testDatabase(ctx)
	if err != nil {
		return chain.Done{}, err
	}
	tag := fmt.Sprintf("%s:%s-test", r.id, d.commit[:12])
	if output, err := r.buildImage(ctx, tag, "--target", "test", d.context); err != nil {
		d.say(output)
		return chain.Done{}, err
	}
	container := fmt.Sprintf("%s-test-%d", r.id, r.number("test"))
	args := []string{"run", "--rm", "--name", container, "--network", database.network,
		"--env", "DATABASE_HOST=" + database.container, "--env", "DATABASE_PASSWORD=" + database.password, tag, "./check"}
	// The container outlives its client where that is killed.
	r.later(func(ctx context.Context) error { return r.remove(ctx, "rm", "--force", "--volumes", container) })
	output, err := r.dockerRun(ctx, append(args, d.tests...)...)
	d.say(output + "\n")
	lines := strings.Split(strings.TrimSpace(output), "\n")
	if err != nil {
		return chain.Done{}, &report.Failure{
			Reason:   "the application's tests failed",
			Evidence: lines[max(0, len(lines)-30):],
			Effect:   "nothing was applied and nothing was deployed",
		}
	}
	return chain.Done{Summary: lines[len(lines)-1]}, nil
}

// database is a MySQL server in a container, in a network of its own.
type database struct {
	container, network, password string
}

// testDatabase returns the MySQL server of the blog's tests.
func (r *rig) testDatabase(ctx context.Context) (*database, error) {
	r.mutex.Lock()
	known := r.database
	r.mutex.Unlock()
	if known != nil {
		return known, nil
	}
	started, err := r.startMySQL(ctx, 2*time.Minute)
	if err != nil {
		return nil, err
	}
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.database = started
	return started, nil
}

// startMySQL returns a server that takes connections. The error of one that does not come up within the limit holds its
// last lines.
func (r *rig) startMySQL(ctx context.Context, limit time.Duration, options ...string) (*database, error) {
	id := fmt.Sprintf("%s-mysql-%d", r.id, r.number("mysql"))
	d := &database{container: id, network: id, password: "of no worth"}
	if _, err := r.dockerRun(ctx, "network", "create", d.network); err != nil {
		return nil, err
	}
	r.later(func(ctx context.Context) error { _, err := r.dockerRun(ctx, "network", "rm", d.network); return err })
	r.later(func(ctx context.Context) error { return r.remove(ctx, "rm", "--force", "--volumes", d.container) })
	args := []string{"run", "--detach", "--name", d.container, "--network", d.network, "--tmpfs", "/var/lib/mysql",
		"--env", "MYSQL_ROOT_PASSWORD=" + d.password, emulator.MySQL}
	if _, err := r.dockerRun(ctx, append(args, options...)...); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeoutCause(ctx, limit, fmt.Errorf("gave up after %s", limit))
	defer cancel()
	if err := r.waitForMySQL(limited, d); err != nil {
		log, _ := r.dockerRun(context.WithoutCancel(ctx), "logs", "--tail", "20", d.container)
		return nil, fmt.Errorf("start MySQL: %w\nits last lines:\n%s", err, log)
	}
	return d, nil
}

// waitForMySQL asks over TCP: while the image sets up its data, a server runs that only listens on a socket.
func (r *rig) waitForMySQL(ctx context.Context, d *database) error {
	for {
		if _, err := r.dockerRun(ctx, "exec", d.container, "mysqladmin", "ping", "--host=127.0.0.1", "--silent"); err == nil {
			return nil
		}
		if running, err := r.dockerRun(ctx, "inspect", "--format", "{{.State.Running}}", d.container); err == nil && running == "false" {
			return errors.New("its container ended")
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(300 * time.Millisecond):
		}
	}
}

// remove removes something that may be gone.
func (r *rig) remove(ctx context.Context, args ...string) error {
	output, err := r.dockerRun(ctx, args...)
	if strings.Contains(output, "No such ") {
		return nil
	}
	return err
}
