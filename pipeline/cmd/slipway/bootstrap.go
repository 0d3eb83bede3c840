package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"

	"github.com/slipway-ci/slipway/pipeline/backend"
	"github.com/slipway-ci/slipway/pipeline/chain"
	"github.com/slipway-ci/slipway/pipeline/report"
)

type bootstrapCommand struct {
	output
	location
	StateBucket  string            `env:"SLIPWAY_STATE_BUCKET" help:"Name of the state bucket; by default slipway-state-ACCOUNT-REGION."`
	KMS          bool              `name:"kms" help:"Encrypt states with a KMS key of their own, alias/slipway-state, which is made where it is missing."`
	LockTable    string            `placeholder:"NAME" help:"Make this DynamoDB table for locks as well. The lock file in the bucket is enough without."`
	KeepDays     int32             `default:"90" help:"Days that an old version of a state stays at least."`
	KeepVersions int32             `default:"30" help:"How many of the newest old versions stay whatever their age, from 1 to 100."`
	Tag          map[string]string `placeholder:"KEY=VALUE" help:"A tag of the bucket and of what is made beside it. May be repeated."`
}

// Validate refuses what S3 would refuse in the middle of it.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_NoncurrentVersionExpiration.html
func (c *bootstrapCommand) Validate() error {
	if c.KeepDays < 1 {
		return errors.New("--keep-days is at least 1")
	}
	if c.KeepVersions < 1 || c.KeepVersions > 100 {
		return errors.New("--keep-versions is a number from 1 to 100")
	}
	return nil
}

func (c *bootstrapCommand) Run(ctx context.Context, s streams) error {
	result := &report.Result{Operation: "bootstrap"}
	return c.operate(ctx, s, result, []chain.Step{{Name: "bootstrap", Run: func(ctx context.Context) (chain.Done, error) {
		cfg, account, err := c.connect(ctx)
		if err != nil {
			return chain.Done{}, err
		}
		bucket := backend.Bucket{Name: cmp.Or(c.StateBucket, backend.BucketName(account, c.Region)), Region: c.Region, Account: account}
		result.Checks, err = backend.NewBootstrapper(cfg, c.Endpoint).Bootstrap(ctx, backend.Wanted{
			Bucket: bucket, Tags: c.Tag, KeepDays: c.KeepDays, KeepVersions: c.KeepVersions, Key: c.KMS, LockTable: c.LockTable,
		})
		return chain.Done{Summary: bootstrapped(bucket, result.Checks)}, err
	}}})
}

// bootstrapped says in a line what a bootstrap did.
func bootstrapped(bucket backend.Bucket, checks []report.Check) string {
	made, set := false, 0
	for i, check := range checks {
		switch check.Outcome {
		case report.Created, report.Repaired:
			set++
			made = made || i == 0 // the bucket itself comes first
		}
	}
	switch {
	case made:
		return fmt.Sprintf("made state bucket %s in %s", bucket.Name, bucket.Region)
	case set > 0:
		return fmt.Sprintf("state bucket %s was there; set what was missing or deviated: %s", bucket.Name, report.CountChecks(checks))
	}
	return fmt.Sprintf("state bucket %s was there; its settings are as they should be", bucket.Name)
}
