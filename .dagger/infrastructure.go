package main

import (
	"context"

	"github.com/slipway-ci/slipway/pipeline/report"

	"dagger/slipway/internal/dagger"
)

// Where things are in Terraform's container. Secret as the state is what lies below /plan.
const (
	infrastructureDir = "/infrastructure"
	mirrorDir         = "/provider-mirror"
	planFile          = "/plan/plan"
	planJSON          = "/plan/plan.json"
)

// terraform is Terraform's image with the program, the root module and its providers installed.
func (s *Slipway) terraform() (*dagger.Container, error) {
	c := dag.Container().From(terraformImage)
	if s.ProviderMirror != nil {
		c = c.
			WithMountedDirectory(mirrorDir, s.ProviderMirror).
			WithNewFile("/root/.terraformrc", `provider_installation { filesystem_mirror { path = "`+mirrorDir+`" } }`)
	}
	root := s.Source.Directory(s.Infrastructure)
	install := []string{"terraform", "init", "-backend=false", "-input=false", "-no-color"}
	return withProgram(c.
		WithWorkdir(infrastructureDir).
		WithNewFile("/plan/.keep", "").
		// The providers, a large download, in a layer of their own that only a change of versions.tf makes anew. What else
		// a root module needs is installed with the rest of it.
		WithDirectory(".", root.Filter(dagger.DirectoryFilterOpts{Include: []string{"versions.tf"}})).
		WithExec(install, dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny}).
		WithDirectory(".", root))
}

// Check the Terraform as text: its format, and Terraform's own validation. Needs no AWS.
//
// +check
func (s *Slipway) Validate(ctx context.Context) (string, error) {
	c, err := s.terraform()
	if err != nil {
		return "", err
	}
	_, result, err := perform(ctx, c, "validate", "--infrastructure", infrastructureDir)
	if err != nil {
		return "", failure("validate", err)
	}
	return result.Steps[0].Summary, nil
}

// Make the bucket that holds Terraform's state, once per account and region. Again changes nothing.
//
// +cache="never"
func (s *Slipway) Bootstrap(ctx context.Context) (string, error) {
	c, err := s.application()
	if err != nil {
		return "", err
	}
	_, result, err := perform(ctx, c, "bootstrap")
	if err != nil {
		return "", failure("bootstrap", err)
	}
	return result.Steps[0].Summary, nil
}

// Save what Terraform would change, and show it. Nothing is changed.
//
// +cache="session"
func (s *Slipway) Plan(ctx context.Context) (*Plan, error) {
	plan, _, err := s.plan(ctx)
	if err != nil {
		return nil, failure("plan", err)
	}
	return plan, nil
}

func (s *Slipway) plan(ctx context.Context) (*Plan, report.Result, error) {
	c, err := s.terraform()
	if err != nil {
		return nil, report.Result{}, err
	}
	after, result, err := perform(ctx, s.connect(c), "plan", "--infrastructure", infrastructureDir, "--out", planFile, "--json", planJSON)
	if err != nil {
		return nil, result, err
	}
	return &Plan{
		Slipway: s,
		Summary: result.Plan.Markdown,
		Changes: result.Plan.Add + result.Plan.Change + result.Plan.Destroy,
		Guarded: result.Plan.Guarded,
		File:    after.File(planFile),
		JSON:    after.File(planJSON),
	}, result, nil
}

// Plan is what Terraform would change, saved. The guard and apply take exactly this file.
type Plan struct {
	// +private
	Slipway *Slipway

	// The plan as Markdown, without a value in it.
	Summary string

	// How many resources would be created, updated or destroyed; a replacement counts twice.
	Changes int

	// Addresses of resources with data that would be destroyed or replaced; apply refuses each that isn't named.
	Guarded []string

	// Terraform's saved plan. It holds values, and is as secret as the state.
	File *dagger.File

	// The saved plan as JSON, as secret as the plan itself.
	JSON *dagger.File
}

// Apply exactly this plan, and return the environment it made.
//
// Refuses a plan that destroys or replaces what holds data, unless each address is named, and one of a state that has
// moved since.
//
// +cache="never"
func (p *Plan) Apply(
	ctx context.Context,

	// Addresses of resources with data that may be destroyed or replaced.
	// +optional
	allowDestroy []string,
) (*Environment, error) {
	if _, err := p.apply(ctx, allowDestroy); err != nil {
		return nil, failure("apply", err)
	}
	environment, err := p.Slipway.environment(ctx)
	if err != nil {
		return nil, failure("apply", err)
	}
	return environment, nil
}

func (p *Plan) apply(ctx context.Context, allowDestroy []string) (report.Result, error) {
	c, err := p.Slipway.terraform()
	if err != nil {
		return report.Result{}, err
	}
	args := []string{"--infrastructure", infrastructureDir, "--plan", planFile}
	for _, address := range allowDestroy {
		args = append(args, "--allow-destroy", address)
	}
	_, result, err := perform(ctx, p.Slipway.connect(c).WithFile(planFile, p.File), "apply", args...)
	return result, err
}
