package main

import (
	"context"
	"errors"
	"os"
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
	_, result, err := perform(ctx, c, "redeploy", "--digest", digest, "--commit", release)
	return e.Slipway.deployment(ctx, result, err)
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
		return nil, failure(result.Operation, err)
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
