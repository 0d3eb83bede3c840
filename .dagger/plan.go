package main

import (
	"context"
	"crypto/rand"

	"github.com/slipway-ci/slipway/pipeline/planfile"
	"github.com/slipway-ci/slipway/pipeline/report"

	"dagger/slipway/internal/dagger"
)

// Where a plan is in every container.
const (
	planFile = "/plan/plan"
	planJSON = "/plan/plan.json"
)

// planKeyVariable is where the program looks for the key of plan files.
const planKeyVariable = "SLIPWAY_PLAN_KEY"

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
	c, err := s.terraformConnected(ctx)
	if err != nil {
		return nil, report.Result{}, err
	}
	key := s.PlanKey
	if key == nil {
		if key, err = ownKey(); err != nil {
			return nil, report.Result{}, err
		}
	}
	after, result, err := perform(ctx, c.WithSecretVariable(planKeyVariable, key), "plan", "--infrastructure", ".", "--out", planFile)
	if err != nil {
		return nil, result, err
	}
	var monthly string
	if result.Cost != nil {
		monthly = result.Cost.Markdown()
	}
	return &Plan{
		Slipway: s,
		Key:     key,
		Summary: report.FindingsMarkdown(result.Plan.Findings) + result.Plan.Markdown,
		Changes: result.Plan.Changes(),
		Guarded: result.Plan.Guarded,
		Comment: result.Plan.Comment,
		Cost:    monthly,
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

	// The plan as Markdown for a job summary, without a value that is secret.
	Summary string

	// The same, as short as a comment on a pull request has to be.
	Comment string

	// How many resources would be created, updated or destroyed; a replacement counts twice.
	Changes int

	// Addresses of resources with data that would be destroyed, replaced or put at risk; apply refuses each that isn't named.
	Guarded []string

	// What the plan's resources cost by the month, and what it changes about that, as Markdown.
	Cost string

	// The plan file, encrypted. With --plan-key it can be kept, and applied by a later call of apply.
	File *dagger.File
}

// Print the plan as Terraform's JSON. It is as secret as the state.
//
// +cache="session"
func (p *Plan) Json(ctx context.Context) (*dagger.File, error) {
	c, err := tool(golangImage)
	if err != nil {
		return nil, err
	}
	return c.
		WithSecretVariable(planKeyVariable, p.Key).
		WithFile(planFile, p.File).
		WithExec([]string{"slipway", "show", "--json", planFile}, dagger.ContainerWithExecOpts{RedirectStdout: planJSON}).
		File(planJSON).Sync(ctx)
}

// Apply exactly this plan, and return the environment it made.
//
// Refuses a plan of a state that has moved since, and one that destroys or replaces what holds data or puts it at risk, unless
// each address is named.
//
// +cache="never"
func (p *Plan) Apply(
	ctx context.Context,

	// Addresses of resources with data that may be destroyed, replaced or put at risk. A key stands in single quotes: aws_eip.nat['a'].
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

	// Addresses of resources with data that may be destroyed, replaced or put at risk. A key stands in single quotes: aws_eip.nat['a'].
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
		f := report.AsFailure(err)
		f.Effect = "the plan was applied"
		return nil, failure("apply", f)
	}
	return environment, nil
}

func (s *Slipway) apply(ctx context.Context, plan *dagger.File, key *dagger.Secret, allowDestroy []string) (report.Result, error) {
	c, err := s.terraformConnected(ctx)
	if err != nil {
		return report.Result{}, err
	}
	args := []string{"--infrastructure", ".", "--plan", planFile}
	args = append(args, allowing(allowDestroy)...)
	_, result, err := perform(ctx, c.WithSecretVariable(planKeyVariable, key).WithFile(planFile, plan), "apply", args...)
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

// Say what of a plan, of anybody's Terraform, would destroy data or put it at risk. Fails where something isn't allowed by name.
func (s *Slipway) Guard(
	ctx context.Context,

	// The plan as "terraform show -json" prints it.
	plan *dagger.File,

	// Addresses that are allowed.
	// +optional
	allowDestroy []string,
) (string, error) {
	c, err := tool(golangImage)
	if err != nil {
		return "", err
	}
	args := []string{"--plan", planJSON}
	args = append(args, allowing(allowDestroy)...)
	_, result, err := perform(ctx, c.WithMountedFile(planJSON, plan), "guard", args...)
	return found("guard", result, err)
}

// Say what the resources of a plan, of anybody's Terraform, cost by the month, and what the plan changes about that.
func (s *Slipway) Cost(
	ctx context.Context,

	// The plan as "terraform show -json" prints it.
	plan *dagger.File,
) (string, error) {
	c, err := tool(golangImage)
	if err != nil {
		return "", err
	}
	_, result, err := perform(ctx, c.WithMountedFile(planJSON, plan), "cost", "--plan", planJSON)
	return found("cost", result, err)
}

// allowing are the program's flags for addresses that are allowed by name.
func allowing(addresses []string) []string {
	var flags []string
	for _, address := range addresses {
		flags = append(flags, "--allow-destroy", address)
	}
	return flags
}
