package main

import (
	"context"
	"os"

	"github.com/slipway-ci/slipway/pipeline/cost"
	"github.com/slipway-ci/slipway/pipeline/plan"
	"github.com/slipway-ci/slipway/pipeline/report"
)

type costCommand struct {
	output
	Plan   string `type:"path" required:"" placeholder:"FILE" help:"The plan as JSON, as plan --json or terraform show -json writes it."`
	Region string `placeholder:"REGION" help:"Region whose prices count; by default the plan's own."`
}

func (c *costCommand) Run(ctx context.Context, s streams) error {
	result := &report.Result{Operation: "cost"}
	return c.inspect(ctx, s, result, func(context.Context) error {
		document, err := os.Open(c.Plan)
		if err != nil {
			return (&report.Failure{
				Reason: "the plan " + c.Plan + " can't be read", Effect: "nothing was estimated", Next: "give a plan as JSON with --plan",
			}).Because(err)
		}
		defer document.Close()
		p, err := plan.Read(document)
		if err != nil {
			failure := report.AsFailure(err)
			failure.Effect = "nothing was estimated"
			return failure
		}
		result.Cost, err = cost.Of(p, c.Region)
		return err
	})
}
