//go:build rehearsal

package lock

import (
	"bytes"
	"context"
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
	"syscall"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ci/slipway/pipeline/backend"
	"github.com/slipway-ci/slipway/pipeline/emulator"
	"github.com/slipway-ci/slipway/pipeline/report"
)

const (
	name    = "lock"
	region  = "eu-central-1"
	account = "000000000000"
	bucket  = "slipway-state-" + account + "-" + region
	// lockTable is a table as some still have for Terraform's locks.
	lockTable = "terraform-locks"
	// interval is how often leases are renewed here. A run that was killed is recognised after six of them.
	interval = "1s"
)

var (
	kills = flag.Int("kills", 100, "how many runs are killed")
	pairs = flag.Int("pairs", 50, "how many pairs of runs meet")
)

// shared is what the tests use together.
var shared struct {
	dir, program, planKey string
	endpoint              string
	aws                   aws.Config
	// log is the emulator's: what AWS saw.
	log func(context.Context) (string, error)
}

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	flag.Parse()
	if os.Getenv("SLIPWAY_SKIP_REHEARSAL") != "" {
		fmt.Fprintln(os.Stderr, "SKIPPED: the tests of lease and locks, because SLIPWAY_SKIP_REHEARSAL is set. Nothing was killed and nothing met")
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	down, err := start(ctx)
	defer down()
	if err != nil {
		fmt.Fprintf(os.Stderr, "rehearsal: %v\nset SLIPWAY_SKIP_REHEARSAL=1 to go without the rehearsal\n", err)
		return 1
	}
	context.AfterFunc(ctx, func() {
		down()
		os.Exit(1)
	})
	return m.Run()
}

// start builds the program and starts the emulator, which has nothing to run here.
func start(ctx context.Context) (down func(), err error) {
	down = func() {}
	if shared.dir, err = os.MkdirTemp("", "slipway-lock-"); err != nil {
		return down, err
	}
	down = func() { _ = os.RemoveAll(shared.dir) }
	shared.program = filepath.Join(shared.dir, "slipway")
	build := exec.CommandContext(ctx, "go", "build", "-o", shared.program, "./pipeline/cmd/slipway")
	build.Dir = filepath.Join("..", "..", "..")
	if output, err := build.CombinedOutput(); err != nil {
		return down, fmt.Errorf("build the program: %w\n%s", err, output)
	}
	key, err := exec.CommandContext(ctx, shared.program, "key").Output()
	if err != nil {
		return down, fmt.Errorf("draw a key: %w", err)
	}
	shared.planKey = strings.TrimSpace(string(key))
	e, err := emulator.Start(ctx, emulator.Options{Images: []string{}, Region: region})
	if err != nil {
		return down, err
	}
	down = func() {
		if err := e.Stop(context.WithoutCancel(ctx)); err != nil {
			fmt.Fprintln(os.Stderr, err)
		}
		_ = os.RemoveAll(shared.dir)
	}
	shared.endpoint, shared.log = string(e.Endpoint()), e.Logs
	shared.aws, err = config.LoadDefaultConfig(ctx, config.WithRegion(region), config.WithBaseEndpoint(shared.endpoint),
		config.WithCredentialsProvider(credentials.NewStaticCredentialsProvider("test", "test", "")))
	if err != nil {
		return down, err
	}
	made := exec.CommandContext(ctx, shared.program, "bootstrap", "--region", region, "--endpoint", shared.endpoint, "--lock-table", lockTable)
	made.Env = environ()
	if output, err := made.CombinedOutput(); err != nil {
		return down, fmt.Errorf("make the state bucket: %w\n%s", err, output)
	}
	return down, nil
}

// environ is this process's environment without anything that would lead a program elsewhere.
func environ(variables ...string) []string {
	kept := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		return slices.ContainsFunc([]string{"AWS_", "SLIPWAY_", "TF_VAR_", "TF_LOG", "GITHUB_"}, func(prefix string) bool { return strings.HasPrefix(variable, prefix) })
	})
	return append(append(kept, "AWS_ACCESS_KEY_ID=test", "AWS_SECRET_ACCESS_KEY=test", "AWS_EC2_METADATA_DISABLED=true",
		"SLIPWAY_PLAN_KEY="+shared.planKey, "SLIPWAY_COMMIT=1a2b3c4"), variables...)
}

// site is an environment of its own, with root modules in directories of their own: runs that meet don't share one.
type site struct {
	environment string
	// endpoint is where its runs find AWS, by default the emulator.
	endpoint  string
	flags     []string
	variables []string
}

func newSite(environment string) *site {
	return &site{environment: environment, endpoint: shared.endpoint}
}

// root makes a root module of the site from testdata.
func (s *site) root(t *testing.T, module string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", module))); err != nil {
		t.Fatal(err)
	}
	return dir
}

