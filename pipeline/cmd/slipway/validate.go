package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/slipway-ci/slipway/pipeline/chain"
	"github.com/slipway-ci/slipway/pipeline/infra"
	"github.com/slipway-ci/slipway/pipeline/lint"
	"github.com/slipway-ci/slipway/pipeline/report"
)

type validateCommand struct {
	output
	Infrastructure string `type:"path" default:"terraform" help:"Directory of Terraform's root module."`
}

func (c *validateCommand) Run(ctx context.Context, s streams) error {
	result := &report.Result{Operation: "validate"}
	return c.operate(ctx, s, result, []chain.Step{{Name: "validate", Run: func(ctx context.Context) (chain.Done, error) {
		terraform, err := infra.New(c.Infrastructure, sayer(s.progress, "validate"))
		if err != nil {
			return chain.Done{}, err
		}
		if err := terraform.Validate(ctx); err != nil {
			return chain.Done{}, err
		}
		found, err := lint.Check(c.Infrastructure)
		if err != nil {
			return chain.Done{}, err
		}
		foreign, err := lint.TFLint(ctx, c.Infrastructure)
		if err != nil {
			return chain.Done{}, err
		}
		result.Checks = slices.Concat(found, foreign)
		return chain.Done{Summary: "formatted and valid; " + report.CountChecks(result.Checks)}, refused(result.Checks)
	}}})
}

// refused is a failure of those checks that failed, or nil.
func refused(checks []report.Check) error {
	var evidence []string
	for _, check := range checks {
		if check.Outcome == report.Refused {
			evidence = append(evidence, check.Reason+" ("+check.Subject+")")
		}
	}
	if len(evidence) == 0 {
		return nil
	}
	reason := "the Terraform has one finding that must not stay"
	if len(evidence) > 1 {
		reason = fmt.Sprintf("the Terraform has %d findings that must not stay", len(evidence))
	}
	return &report.Failure{
		Reason: reason, Evidence: evidence, Effect: "nothing was changed",
		Next: "mend them, or accept one with a comment on the line before: # slipway:ignore RULE why",
	}
}
