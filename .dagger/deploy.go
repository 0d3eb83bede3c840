package main

import (
	"context"
	"fmt"

	"github.com/slipway-ci/slipway/pipeline/chain"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// Run the whole chain, from source to a page that answers.
//
// Validate beside build and test, plan, guard, apply, push, verify, migrate, update, wait, smoke test. The first failure stops what has not begun: no infrastructure is touched when a test fails, and no image is pushed when
// infrastructure fails. A deployment that failed makes the call fail; its report is had with the function report.
//
// +cache="never"
func (s *Slipway) Deploy(
	ctx context.Context,

	// Addresses of resources with data that may be destroyed or replaced.
	// +optional
	allowDestroy []string,
) (*Deployment, error) {
	d := &deployment{Slipway: s, allowDestroy: allowDestroy}
	result, err := d.execute(ctx, "deploy", chain.Deploy(d.work()))
	return s.deployment(ctx, result, err)
}

// deployment is one run of the chain: each step leaves here what the next ones need.
type deployment struct {
	*Slipway
	allowDestroy []string

	build   *Build
	plan    *Plan
	planned *report.Plan
	release report.Release
}

// work are chain.Deploy's steps, done in containers.
func (d *deployment) work() chain.Work {
	return chain.Work{
		Validate: d.doValidate, Build: d.doBuild, Test: d.doTest, Plan: d.doPlan, Apply: d.doApply, Release: d.doRelease,
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
		Release:     d.release,
		Plan:        d.planned,
	}
	if err != nil {
		result.Outcome, result.Failure = report.Failed, report.AsFailure(err)
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

func (d *deployment) doValidate(ctx context.Context) (chain.Done, error) {
	c, err := d.terraform()
	if err != nil {
		return chain.Done{}, err
	}
	_, result, err := perform(ctx, c, "validate", "--infrastructure", infrastructureDir)
	return inner(result, err), err
}

func (d *deployment) doBuild(ctx context.Context) (chain.Done, error) {
	var err error
	if d.build, err = d.Slipway.build(ctx); err != nil {
		return chain.Done{}, err
	}
	d.release.Commit = d.build.Release
	return chain.Done{Summary: "commit " + d.build.Release}, nil
}

func (d *deployment) doTest(ctx context.Context) (chain.Done, error) {
	output, err := d.test(ctx)
	return chain.Done{Summary: lastLine(output)}, err
}

func (d *deployment) doPlan(ctx context.Context) (chain.Done, error) {
	plan, result, err := d.Slipway.plan(ctx)
	d.plan, d.planned = plan, result.Plan
	return inner(result, err), err
}

func (d *deployment) doApply(ctx context.Context) (chain.Done, error) {
	result, err := d.plan.apply(ctx, d.allowDestroy)
	return inner(result, err), err
}

func (d *deployment) doRelease(ctx context.Context) (chain.Done, error) {
	c, err := d.application()
	if err != nil {
		return chain.Done{}, err
	}
	_, result, err := perform(ctx, d.build.mount(c), "redeploy", "--archive", archiveFile, "--commit", d.build.Release)
	if result.Operation != "" {
		d.release = result.Release
	}
	return inner(result, err), err
}

// inner makes the program's own steps take the place of the step that ran it.
func inner(result report.Result, _ error) chain.Done {
	return chain.Done{Steps: result.Steps}
}
