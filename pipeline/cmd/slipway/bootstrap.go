package main

import (
	"cmp"
	"context"
	"fmt"

	"github.com/slipway-ci/slipway/pipeline/backend"
	"github.com/slipway-ci/slipway/pipeline/chain"
	"github.com/slipway-ci/slipway/pipeline/report"
)

type bootstrapCommand struct {
	output
	location
	StateBucket string `env:"SLIPWAY_STATE_BUCKET" help:"Name of the state bucket; by default slipway-state-ACCOUNT-REGION."`
}

func (c *bootstrapCommand) Run(ctx context.Context, s streams) error {
	result := &report.Result{Operation: "bootstrap"}
	return c.operate(ctx, s, result, []chain.Step{{Name: "bootstrap", Run: func(ctx context.Context) (chain.Done, error) {
		cfg, account, err := c.connect(ctx)
		if err != nil {
			return chain.Done{}, err
		}
		bucket := cmp.Or(c.StateBucket, backend.BucketName(account, c.Region))
		created, err := backend.Bootstrap(ctx, backend.Client(cfg, c.Endpoint), bucket, c.Region)
		if err != nil {
			return chain.Done{}, err
		}
		if !created {
			return chain.Done{Summary: fmt.Sprintf("state bucket %s was there; its settings are as they should be", bucket)}, nil
		}
		return chain.Done{Summary: fmt.Sprintf("made state bucket %s in %s", bucket, c.Region)}, nil
	}}})
}
