package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// Read what an earlier apply published for the environment. No Terraform runs.
//
// +cache="session"
func (s *Slipway) Environment(ctx context.Context) (*Environment, error) {
	environment, err := s.environment(ctx)
	if err != nil {
		return nil, failure("environment", err)
	}
	return environment, nil
}

func (s *Slipway) environment(ctx context.Context) (*Environment, error) {
	c, err := s.application()
	if err != nil {
		return nil, err
	}
	after, result, err := perform(ctx, c, "contract", "--out", contractFile)
	if err != nil {
		return nil, err
	}
	contract, err := after.File(contractFile).Contents(ctx)
	if err != nil {
		return nil, err
	}
	return &Environment{Slipway: s, Contract: contract, URL: result.Release.URL}, nil
}

const contractFile = "/tmp/contract.json"

// Environment is one running copy of the application, as its infrastructure published it. There is none without
// infrastructure that was applied.
type Environment struct {
	// +private
	Slipway *Slipway

	// The contract: all that the application side knows of the infrastructure, as JSON.
	Contract string

	// Where the application answers.
	URL string
}

// Bring an image that was pushed to this environment into service: verify, migrate, update, wait, smoke test.
//
// +cache="never"
func (e *Environment) Redeploy(
	ctx context.Context,

	// The image, from a build that was pushed; or digest and release name one.
	// +optional
	image *Image,

	// Digest of an image that the environment's repository has, "sha256:…".
	// +optional
	digest string,

	// Release id that the image of this digest answers with.
	// +optional
	release string,

	// Say what would change, and change nothing.
	// +optional
	dryRun bool,

	// Deploy although the environment runs this very release: a fresh rollout.
	// +optional
	force bool,

	// Replace a running revision that Slipway did not make, or that somebody changed.
	// +optional
	adopt bool,

	// Leave a failed release as it is, to look at it.
	// +optional
	noRollback bool,

	// How many tasks may fail before the deployment counts as failed; one is enough where the cause lies in the release. 0 leaves that to ECS's circuit breaker.
	// +default=2
	attempts int,
) (*Deployment, error) {
	if image != nil {
		digest, release = image.Digest, image.Release
	}
	if digest == "" || release == "" {
		return nil, errors.New("redeploy: give the image, or its digest and the release id that it answers with")
	}
	c, err := e.Slipway.application()
	if err != nil {
		return nil, err
	}
	args := append([]string{"--digest", digest, "--commit", release}, options(dryRun, force, adopt, noRollback, attempts)...)
	_, result, err := perform(ctx, c, "redeploy", args...)
	return e.Slipway.deployment(ctx, result, err)
}

// Bring an earlier release back into service. Migrations are not undone.
//
// +cache="never"
func (e *Environment) Rollback(
	ctx context.Context,

	// Revision of the release to go back to, like "blog-dev-web:41"; by default that of the release which served before.
	// +optional
	to string,
) (*Deployment, error) {
	c, err := e.Slipway.application()
	if err != nil {
		return nil, err
	}
	var args []string
	if to != "" {
		args = append(args, "--to", to)
	}
	_, result, err := perform(ctx, c, "rollback", args...)
	return e.Slipway.deployment(ctx, result, err)
}

// Run the migration alone, as one task, and touch no service.
//
// By default it is the migration of what runs. Only one runs in an environment at a time.
//
// +cache="never"
func (e *Environment) Migrate(
	ctx context.Context,

	// Digest of an image that the environment's repository has, "sha256:…".
	// +optional
	digest string,

	// Release id that the image of this digest was built from.
	// +optional
	release string,
) (string, error) {
	c, err := e.Slipway.application()
	if err != nil {
		return "", err
	}
	var args []string
	if digest != "" || release != "" {
		args = append(args, "--digest", digest, "--commit", release)
	}
	_, result, err := perform(ctx, c, "migrate", args...)
	return found("migrate", result, err)
}

// Check, without changing anything, all that a deployment to the environment needs, and return the table of checks.
//
// Fails when a check failed. A check that the credentials' rights don't suffice for is SKIPPED, with the missing permission.
//
// +cache="session"
func (e *Environment) Verify(
	ctx context.Context,

	// Digest of an image that the environment's repository has, "sha256:…", to check it too.
	// +optional
	digest string,
) (string, error) {
	c, err := e.Slipway.application()
	if err != nil {
		return "", err
	}
	var args []string
	if digest != "" {
		args = append(args, "--digest", digest)
	}
	_, result, err := perform(ctx, c, "verify", args...)
	table := report.ChecksText(result.Checks)
	if err != nil {
		fmt.Print(table) // a call that fails returns nothing, and the failure names only what failed
		return "", failure("verify", err)
	}
	return table, nil
}

