package main

import (
	"context"
	"crypto/rand"

	"github.com/slipway-ci/slipway/pipeline/planfile"
	"github.com/slipway-ci/slipway/pipeline/report"

	"dagger/slipway/internal/dagger"
)

// Where things are in Terraform's container.
const (
	infrastructureDir = "/infrastructure"
	mirrorDir         = "/provider-mirror"
	planFile          = "/plan/plan"
)

// planKeyVariable is where the program looks for the key of plan files.
const planKeyVariable = "SLIPWAY_PLAN_KEY"

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
	key := s.PlanKey
	if key == nil {
		if key, err = ownKey(); err != nil {
			return nil, report.Result{}, err
		}
	}
	release, err := s.release(ctx)
	if err != nil {
		return nil, report.Result{}, err
	}
	after, result, err := perform(ctx, s.connect(c).WithSecretVariable(planKeyVariable, key), "plan",
		"--infrastructure", infrastructureDir, "--commit", release, "--out", planFile)
	if err != nil {
		return nil, result, err
	}
	return &Plan{
		Slipway: s,
		Key:     key,
		Summary: result.Plan.Markdown,
		Changes: result.Plan.Add + result.Plan.Change + result.Plan.Destroy,
		Guarded: result.Plan.Guarded,
		File:    after.File(planFile),
	}, result, nil
}

// ownKey is a key for a plan that doesn't leave this engine: nobody else has to open it.
func ownKey() (*dagger.Secret, error) {
	key, err := planfile.NewKey()
	if err != nil {
		return nil, err
	}
	return dag.SetSecret("slipway-plan-key-"+rand.Text(), key.Reveal()), nil
}

// Plan is what Terraform would change, saved and bound to what it was made for. The guard and apply take exactly this file.
type Plan struct {
	// +private
	Slipway *Slipway

	// +private
	Key *dagger.Secret

	// The plan as Markdown, without a value that is secret.
	Summary string

	// How many resources would be created, updated or destroyed; a replacement counts twice.
	Changes int

	// Addresses of resources with data that would be destroyed, replaced or put at risk; apply refuses each that isn't named.
	Guarded []string

	// The plan file, encrypted. With --plan-key it can be kept, and applied by a later call of apply.
	File *dagger.File
}

// Print the plan as Terraform's JSON. It is as secret as the state.
//
// +cache="session"
func (p *Plan) JSON(ctx context.Context) (*dagger.File, error) {
	c, err := tool(golangImage)
	if err != nil {
		return nil, err
	}
	const document = "/plan/plan.json"
	return c.
		WithSecretVariable(planKeyVariable, p.Key).
		WithFile(planFile, p.File).
		WithExec([]string{"slipway", "show", "--json", planFile}, dagger.ContainerWithExecOpts{RedirectStdout: document}).
		File(document).Sync(ctx)
}

// Apply exactly this plan, and return the environment it made.
//
// Refuses a plan of a state that has moved since, and one that destroys or replaces what holds data or puts it at risk, unless
// each address is named.
//
// +cache="never"
func (p *Plan) Apply(
	ctx context.Context,

	// Addresses of resources with data that may be destroyed, replaced or put at risk.
	// +optional
	allowDestroy []string,
) (*Environment, error) {
	return p.Slipway.applied(ctx, p.File, p.Key, allowDestroy)
}

// Apply exactly the plan in a file that an earlier call of plan made, with the same --plan-key.
//
// Refuses a plan of another commit, environment, state or version, one that was changed on its way, and one that destroys or
// replaces what holds data or puts it at risk, unless each address is named.
//
// +cache="never"
func (s *Slipway) Apply(
	ctx context.Context,

	// The plan file, from "plan file".
	plan *dagger.File,

	// Addresses of resources with data that may be destroyed, replaced or put at risk.
	// +optional
	allowDestroy []string,
) (*Environment, error) {
	if s.PlanKey == nil {
		return nil, failure("apply", &report.Failure{
			Reason: "there is no key for the plan file",
			Effect: "nothing was changed",
			Next:   "give the key that it was planned with, as --plan-key env://SLIPWAY_PLAN_KEY",
		})
	}
	return s.applied(ctx, plan, s.PlanKey, allowDestroy)
}

func (s *Slipway) applied(ctx context.Context, plan *dagger.File, key *dagger.Secret, allowDestroy []string) (*Environment, error) {
	if _, err := s.apply(ctx, plan, key, allowDestroy); err != nil {
		return nil, failure("apply", err)
	}
	environment, err := s.environment(ctx)
	if err != nil {
		return nil, failure("apply", err)
	}
	return environment, nil
}

func (s *Slipway) apply(ctx context.Context, plan *dagger.File, key *dagger.Secret, allowDestroy []string) (report.Result, error) {
	c, err := s.terraform()
	if err != nil {
		return report.Result{}, err
	}
	release, err := s.release(ctx)
	if err != nil {
		return report.Result{}, err
	}
	args := []string{"--infrastructure", infrastructureDir, "--commit", release, "--plan", planFile}
	for _, address := range allowDestroy {
		args = append(args, "--allow-destroy", address)
	}
	_, result, err := perform(ctx, s.connect(c).WithSecretVariable(planKeyVariable, key).WithFile(planFile, plan), "apply", args...)
	return result, err
}

// Draw a key for plan files that travel from one call to another, to be kept as a secret.
//
// +cache="never"
func (s *Slipway) NewPlanKey() (string, error) {
	key, err := planfile.NewKey()
	if err != nil {
		return "", err
	}
	return key.Reveal(), nil
}
