//go:build rehearsal

package rehearsal

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"

	"github.com/slipway-ci/slipway/pipeline/emulator"
	"github.com/slipway-ci/slipway/pipeline/planfile"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// What is rehearsed.
const (
	name        = "blog"
	environment = "rehearsal"
	region      = "eu-central-1"
	account     = "000000000000"
	bucket      = "slipway-state-" + account + "-" + region
)

// shared is the rig of this run of the tests.
var shared *rig

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if os.Getenv("SLIPWAY_SKIP_REHEARSAL") != "" {
		fmt.Fprintln(os.Stderr, "SKIPPED: the native rehearsal, because SLIPWAY_SKIP_REHEARSAL is set. Nothing of the chain was tested on AWS's side")
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	r, err := newRig(ctx)
	if err != nil {
		fmt.Fprintf(os.Stderr, "rehearsal: %v\nset SLIPWAY_SKIP_REHEARSAL=1 to go without the rehearsal\n", err)
		return 1
	}
	defer r.clean()
	shared = r

	// Neither an interrupt nor the test binary's own timeout runs anything that is deferred, and containers would stay.
	timeout := context.Background()
	if limit, ok := flag.Lookup("test.timeout").Value.(flag.Getter).Get().(time.Duration); ok && limit > time.Minute {
		var cancel context.CancelFunc
		timeout, cancel = context.WithTimeout(timeout, limit-30*time.Second)
		defer cancel()
	}
	ended := make(chan struct{})
	defer close(ended)
	go func() {
		select {
		case <-ended:
			return
		case <-ctx.Done():
			r.say("interrupted; cleaning up")
		case <-timeout.Done():
			r.say("the tests' timeout is near; cleaning up")
		}
		r.clean()
		os.Exit(1)
	}()
	return m.Run()
}

// rig is what the tests share: the emulator, the program, the sources, and where everything is written.
type rig struct {
	ctx   context.Context
	began time.Time
	// id is part of the name of everything that the run makes outside of dir.
	id string
	// dir holds all that the run writes, and so all that is searched for secrets.
	dir string
	// program is slipway; terraform and blog are copies of the sources, which others may be editing.
	program, terraform, blog string
	docker                   string
	arguments                *arguments
	// key is that of the plan files.
	key planfile.Key

	emulator *emulator.Emulator // from the first deployment on
	aws      aws.Config
	record   *record
	first    func() *deployment

	cleaning sync.Mutex
	mutex    sync.Mutex
	cleanups []func(context.Context) error
	numbers  map[string]int
	database *database
}

func newRig(ctx context.Context) (_ *rig, err error) {
	var id [4]byte
	_, _ = rand.Read(id[:]) // never fails: https://pkg.go.dev/crypto/rand#Read
	r := &rig{ctx: ctx, began: time.Now(), id: "slipway-rehearsal-" + hex.EncodeToString(id[:]), docker: emulator.Docker(), numbers: map[string]int{}}
	r.first = sync.OnceValue(r.rehearse)
	defer func() {
		if err != nil {
			r.clean()
		}
	}()
	if output, err := exec.CommandContext(ctx, r.docker, "info", "--format", "{{.ServerVersion}}").CombinedOutput(); err != nil {
		return nil, fmt.Errorf("no Docker engine answers to %q, and the rehearsal needs one: %w: %s", r.docker, err, bytes.TrimSpace(output))
	}
	if _, err := exec.LookPath("terraform"); err != nil {
		return nil, fmt.Errorf("the rehearsal needs Terraform: %w", err)
	}
	if r.dir, err = os.MkdirTemp("", r.id+"-"); err != nil {
		return nil, err
	}
	r.later(func(context.Context) error { return os.RemoveAll(r.dir) })

	if r.key, err = planfile.NewKey(); err != nil {
		return nil, err
	}
	root := filepath.Join("..", "..")
	r.terraform, r.blog = filepath.Join(r.dir, "terraform"), filepath.Join(r.dir, "blog")
	for from, to := range map[string]string{"terraform": r.terraform, "blog": r.blog} {
		if err := copyTree(filepath.Join(root, from), to); err != nil {
			return nil, err
		}
	}
	r.program = filepath.Join(r.dir, "slipway")
	build := exec.CommandContext(ctx, "go", "build", "-o", r.program, "./pipeline/cmd/slipway")
	build.Dir = root
	if output, err := build.CombinedOutput(); err != nil {
		return nil, fmt.Errorf("build the program: %w\n%s", err, output)
	}
	r.arguments = watchArguments()
	r.later(func(context.Context) error { r.arguments.stop(); return nil })
	r.say("the program is built; everything is in " + r.dir)
	return r, nil
}

// copyTree copies the files of a tree without what tools leave in it.
func copyTree(from, to string) error {
	left := []string{".terraform", ".terraform.lock.hcl", "__pycache__", ".venv", ".pytest_cache", ".ruff_cache", "staticfiles"}
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if slices.Contains(left, entry.Name()) {
			if entry.IsDir() {
				return fs.SkipDir
			}
			return nil
		}
		relative, err := filepath.Rel(from, path)
		if err != nil {
			return err
		}
		target := filepath.Join(to, relative)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o755)
		}
		content, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		info, err := entry.Info()
		if err != nil {
			return err
		}
		return os.WriteFile(target, content, info.Mode().Perm())
	})
}

// connect sets up the clients for an emulator that has come up. Their calls are marked, and left out of the record.
func (r *rig) connect(e *emulator.Emulator) error {
	cfg, err := config.LoadDefaultConfig(r.ctx,
		config.WithRegion(region),
		config.WithBaseEndpoint(string(e.Endpoint())),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("test", "test", "")),
		config.WithAppID(ownCalls),
	)
	if err != nil {
		return err
	}
	r.emulator, r.aws, r.record = e, cfg, newRecord(cfg)
	return nil
}

