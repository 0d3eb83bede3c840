// Tests of Slipway's functions, as a caller sees them: in an engine, against the emulator.
//
// What the steps do to AWS is tested without an engine, in pipeline/rehearsal. Here is what only an engine can get wrong:
// that a call is made as often as it is asked for, and that what one function returns is what the next one needs.
package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"dagger/tests/internal/dagger"
)

// Tests runs the cases. Each takes the same environment, which is applied once.
type Tests struct {
	// +private
	Source *dagger.Directory
	// +private
	ProviderMirror *dagger.Directory
}

// New says what is tested.
func New(
	// Slipway's repository.
	// +defaultPath="/"
	// +ignore=["**/.terraform", "**/__pycache__", "**/node_modules", "**/.venv", "bin"]
	source *dagger.Directory,

	// Terraform provider mirror, for networks that can't reach the registry.
	// +optional
	providerMirror *dagger.Directory,
) *Tests {
	return &Tests{Source: source, ProviderMirror: providerMirror}
}

// test is a case. What it needs of the environment it asks of the rig, so that it runs alone as well.
type test struct {
	claim string
	run   func(context.Context, *rig) error
}

// Run every case, one after the other, in one environment.
//
// +cache="never"
func (t *Tests) All(ctx context.Context) (string, error) {
	return t.run(ctx, unknownEnvironment, failingTest, applied, pushed, twoDeployments, sameAgain, command)
}

// Plan an environment that there isn't.
//
// +cache="never"
func (t *Tests) UnknownEnvironment(ctx context.Context) (string, error) {
	return t.run(ctx, unknownEnvironment)
}

// Deploy an application with a test that fails.
//
// +cache="never"
func (t *Tests) FailingTest(ctx context.Context) (string, error) {
	return t.run(ctx, failingTest)
}

// Plan, apply, and plan again.
//
// +cache="never"
func (t *Tests) Applied(ctx context.Context) (string, error) {
	return t.run(ctx, applied)
}

// Build, push and redeploy, without Terraform.
//
// +cache="never"
func (t *Tests) Pushed(ctx context.Context) (string, error) {
	return t.run(ctx, pushed)
}

// Deploy two commits.
//
// +cache="never"
func (t *Tests) TwoDeployments(ctx context.Context) (string, error) {
	return t.run(ctx, twoDeployments)
}

// Deploy the same commit twice.
//
// +cache="never"
func (t *Tests) SameAgain(ctx context.Context) (string, error) {
	return t.run(ctx, sameAgain)
}

// Run a one-off command.
//
// +cache="never"
func (t *Tests) Command(ctx context.Context) (string, error) {
	return t.run(ctx, command)
}

// run runs the cases against one emulator, and stops at the first that fails.
func (t *Tests) run(ctx context.Context, tests ...test) (string, error) {
	r, err := t.rig(ctx)
	if err != nil {
		return "", err
	}
	defer r.stop()
	var text strings.Builder
	for _, test := range tests {
		started := time.Now()
		if err := test.run(ctx, r); err != nil {
			return "", fmt.Errorf("%s✗ %s: %w", &text, test.claim, err)
		}
		line := fmt.Sprintf("✓ %s (%.0f s)\n", test.claim, time.Since(started).Seconds())
		fmt.Print(line)
		text.WriteString(line)
	}
	return text.String(), nil
}