// Say what each service runs, since when, of which commit, and how healthy it is.
//
// +cache="session"
func (e *Environment) Status(ctx context.Context) (string, error) {
	c, err := e.Slipway.application()
	if err != nil {
		return "", err
	}
	_, result, err := perform(ctx, c, "status")
	return found("status", result, err)
}

// List the last releases, the newest first: commit, image, who, when, and how they ended.
//
// +cache="session"
func (e *Environment) History(
	ctx context.Context,

	// How many releases.
	// +default=10
	last int,
) (string, error) {
	c, err := e.Slipway.application()
	if err != nil {
		return "", err
	}
	_, result, err := perform(ctx, c, "history", "--last", strconv.Itoa(last))
	return found("history", result, err)
}

// found is the text of a result that only tells what is there.
func found(operation string, result report.Result, err error) (string, error) {
	if err != nil {
		return "", failure(operation, err)
	}
	var text strings.Builder
	err = report.WriteTerminal(&text, result)
	return text.String(), err
}

// Run a one-off command as a task of what the environment runs now.
//
// Its log is shown as it comes; the call returns once the command has exited with 0.
//
// +cache="never"
func (e *Environment) Run(
	ctx context.Context,

	// The command and its arguments, as the image's entry point takes them.
	command []string,
) error {
	_, err := e.run(ctx, command)
	if err != nil {
		return failure("run", err)
	}
	return nil
}

func (e *Environment) run(ctx context.Context, command []string) (report.Result, error) {
	c, err := e.Slipway.application()
	if err != nil {
		return report.Result{}, err
	}
	_, result, err := perform(ctx, c, "run", append([]string{"--"}, command...)...)
	return result, err
}

// Deployment is one release brought into service.
type Deployment struct {
	// "succeeded"; a deployment that failed makes its call fail, and is had from report.
	Outcome string

	// Release id that answers.
	Release string

	// Digest of the image, "sha256:…".
	Digest string

	// Task-definition revisions that were registered, one per service, like "blog-dev-web:41".
	Revisions []string

	// Where the application answers.
	URL string

	// How long the chain took, like "2m58s".
	Duration string

	// The steps in the order of the chain.
	Steps []*Step

	// The result as the program writes it.
	// +private
	Result string
}

// Step is one step of a deployment.
type Step struct {
	Name string

	// "succeeded", "failed" or "not started".
	Outcome string

	// One line on what was done.
	Summary string

	// How long it took, in seconds.
	Seconds float64
}

// Print the deployment for a person or a machine: terminal, markdown, json or github.
func (d *Deployment) Report(
	ctx context.Context,

	// +default="markdown"
	format string,
) (string, error) {
	return render(ctx, d.Result, format)
}

// deployment makes the object of a result, keeps the result for report, and fails where the deployment did.
func (s *Slipway) deployment(ctx context.Context, result report.Result, err error) (*Deployment, error) {
	if result.Operation == "" { // the engine failed before the program could say anything
		return nil, err
	}
	document, keepErr := s.keep(ctx, result)
	if writeErr := report.WriteTerminal(os.Stdout, result); writeErr != nil {
		return nil, writeErr
	}
	if err != nil {
		result.Failure = report.AsFailure(err)
		return nil, errors.New(result.FailureText())
	}
	if keepErr != nil {
		return nil, keepErr
	}
	deployment := &Deployment{
		Outcome:   string(result.Outcome),
		Release:   result.Release.Commit,
		Digest:    result.Release.Digest,
		Revisions: result.Release.Revisions,
		URL:       result.Release.URL,
		Duration:  result.Wall().Round(time.Second).String(),
		Result:    document,
	}
	for _, step := range result.Steps {
		deployment.Steps = append(deployment.Steps, &Step{
			Name: step.Name, Outcome: string(step.Outcome), Summary: step.Summary, Seconds: step.Duration().Seconds(),
		})
	}
	return deployment, nil
}
