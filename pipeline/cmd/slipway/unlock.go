package main

import (
	"cmp"
	"context"

	"github.com/slipway-ci/slipway/pipeline/backend"
	"github.com/slipway-ci/slipway/pipeline/chain"
	"github.com/slipway-ci/slipway/pipeline/report"
)

type unlockCommand struct {
	output
	target
	locks
	ID    string `placeholder:"ID" help:"The lock's id, as the failure or this command without --id shows it."`
	Force bool   `help:"Remove the lock of a run that is alive too, or, without --id, one that isn't Terraform's."`
}

// Run shows who holds the state, and removes a lock only by its id.
func (c *unlockCommand) Run(ctx context.Context, s streams) error {
	result := &report.Result{Operation: "unlock", Name: c.Name, Environment: c.Environment}
	say := sayer(s.progress, "unlock")
	if c.ID == "" && !c.Force {
		return c.inspect(ctx, s, result, func(ctx context.Context) error {
			state, err := c.open(ctx, say)
			if err != nil {
				return err
			}
			result.Notes, err = state.Look(ctx, unlockLine(c.target, c.locks))
			if err == nil && len(result.Notes) == 0 {
				result.Notes = []string{"nobody works on this environment: there is neither a lock nor a lease"}
			}
			return err
		})
	}
	return c.operate(ctx, s, result, []chain.Step{{Name: "unlock", Run: func(ctx context.Context) (chain.Done, error) {
		state, err := c.open(ctx, say)
		if err != nil {
			return chain.Done{}, err
		}
		removed, err := state.Unlock(ctx, c.ID, c.Force, backend.Options{Say: say, Unlock: unlockLine(c.target, c.locks)})
		for _, line := range removed {
			say(line)
		}
		return chain.Done{Summary: "the state is unlocked"}, err
	}}})
}

func (c *unlockCommand) open(ctx context.Context, say func(string)) (backend.Store, error) {
	if err := c.check(); err != nil {
		return backend.Store{}, err
	}
	cfg, account, err := c.connect(ctx)
	if err != nil {
		return backend.Store{}, err
	}
	bucket := backend.Bucket{Name: cmp.Or(c.StateBucket, backend.BucketName(account, c.Region)), Region: c.Region, Account: account}
	if err := backend.Check(ctx, backend.Client(cfg, c.Endpoint), bucket, say); err != nil {
		return backend.Store{}, err
	}
	return backend.NewStore(cfg, c.Endpoint, bucket.Name, backend.Key(c.Name, c.Environment), c.LockTable), nil
}
