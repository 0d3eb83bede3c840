package main

import (
	"context"
	"strings"

	"github.com/slipway-ci/slipway/pipeline/chain"
	"github.com/slipway-ci/slipway/pipeline/report"

	"dagger/slipway/internal/dagger"
)

// Check every part: format, validation, lint and tests. Needs no AWS.
func (s *Slipway) Check(ctx context.Context) (string, error) {
	own, err := s.Source.Exists(ctx, ownProgram)
	if err != nil {
		return "", err
	}
	steps := []chain.Step{
		{Name: "validate", Run: says(s.Validate)},
		{Name: "terraform", Run: says(s.TestInfrastructure)},
		{Name: "test", Run: says(s.Test)},
		{Name: "build", Run: func(ctx context.Context) (chain.Done, error) {
			build, err := s.build(ctx)
			if err != nil {
				return chain.Done{}, err
			}
			return chain.Done{Summary: "commit " + build.Release}, nil
		}},
	}
	if own {
		steps = append(steps, chain.Step{Name: "go", Run: says(s.testProgram)})
	}
	result := report.Result{Operation: "check", Outcome: report.Succeeded}
	if result.Steps, err = chain.Run(ctx, steps, progress); err != nil {
		return "", failure("check", err)
	}
	var text strings.Builder
	err = report.WriteTerminal(&text, result)
	return text.String(), err
}

// says makes a step of a function that returns text: the last line is its summary.
func says(f func(context.Context) (string, error)) func(context.Context) (chain.Done, error) {
	return func(ctx context.Context) (chain.Done, error) {
		text, err := f(ctx)
		return chain.Done{Summary: lastLine(text)}, err
	}
}

// Run the tests that the Terraform brings, with "terraform test".
//
// +check
func (s *Slipway) TestInfrastructure(ctx context.Context) (string, error) {
	found, err := s.Source.Directory(s.Infrastructure).Glob(ctx, "tests/*.tftest.hcl")
	if err != nil {
		return "", err
	}
	if len(found) == 0 {
		return "there are no tests/*.tftest.hcl", nil
	}
	c, err := s.terraform()
	if err != nil {
		return "", err
	}
	output, err := c.
		WithExec([]string{"terraform", "init", "-backend=false", "-input=false", "-no-color"}).
		WithExec([]string{"terraform", "test", "-no-color"}).
		Stdout(ctx)
	return output, explain("the tests of the Terraform failed", err)
}

// ownProgram is there where the source is Slipway's own repository.
const ownProgram = "pipeline/cmd/slipway"

// testProgram vets and tests the program itself.
func (s *Slipway) testProgram(ctx context.Context) (string, error) {
	source := s.Source.Filter(dagger.DirectoryFilterOpts{Include: []string{"go.mod", "go.sum", "*.go", "pipeline/**", ".dagger/*.go", "docs/**", "terraform/**"}})
	_, err := golang().
		WithDirectory(".", source).
		WithExec([]string{"go", "vet", "./..."}).
		WithExec([]string{"go", "test", "./..."}).
		Sync(ctx)
	return "vetted and tested", explain("the tests of the program failed", err)
}
