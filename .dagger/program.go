package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"github.com/slipway-ci/slipway"
	"github.com/slipway-ci/slipway/pipeline/report"

	"dagger/slipway/internal/dagger"
)

// Images that the chain runs in. Every one is named here.
const (
	golangImage    = "golang:1.26"
	terraformImage = "hashicorp/terraform:1.11.4"
	debianImage    = "debian:trixie-slim"
	mysqlImage     = "mysql:8.4"
)

// connect gives a container the credentials and the way to AWS.
func (s *Slipway) connect(c *dagger.Container) *dagger.Container {
	c = c.
		WithEnvVariable("AWS_REGION", s.Region).
		WithEnvVariable("SLIPWAY_NAME", s.Name).
		WithEnvVariable("SLIPWAY_ENVIRONMENT", s.EnvironmentName)
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": s.Endpoint, "SLIPWAY_STATE_BUCKET": s.StateBucket, "SLIPWAY_LOCK_TABLE": s.LockTable, "SLIPWAY_CALLER": s.Caller,
	} {
		if value != "" {
			c = c.WithEnvVariable(name, value)
		}
	}
	for name, secret := range map[string]*dagger.Secret{
		"AWS_ACCESS_KEY_ID":     s.AccessKeyID,
		"AWS_SECRET_ACCESS_KEY": s.SecretAccessKey,
		"AWS_SESSION_TOKEN":     s.SessionToken,
	} {
		if secret != nil {
			c = c.WithSecretVariable(name, secret)
		}
	}
	if s.EmulatorService != nil {
		c = c.WithServiceBinding(emulatorHost, s.EmulatorService)
	}
	return c
}

// embedded writes the program's source, which travels inside this module, to where the engine can take it from.
func embedded() (*dagger.Directory, error) {
	if _, err := os.Stat("program"); errors.Is(err, os.ErrNotExist) {
		if err := os.CopyFS("program", slipway.Source); err != nil {
			return nil, fmt.Errorf("write the program's source: %w", err)
		}
	}
	return dag.CurrentModule().Workdir("program", dagger.CurrentModuleWorkdirOpts{
		Exclude: []string{"**/*_test.go", "**/testdata"},
	}), nil
}

// program builds the slipway program.
func program() (*dagger.File, error) {
	source, err := embedded()
	if err != nil {
		return nil, err
	}
	return golang().
		WithDirectory(".", source).
		WithExec([]string{"go", "build", "-trimpath", "-o", "/slipway", "./pipeline/cmd/slipway"}).
		File("/slipway"), nil
}

// golang is a container that builds Go, with what earlier builds downloaded and compiled.
func golang() *dagger.Container {
	return dag.Container().From(golangImage).
		WithMountedCache("/go/pkg/mod", dag.CacheVolume("slipway-go-modules")).
		WithMountedCache("/root/.cache/go-build", dag.CacheVolume("slipway-go-build")).
		WithEnvVariable("CGO_ENABLED", "0").
		WithWorkdir("/source")
}

// tool is an image with the program in it.
func tool(image string) (*dagger.Container, error) {
	return withProgram(dag.Container().From(image))
}

func withProgram(c *dagger.Container) (*dagger.Container, error) {
	slipway, err := program()
	if err != nil {
		return nil, err
	}
	return c.WithFile("/usr/local/bin/slipway", slipway), nil
}

// application is the container for what needs no tool but the program. The base image brings the certificates.
func (s *Slipway) application() (*dagger.Container, error) {
	c, err := tool(golangImage)
	if err != nil {
		return nil, err
	}
	return s.connect(c), nil
}

// resultFile is where the program leaves its result in every container.
const resultFile = "/tmp/result.json"

// perform runs a subcommand once, now, and reads its result. It returns the container as the command left it. A result with a
// failure is returned beside that failure, for the report.
func perform(ctx context.Context, c *dagger.Container, subcommand string, args ...string) (*dagger.Container, report.Result, error) {
	command := append([]string{"slipway", subcommand, "--result", resultFile}, args...)
	after, err := c.
		// Without this the engine would replay what it remembers of the same command, and nothing would be deployed.
		WithEnvVariable("SLIPWAY_NOW", time.Now().Format(time.RFC3339Nano)).
		WithExec(command, dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny}).
		Sync(ctx)
	if err != nil {
		return nil, report.Result{}, err
	}
	result, err := read(ctx, after)
	if err != nil {
		return nil, report.Result{}, err
	}
	if result.Failure != nil {
		return after, result, result.Failure
	}
	return after, result, nil
}

// read reads the result. A program that was stopped before it wrote one leaves what it printed last.
func read(ctx context.Context, c *dagger.Container) (report.Result, error) {
	var result report.Result
	written, err := c.Exists(ctx, resultFile)
	if err != nil {
		return result, err
	}
	if !written {
		progress, err := c.Stderr(ctx)
		return result, errors.Join(fmt.Errorf("the program left no result; it printed: %s", progress), err)
	}
	content, err := c.File(resultFile).Contents(ctx)
	if err != nil {
		return result, err
	}
	if err := json.Unmarshal([]byte(content), &result); err != nil {
		return result, fmt.Errorf("read the program's result: %w", err)
	}
	return result, nil
}

// failure is how a function fails for a person: the reason, the evidence, what was done and what to do.
func failure(operation string, err error) error {
	return errors.New(report.AsFailure(err).Text(operation))
}

// lastLines is how much of what a command printed a failure shows.
const lastLines = 30

// explain makes a failure of a command that failed in a container, with what it printed last; any other error stays as it
// is.
func explain(reason string, err error) error {
	exec, ok := errors.AsType[*dagger.ExecError](err)
	if !ok {
		return err
	}
	printed := strings.Split(strings.TrimSpace(exec.Stdout+"\n"+exec.Stderr), "\n")
	return &report.Failure{
		Reason:   fmt.Sprintf("%s: %q exited with %d", reason, exec.Cmd, exec.ExitCode),
		Evidence: printed[max(0, len(printed)-lastLines):],
		Effect:   "nothing was changed",
	}
}
