package main

import (
	"context"
	"fmt"
	"strconv"

	"github.com/slipway-ci/slipway/pipeline/chain"
	"github.com/slipway-ci/slipway/pipeline/report"

	"dagger/slipway/internal/dagger"
)

// Run the whole chain, from source to a page that answers.
//
// Validate beside build and test, plan, guard, apply, push, verify, migrate, update, wait, smoke test. The first failure stops what has not begun: no infrastructure is touched when a test fails, and no image is pushed when
// infrastructure fails. A deployment that failed makes the call fail; its report is had with the function report.
//
// +cache="never"
func (s *Slipway) Deploy(
	ctx context.Context,

	// Addresses of resources with data that may be destroyed or replaced. A key stands in single quotes: aws_eip.nat['a'].
	// +optional
	allowDestroy []string,

	// Say what would change, and change nothing: neither infrastructure nor application.
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
	d := &deployment{
		Slipway: s, allowDestroy: allowDestroy, dryRun: dryRun,
		options: options(dryRun, force, adopt, noRollback, attempts),
	}
	result, err := d.execute(ctx, "deploy", chain.Deploy(d.work()))
	return s.deployment(ctx, result, err)
}

// deployment is one run of the chain: each step leaves here what the next ones need.
type deployment struct {
	*Slipway
	allowDestroy []string
	dryRun       bool
	// options are redeploy's flags.
	options []string

	build   *Build
	plan    *Plan
	planned *report.Plan
	// commit is the release id of what was built, and application what the application side did with it.
	commit      string
	application report.Result
}

// options are the flags of the program's redeploy.
func options(dryRun, force, adopt, noRollback bool, attempts int) []string {
	flags := []string{"--attempts", strconv.Itoa(attempts)}
	for _, flag := range []struct {
		name string
		set  bool
	}{{"--dry-run", dryRun}, {"--force", force}, {"--adopt", adopt}, {"--no-rollback", noRollback}} {
		if flag.set {
			flags = append(flags, flag.name)
		}
	}
	return flags
}

// work are chain.Deploy's steps, done in containers.
func (d *deployment) work() chain.Work {
	return chain.Work{
		Tools: d.doTools, Validate: d.doValidate, Build: d.doBuild, Test: d.doTest, Plan: d.doPlan, Apply: d.doApply, Release: d.doRelease,
	}
}

// execute runs the steps and makes one result of what they left.
func (d *deployment) execute(ctx context.Context, operation string, steps []chain.Step) (report.Result, error) {
	done, err := chain.Run(ctx, steps, progress)
	result := report.Result{
		Operation:   operation,
		Name:        d.Name,
		Environment: d.EnvironmentName,
		Outcome:     report.Succeeded,
		Steps:       done,
		Release:     report.Release{Commit: d.commit},
		Plan:        d.planned,
	}
	if a := d.application; a.Operation != "" {
		result.Outcome, result.Release, result.Checks, result.Changes, result.Notes = a.Outcome, a.Release, a.Checks, a.Changes, a.Notes
	}
	if err != nil {
		result.Failure = report.AsFailure(err)
		if result.Outcome == report.Succeeded {
			result.Outcome = report.Failed
		}
	}
	return result, err
}

// progress shows where the chain is; what the steps print themselves stands below their own lines.
func progress(step report.Step) {
	if step.Finished.IsZero() {
		fmt.Printf("%s …\n", step.Name)
		return
	}
	fmt.Printf("%s %s in %s %s\n", step.Name, step.Outcome, report.Seconds(step.Duration()), step.Summary)
}

// doTools makes the two containers that all others begin from.
func (d *deployment) doTools(ctx context.Context) (chain.Done, error) {
	for _, tool := range []func() (*dagger.Container, error){d.terraform, d.Slipway.application} {
		c, err := tool()
		if err != nil {
			return chain.Done{}, err
		}
		if _, err := c.Sync(ctx); err != nil {
			return chain.Done{}, explain("the program does not build, or Terraform's providers can't be installed", err)
		}
	}
	return chain.Done{Summary: "the program, and Terraform with its providers"}, nil
}

func (d *deployment) doValidate(ctx context.Context) (chain.Done, error) {
	c, err := d.terraform()
	if err != nil {
		return chain.Done{}, err
	}
	_, result, err := perform(ctx, c, "validate", "--infrastructure", ".")
	return inner(result), err
}

func (d *deployment) doBuild(ctx context.Context) (chain.Done, error) {
	var err error
	if d.build, err = d.Slipway.build(ctx); err != nil {
		return chain.Done{}, err
	}
	d.commit = d.build.Release
	return chain.Done{Summary: "commit " + d.build.Release}, nil
}

func (d *deployment) doTest(ctx context.Context) (chain.Done, error) {
	output, err := d.test(ctx)
	return chain.Done{Summary: lastLine(output)}, err
}

func (d *deployment) doPlan(ctx context.Context) (chain.Done, error) {
	plan, result, err := d.Slipway.plan(ctx)
	d.plan, d.planned = plan, result.Plan
	return inner(result), err
}

func (d *deployment) doApply(ctx context.Context) (chain.Done, error) {
	if d.dryRun {
		return chain.Done{Summary: "not applied: a dry run"}, nil
	}
	result, err := d.apply(ctx, d.plan.File, d.plan.Key, d.allowDestroy)
	return inner(result), err
}

func (d *deployment) doRelease(ctx context.Context) (chain.Done, error) {
	c, err := d.Slipway.application()
	if err != nil {
		return chain.Done{}, err
	}
	args := append([]string{"--archive", archiveFile, "--commit", d.build.Release}, d.options...)
	_, result, err := perform(ctx, d.build.mount(c), "redeploy", args...)
	d.application = result
	return inner(result), err
}

// inner makes the program's own steps take the place of the step that ran it.
func inner(result report.Result) chain.Done {
	return chain.Done{Steps: result.Steps}
}
