package main

import (
	"context"

	"github.com/slipway-ci/slipway/pipeline/cost"
	"github.com/slipway-ci/slipway/pipeline/report"
)

type costCommand struct {
	output
	Plan   string `type:"path" required:"" placeholder:"FILE" help:"The plan as JSON, as plan --json or terraform show -json writes it; - reads standard input."`
	Region string `placeholder:"REGION" help:"Region whose prices count; by default the plan's own."`
}

func (c *costCommand) Run(ctx context.Context, s streams) error {
	result := &report.Result{Operation: "cost"}
	return c.inspect(ctx, s, result, func(context.Context) error {
		priced, err := readPlan(c.Plan)
		if err != nil {
			failure := report.AsFailure(err)
			failure.Effect = "nothing was estimated"
			return failure
		}
		result.Cost, err = cost.Of(priced, c.Region)
		return err
	})
}
