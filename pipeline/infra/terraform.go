// Package infra runs Terraform on an environment's infrastructure: what it plans is saved and applied exactly.
package infra

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/hashicorp/go-version"
	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/slipway-ci/slipway/pipeline/redact"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// Terraform runs the terraform program in one root module.
type Terraform struct {
	dir, program string
	// say gets one line for each thing that happened.
	say func(string)
	// hidden are the values that no line and no failure may hold.
	hidden []*redact.Values
	// created is what a killed apply created; see Adopt.
	created map[string]string
	find    Finder
	// held and taken are a lease's; see Hold.
	held, taken context.Context
	// occupied is the lock on dir, which is tried again after interval; see Occupy.
	occupied *os.File
	interval time.Duration
}

// New finds the terraform program for the root module in dir.
func New(dir string, say func(string)) (*Terraform, error) {
	if stat, err := os.Stat(dir); err != nil || !stat.IsDir() {
		return nil, &report.Failure{
			Reason: fmt.Sprintf("there is no Terraform directory %s", dir),
			Effect: "nothing was changed",
			Next:   "give the root module's directory with --infrastructure",
		}
	}
	program, err := exec.LookPath("terraform")
	if err != nil {
		return nil, (&report.Failure{Reason: "terraform is not installed", Effect: "nothing was changed", Next: "install Terraform 1.11 or later"}).Because(err)
	}
	absolute, err := filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("find Terraform directory %s: %w", dir, err)
	}
	t := &Terraform{dir: absolute, program: program, interval: 200 * time.Millisecond}
	t.say = func(line string) { say(t.shown(line)) }
	return t, nil
}

// command returns a terraform-exec runner of its own for every command: its writers stay set once a command set them.
func (t *Terraform) command() (*tfexec.Terraform, error) {
	tf, err := tfexec.NewTerraform(t.dir, t.program)
	if err != nil {
		return nil, fmt.Errorf("run terraform in %s: %w", t.dir, err)
	}
	tf.SetStdout(io.Discard)
	tf.SetStderr(io.Discard)
	if err := tf.SetWaitDelay(finish); err != nil {
		return nil, fmt.Errorf("run terraform in %s: %w", t.dir, err)
	}
	return tf, nil
}

// Environments lists the environments that the root module knows: the files environments/NAME.tfvars.
func (t *Terraform) Environments() ([]string, error) {
	files, err := filepath.Glob(filepath.Join(t.dir, "environments", "*.tfvars"))
	if err != nil {
		return nil, fmt.Errorf("list environments of %s: %w", t.dir, err)
	}
	for i, file := range files {
		files[i] = strings.TrimSuffix(filepath.Base(file), ".tfvars")
	}
	slices.Sort(files)
	return files, nil
}

// Knows returns a failure for an environment that the root module has no variables for.
func (t *Terraform) Knows(environment string) error {
	known, err := t.Environments()
	if err != nil {
		return err
	}
	if !slices.Contains(known, environment) {
		return &report.Failure{
			Reason: fmt.Sprintf("there is no environment %q; there are: %s", environment, strings.Join(known, ", ")),
			Effect: "nothing was changed",
			Next:   fmt.Sprintf("add environments/%s.tfvars to the Terraform, or give one of these with --environment", environment),
		}
	}
	return nil
}

// variables is the file of an environment's variables, below the root module.
func variables(environment string) string {
	return filepath.Join("environments", environment+".tfvars")
}

// FormatCheck returns a failure that lists the files that aren't formatted. It never rewrites one.
func (t *Terraform) FormatCheck(ctx context.Context) error {
	tf, err := t.command()
	if err != nil {
		return err
	}
	formatted, files, err := tf.FormatCheck(ctx, tfexec.Recursive(true))
	if err != nil {
		return t.failed("fmt -check", nil, err)
	}
	if formatted {
		return nil
	}
	return &report.Failure{
		Reason:   fmt.Sprintf("%d Terraform files are not formatted", len(files)),
		Evidence: files,
		Effect:   "no file was rewritten",
		Next:     "run terraform fmt -recursive and look at what it changed",
	}
}

// Backend says where the state is.
type Backend struct {
	Bucket, Key, Region string
	// LockTable is the DynamoDB table with the locks and the checksums of states; empty for none.
	LockTable string
	// PathStyle is for an S3 that has no host name per bucket.
	PathStyle bool
}

