package main

import (
	"context"

	"github.com/slipway-ci/slipway/pipeline/chain"
	"github.com/slipway-ci/slipway/pipeline/infra"
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
		return chain.Done{Summary: "formatted and valid"}, terraform.Validate(ctx)
	}}})
}
