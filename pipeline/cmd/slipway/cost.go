package main

import (
	"context"
	"encoding/json"
	"os"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/cost"
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
		content, err := os.ReadFile(c.Plan)
		if err != nil {
			return (&report.Failure{
				Reason: "the plan " + c.Plan + " can't be read", Effect: "nothing was estimated", Next: "give a plan as JSON with --plan",
			}).Because(err)
		}
		var plan tfjson.Plan
		if err := json.Unmarshal(content, &plan); err != nil {
			return (&report.Failure{
				Reason: "the plan " + c.Plan + " is not a plan as JSON", Effect: "nothing was estimated",
				Next: "make it with terraform show -json FILE, where FILE is what terraform plan -out saved",
			}).Because(err)
		}
		result.Cost, err = cost.Of(&plan, c.Region)
		return err
	})
}