// want sets what the root module is to apply.
func (s *site) want(t *testing.T, root, generation string) {
	t.Helper()
	main, err := os.ReadFile(filepath.Join(root, "main.tf"))
	if err != nil {
		t.Fatal(err)
	}
	content := fmt.Sprintf("generation = %q\n", generation)
	if bytes.Contains(main, []byte(`variable "bucket"`)) {
		content += fmt.Sprintf("bucket = %q\n", bucket)
	}
	file := filepath.Join(root, "environments", s.environment+".tfvars")
	if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o755), os.WriteFile(file, []byte(content), 0o644)); err != nil {
		t.Fatal(err)
	}
}

// command is the program on the site, not yet started, in a process group of its own.
func (s *site) command(operation string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	all := append([]string{operation, "--name", name, "--environment", s.environment, "--region", region, "--endpoint", s.endpoint}, s.flags...)
	command := exec.Command(shared.program, append(all, args...)...)
	command.Env = environ(s.variables...)
	var output bytes.Buffer
	command.Stdout, command.Stderr = &output, &output
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return command, &output
}

// plan and apply are the two with all their flags.
func (s *site) plan(root, file string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	return s.command("plan", append([]string{"--infrastructure", root, "--out", file, "--lease-interval", interval}, args...)...)
}

func (s *site) apply(root, file string, args ...string) (*exec.Cmd, *bytes.Buffer) {
	return s.command("apply", append([]string{"--infrastructure", root, "--plan", file, "--lease-interval", interval}, args...)...)
}

// bring plans and applies, as a next run does, and returns what it said.
func (s *site) bring(t *testing.T, root string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "plan")
	var said strings.Builder
	for _, step := range []func(string, string, ...string) (*exec.Cmd, *bytes.Buffer){s.plan, s.apply} {
		command, output := step(root, file)
		err := command.Run()
		said.Write(output.Bytes())
		if err != nil {
			t.Fatalf("%s: %v\n%s", command.Args[1], err, output)
		}
	}
	return said.String()
}

// changes returns how many changes the next plan finds.
func (s *site) changes(t *testing.T, root string) int {
	t.Helper()
	dir := t.TempDir()
	result := filepath.Join(dir, "result.json")
	command, output := s.plan(root, filepath.Join(dir, "plan"), "--result", result)
	if err := command.Run(); err != nil {
		t.Fatalf("plan: %v\n%s", err, output)
	}
	var got report.Result
	content, err := os.ReadFile(result)
	if err == nil {
		err = json.Unmarshal(content, &got)
	}
	if err != nil || got.Plan == nil {
		t.Fatalf("result of plan: %v\n%s", err, content)
	}
	return got.Plan.Add + got.Plan.Change + got.Plan.Destroy
}

func (s *site) key() string { return backend.Key(name, s.environment) }

// beside lists what lies beside the state: nothing, when nobody is at work.
func (s *site) beside(t *testing.T) []string {
	t.Helper()
	prefix := s.key()
	listed, err := client().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: &prefix})
	if err != nil {
		t.Fatal(err)
	}
	var beside []string
	for _, object := range listed.Contents {
		if suffix := strings.TrimPrefix(*object.Key, prefix); suffix != "" {
			beside = append(beside, suffix)
		}
	}
	return beside
}

func (s *site) wantBeside(t *testing.T, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, s.beside(t)); diff != "" {
		t.Errorf("beside the state (-want +got):\n%s", diff)
	}
}

func client() *s3.Client {
	return s3.NewFromConfig(shared.aws, func(o *s3.Options) { o.UsePathStyle = true })
}

func tables() *dynamodb.Client { return dynamodb.NewFromConfig(shared.aws) }

// exitStatus is the status of a program that ended by itself, and -1 of one that was killed.
func exitStatus(t *testing.T, err error) int {
	t.Helper()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0
}

// descendants are the processes below one, it included.
func descendants(pid int) []int {
	parents := map[int][]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range stats {
		content, err := os.ReadFile(file)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		var id, parent int
		var state string
		// The program's name, in parentheses, may hold spaces.
		behind := content[bytes.LastIndexByte(content, ')')+1:]
		if _, err := fmt.Sscan(filepath.Base(filepath.Dir(file)), &id); err != nil {
			continue
		}
		if _, err := fmt.Sscan(string(behind), &state, &parent); err == nil {
			parents[parent] = append(parents[parent], id)
		}
	}
	found := []int{pid}
	for i := 0; i < len(found); i++ {
		found = append(found, parents[found[i]]...)
	}
	return found
}

// killAll kills a program with all that it started, Terraform and its providers too, at once.
func killAll(command *exec.Cmd) {
	for _, pid := range descendants(command.Process.Pid) {
		_ = syscall.Kill(pid, syscall.SIGKILL)
	}
	_ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL)
}