// config leaves "encrypt" out: with it Terraform asks for SSE-S3 in every upload, and so overrides the KMS key that a bucket
// may have. S3 encrypts what names nothing as the bucket says, and a bucket that says nothing with SSE-S3:
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/default-bucket-encryption.html
func (b Backend) config() []string {
	config := []string{"bucket=" + b.Bucket, "key=" + b.Key, "region=" + b.Region, "use_lockfile=true"}
	if b.LockTable != "" {
		config = append(config, "dynamodb_table="+b.LockTable)
	}
	if b.PathStyle {
		config = append(config, "use_path_style=true")
	}
	return config
}

// Init installs providers and modules, and connects the state; a nil backend leaves the state alone.
func (t *Terraform) Init(ctx context.Context, backend *Backend) error {
	tf, err := t.command()
	if err != nil {
		return err
	}
	if err := t.recent(ctx, tf); err != nil {
		return err
	}
	options := []tfexec.InitOption{tfexec.Backend(backend != nil)}
	if backend != nil {
		// The working directory may have been used for another environment; its state must not be copied over.
		options = append(options, tfexec.Reconfigure(true))
		for _, setting := range backend.config() {
			options = append(options, tfexec.BackendConfig(setting))
		}
	}
	ui := newUI(t.say)
	err = tf.InitJSON(ctx, ui, options...)
	ui.Close()
	if err != nil {
		err := t.failed("init", ui.diagnostics, err)
		if slices.ContainsFunc(ui.diagnostics, diagnostic.ofDownload) {
			report.AsFailure(err).Next = "where the registry can't be reached, hand over a provider mirror (docs/operations.md, \"Closed networks\")"
		}
		return err
	}
	if backend == nil {
		return nil
	}
	return t.onDefaultWorkspace()
}

// least is the first Terraform with write-only arguments and the lock file in S3.
//
// https://developer.hashicorp.com/terraform/language/v1.11.x/upgrade-guides
var least = version.Must(version.NewVersion("1.11"))

// recent returns a failure for a Terraform that is too old. It costs no process of its own: terraform-exec asks for the version
// before any command, and keeps it.
func (t *Terraform) recent(ctx context.Context, tf *tfexec.Terraform) error {
	found, _, err := tf.Version(ctx, false)
	if err != nil {
		return (&report.Failure{Reason: "terraform doesn't say which version it is", Evidence: []string{t.program}, Effect: "nothing was changed"}).Because(err)
	}
	if found.Core().LessThan(least) {
		return &report.Failure{
			Reason:   fmt.Sprintf("Terraform is version %s, and %s or later is wanted", found, least.Original()),
			Evidence: []string{t.program},
			Effect:   "nothing was changed",
			Next:     "install a later Terraform, or put one earlier on the PATH",
		}
	}
	return nil
}

// Validate checks the configuration as text: formatting, then Terraform's own validation. It wants no credentials.
func (t *Terraform) Validate(ctx context.Context) error {
	formatErr := t.FormatCheck(ctx)
	if failure, ok := errors.AsType[*report.Failure](formatErr); ok && failure.Cause == "" {
		return formatErr
	}
	// A file that can't be formatted isn't valid: init says better what is wrong with it, and where.
	if err := t.Init(ctx, nil); err != nil {
		return err
	}
	if formatErr != nil {
		return formatErr
	}
	tf, err := t.command()
	if err != nil {
		return err
	}
	result, err := tf.Validate(ctx)
	if err != nil {
		return t.failed("validate", nil, err)
	}
	var found []diagnostic
	for _, d := range result.Diagnostics {
		found = append(found, fromValidate(d))
	}
	if !result.Valid {
		return t.failed("validate", found, errors.New("the configuration is not valid"))
	}
	for _, d := range found {
		t.say("warning: " + d.Summary + d.at())
	}
	return nil
}

// failed makes a failure of what a Terraform command said. Where there are diagnostics they are the reason; the exit
// status, which says nothing, is left out then.
func (t *Terraform) failed(command string, found []diagnostic, err error) error {
	var problems []diagnostic
	for _, d := range found {
		if d.Severity == "error" {
			problems = append(problems, d)
		}
	}
	if len(problems) == 0 {
		f := (&report.Failure{Reason: "terraform " + command + " failed"}).Because(err)
		f.Cause = t.shown(f.Cause)
		return f
	}
	f := &report.Failure{Reason: fmt.Sprintf("terraform %s: %s%s", command, problems[0].Summary, problems[0].at())}
	for i, d := range problems {
		if i > 0 {
			f.Evidence = append(f.Evidence, d.Summary+d.at())
		}
		f.Evidence = append(f.Evidence, d.lines()...)
	}
	f.Reason = t.shown(f.Reason)
	for i, line := range f.Evidence {
		f.Evidence[i] = t.shown(line)
	}
	return f
}