// later has something undone when the tests are over, last things first.
func (r *rig) later(undo func(context.Context) error) {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.cleanups = append(r.cleanups, undo)
}

// clean undoes everything. Who calls it second waits until it is done.
func (r *rig) clean() {
	r.cleaning.Lock()
	defer r.cleaning.Unlock()
	r.mutex.Lock()
	cleanups := r.cleanups
	r.cleanups = nil
	r.mutex.Unlock()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(r.ctx), 2*time.Minute)
	defer cancel()
	for _, undo := range slices.Backward(cleanups) {
		if err := undo(ctx); err != nil {
			r.say("clean up: " + err.Error())
		}
	}
}

// say prints a line at once: under go test a log line comes when its test is over, which takes minutes for the first.
func (r *rig) say(line string) {
	fmt.Fprintf(os.Stderr, "rehearsal %5.1f s  %s\n", time.Since(r.began).Seconds(), line)
}

// number returns 1, 2, … for a name: files of the run are never overwritten.
func (r *rig) number(name string) int {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	r.numbers[name]++
	return r.numbers[name]
}

// file names a new file of the run.
func (r *rig) file(name, extension string) string {
	return filepath.Join(r.dir, fmt.Sprintf("%s-%d%s", name, r.number(name), extension))
}

// ran is a program that has ended.
type ran struct {
	status int
	// output is what it printed on both streams, as on a terminal.
	output string
	// result is what slipway wrote to its result file.
	result report.Result
}

// exec runs a program, and keeps what it printed.
func (r *rig) exec(ctx context.Context, label string, environ []string, program string, args ...string) (ran, error) {
	command := exec.CommandContext(ctx, program, args...)
	command.Env = environ
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	err := command.Run()
	if err := os.WriteFile(r.file(label, ".log"), output.Bytes(), 0o600); err != nil {
		return ran{}, err
	}
	ended := ran{output: output.String()}
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		ended.status = exit.ExitCode()
		return ended, nil
	}
	return ended, err
}

// dockerRun runs docker and returns what it printed, or an error with that.
func (r *rig) dockerRun(ctx context.Context, args ...string) (string, error) {
	ended, err := r.exec(ctx, "docker-"+args[0], nil, r.docker, args...)
	if err == nil && ended.status != 0 {
		err = fmt.Errorf("exit status %d\n%s", ended.status, ended.output)
	}
	if err != nil {
		return ended.output, fmt.Errorf("docker %s: %w", args[0], err)
	}
	return strings.TrimSpace(ended.output), nil
}

// slipway runs the program on the rehearsed environment. Flags in args take precedence over what the environment sets.
func (r *rig) slipway(ctx context.Context, args ...string) (ran, error) {
	return r.slipwayWith(ctx, nil, args...)
}

// slipwayWith is slipway with variables of its own: "NAME=value" sets one, "NAME" takes one away.
func (r *rig) slipwayWith(ctx context.Context, changes []string, args ...string) (ran, error) {
	result := r.file("result-"+args[0], ".json")
	ended, err := r.exec(ctx, "slipway-"+args[0], environ(r.variables(), changes), r.program, withResult(args, result)...)
	if err != nil {
		return ended, err
	}
	content, err := os.ReadFile(result)
	if errors.Is(err, fs.ErrNotExist) {
		return ended, nil
	}
	if err == nil {
		err = json.Unmarshal(content, &ended.result)
	}
	return ended, err
}

// withResult puts --result behind the subcommand: what stands behind "--" is not the program's.
func withResult(args []string, file string) []string {
	return slices.Concat(args[:1], []string{"--result", file}, args[1:])
}

func (r *rig) variables() []string {
	variables := []string{
		"AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_REGION=" + region, "AWS_EC2_METADATA_DISABLED=true",
		"SLIPWAY_NAME=" + name, "SLIPWAY_ENVIRONMENT=" + environment, "SLIPWAY_PLAN_KEY=" + r.key.Reveal(),
		"SLIPWAY_COMMIT=" + commit(r.id), // the copy of the Terraform is no git checkout
	}
	if r.emulator != nil {
		variables = append(variables, "AWS_ENDPOINT_URL="+string(r.emulator.Endpoint()))
	}
	return variables
}

// environ is this process's environment without anything that would lead a program elsewhere, and with the variables.
func environ(variables, changes []string) []string {
	foreign := func(variable string) bool {
		for _, prefix := range []string{"AWS_", "SLIPWAY_", "TF_VAR_", "TF_LOG", "GITHUB_"} {
			if strings.HasPrefix(variable, prefix) {
				return true
			}
		}
		return false
	}
	all := append(slices.DeleteFunc(os.Environ(), foreign), variables...)
	for _, change := range changes {
		key, _, sets := strings.Cut(change, "=")
		all = slices.DeleteFunc(all, func(variable string) bool { return strings.HasPrefix(variable, key+"=") })
		if sets {
			all = append(all, change)
		}
	}
	return all
}

// must ends the test for an error of the rehearsal itself: must(call())(t).
func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// write makes a file for the time of one test.
func write(t testing.TB, file, content string) {
	t.Helper()
	if err := os.WriteFile(file, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(file) })
}

// holds fails the test for each text that the output lacks.
func holds(t testing.TB, output string, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(output, text) {
			t.Errorf("the output lacks %q:\n%s", text, cmp.Or(output, "(nothing was printed)"))
		}
	}
}
