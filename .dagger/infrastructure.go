package main

import (
	"context"
	"errors"
	"path"
	"strconv"
	"strings"

	"github.com/slipway-ci/slipway/pipeline/report"

	"dagger/slipway/internal/dagger"
)

// Where things are in Terraform's container.
const (
	infrastructureDir = "/infrastructure"
	mirrorDir         = "/provider-mirror"
	rescueDir         = "/rescue"
)

// terraform is Terraform's image with the program, the root module and its providers installed.
func (s *Slipway) terraform() (*dagger.Container, error) {
	c := dag.Container().From(terraformImage)
	if s.ProviderMirror != nil {
		c = c.
			WithMountedDirectory(mirrorDir, s.ProviderMirror).
			WithNewFile("/root/.terraformrc", `provider_installation { filesystem_mirror { path = "`+mirrorDir+`" } }`)
	}
	top, below := s.rootModule()
	install := []string{"terraform", "init", "-backend=false", "-input=false", "-no-color"}
	return withProgram(c.
		WithWorkdir(below).
		WithNewFile("/plan/.keep", "").
		// The providers, a large download, in a layer of their own that only a change of versions.tf makes anew. What else
		// a root module needs is installed with the rest of it.
		WithDirectory(".", s.Source.Directory(s.Infrastructure).Filter(dagger.DirectoryFilterOpts{Include: []string{"versions.tf"}})).
		WithExec(install, dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny}).
		WithDirectory(infrastructureDir, s.Source.Directory(top)))
}

// rootModule returns the topmost directory of the root module's path, and where the root module lies in Terraform's container.
// That directory is there as a whole: a root module may use modules beside it.
func (s *Slipway) rootModule() (top, inContainer string) {
	top, below, _ := strings.Cut(path.Clean(strings.TrimPrefix(s.Infrastructure, "/")), "/")
	return top, path.Join(infrastructureDir, below)
}

// Check the Terraform as text: its format, and Terraform's own validation. Needs no AWS.
//
// +check
func (s *Slipway) Validate(ctx context.Context) (string, error) {
	c, err := s.terraform()
	if err != nil {
		return "", err
	}
	_, result, err := perform(ctx, c, "validate", "--infrastructure", ".")
	if err != nil {
		return "", failure("validate", err)
	}
	return result.Steps[0].Summary, nil
}

// Make the bucket that holds Terraform's state, once per account and region, and show what is there.
//
// It reads first, makes what is missing and sets what deviates; again it changes nothing. With --lock-table it makes that table
// too.
//
// +cache="never"
func (s *Slipway) Bootstrap(
	ctx context.Context,

	// Encrypt states with a KMS key of their own, alias/slipway-state, which is made where it is missing.
	// +optional
	kms bool,

	// Days that an old version of a state stays at least.
	// +default=90
	keepDays int,

	// How many of the newest old versions stay whatever their age, from 1 to 100.
	// +default=30
	keepVersions int,

	// Tags of the bucket and of what is made beside it, as KEY=VALUE.
	// +optional
	tags []string,
) (string, error) {
	c, err := s.application()
	if err != nil {
		return "", err
	}
	args := []string{"--keep-days", strconv.Itoa(keepDays), "--keep-versions", strconv.Itoa(keepVersions)}
	if kms {
		args = append(args, "--kms")
	}
	if s.LockTable != "" {
		args = append(args, "--lock-table", s.LockTable)
	}
	for _, tag := range tags {
		args = append(args, "--tag", tag)
	}
	_, result, err := perform(ctx, c, "bootstrap", args...)
	return found("bootstrap", result, err)
}

// Say what was changed outside of Terraform, by whom where CloudTrail's event history tells, and what an apply would do about
// it. Nothing is changed.
//
// +cache="session"
func (s *Slipway) Drift(
	ctx context.Context,

	// Fail where there is drift, for a CI run.
	// +optional
	fail bool,

	// "terminal" or "markdown".
	// +default="terminal"
	format string,
) (string, error) {
	c, err := s.terraformConnected(ctx)
	if err != nil {
		return "", err
	}
	_, result, err := perform(ctx, c, "drift", "--infrastructure", ".")
	if err != nil {
		return "", failure("drift", err)
	}
	text := report.Markdown(result)
	if format != "markdown" {
		if text, err = found("drift", result, nil); err != nil {
			return "", err
		}
	}
	if fail && result.Drift != nil && result.Drift.Found() {
		return "", errors.New(text)
	}
	return text, nil
}

// Take the environment away, and list what is left that costs something.
//
// Without --confirm it shows what would go. What holds data has to be allowed by name.
//
// +cache="never"
func (s *Slipway) Destroy(
	ctx context.Context,

	// The environment's full name, like "blog-dev".
	// +optional
	confirm string,

	// Addresses of resources with data that may be destroyed. A key stands in single quotes: aws_eip.nat['a'].
	// +optional
	allowDestroy []string,

	// Delete the images of repositories that aren't deleted with them.
	// +optional
	emptyRepositories bool,

	// Delete the objects of buckets that aren't deleted with them, in all their versions.
	// +optional
	emptyBuckets bool,
) (string, error) {
	c, err := s.terraformConnected(ctx)
	if err != nil {
		return "", err
	}
	args := []string{"--infrastructure", "."}
	if confirm != "" {
		args = append(args, "--confirm", confirm)
	}
	args = append(args, allowing(allowDestroy)...)
	if emptyRepositories {
		args = append(args, "--empty-repositories")
	}
	if emptyBuckets {
		args = append(args, "--empty-buckets")
	}
	_, result, err := perform(ctx, c, "destroy", args...)
	return found("destroy", result, err)
}

// Show who works on the environment or has locked its state, and with --id remove that lock.
//
// A lock of a run that is alive is only removed with --force. A run that was killed needs no unlock: the next one notices.
//
// +cache="never"
func (s *Slipway) Unlock(
	ctx context.Context,

	// The lock's id; without it, what is there is shown.
	// +optional
	id string,

	// Remove the lock of a run that is alive too, or one that isn't Terraform's.
	// +optional
	force bool,
) (string, error) {
	c, err := s.application()
	if err != nil {
		return "", err
	}
	var args []string
	if id != "" {
		args = append(args, "--id", id)
	}
	if force {
		args = append(args, "--force")
	}
	_, result, err := perform(ctx, c, "unlock", args...)
	return found("unlock", result, err)
}

// terraformConnected is Terraform's container with the way to AWS, for what reads or changes the environment's state.
func (s *Slipway) terraformConnected(ctx context.Context) (*dagger.Container, error) {
	c, err := s.terraform()
	if err != nil {
		return nil, err
	}
	release, err := s.release(ctx)
	if err != nil {
		return nil, err
	}
	// A state that can't be written to the bucket outlives the container here, and the next run brings it there.
	rescue := dag.CacheVolume(strings.Join([]string{"slipway-rescue", s.Name, s.EnvironmentName, s.Region}, "-"))
	return s.connect(c).
		WithEnvVariable("SLIPWAY_COMMIT", release).
		WithMountedCache(rescueDir, rescue).
		WithEnvVariable("SLIPWAY_RESCUE", rescueDir), nil
}
