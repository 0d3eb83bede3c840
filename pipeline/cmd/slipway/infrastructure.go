package main

import (
	"cmp"
	"context"
	"os"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/slipway-ci/slipway/pipeline/backend"
	"github.com/slipway-ci/slipway/pipeline/chain"
	"github.com/slipway-ci/slipway/pipeline/guard"
	"github.com/slipway-ci/slipway/pipeline/infra"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// infrastructure is what plan and apply have in common.
type infrastructure struct {
	output
	target
	Infrastructure string `type:"path" default:"terraform" help:"Directory of Terraform's root module."`
	StateBucket    string `env:"SLIPWAY_STATE_BUCKET" help:"Name of the state bucket; by default slipway-state-ACCOUNT-REGION."`
}

// workspace is Terraform connected to one environment's state.
type workspace struct {
	*infra.Terraform
	aws     aws.Config
	backend infra.Backend
}

// open checks everything that can be wrong before Terraform starts, and connects Terraform to the state. Operation is what
// is going to be done: "plan", "apply". The workspace is to be closed when that is over, however it ended.
func (c infrastructure) open(ctx context.Context, operation string, say func(string)) (*workspace, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	terraform, err := infra.New(c.Infrastructure, say)
	if err != nil {
		return nil, err
	}
	if err := terraform.Knows(c.Environment); err != nil {
		return nil, err
	}
	cfg, account, err := c.connect(ctx)
	if err != nil {
		return nil, err
	}
	w := &workspace{Terraform: terraform, aws: cfg, backend: infra.Backend{
		Bucket: cmp.Or(c.StateBucket, backend.BucketName(account, c.Region)), Key: backend.Key(c.Name, c.Environment),
		Region: c.Region, PathStyle: c.Endpoint != "",
	}}
	if err := backend.Check(ctx, backend.Client(cfg, c.Endpoint), w.backend.Bucket, c.Region); err != nil {
		return nil, err
	}
	if err := c.export(); err != nil {
		return nil, err
	}
	return w, terraform.Init(ctx, &w.backend)
}

type planCommand struct {
	infrastructure
	Out  string `type:"path" required:"" placeholder:"FILE" help:"Save the plan to this file. It is as secret as the state."`
	JSON string `type:"path" placeholder:"FILE" help:"Write the plan as JSON to this file. It is as secret as the state."`
}

func (c *planCommand) Run(ctx context.Context, s streams) error {
	result := &report.Result{Operation: "plan", Name: c.Name, Environment: c.Environment}
	return c.operate(ctx, s, result, []chain.Step{{Name: "plan", Run: func(ctx context.Context) (chain.Done, error) {
		terraform, err := c.open(ctx, "plan", sayer(s.progress, "plan"))
		if err != nil {
			return chain.Done{}, err
		}
		plan, _, err := terraform.Plan(ctx, infra.Target{Name: c.Name, Environment: c.Environment, Region: c.Region}, c.Out)
		if err != nil {
			return chain.Done{}, err
		}
		if c.JSON != "" {
			if err := writeJSON(c.JSON, plan, 0o600); err != nil {
				return chain.Done{}, err
			}
		}
		summary := infra.Summary(plan)
		summary.Findings = guard.Check(plan)
		summary.Guarded = guard.Addresses(summary.Findings)
		result.Plan = &summary
		done := chain.Done{Summary: summary.Counts()}
		if len(summary.Guarded) > 0 {
			done.Summary += "; the guard will stop at " + strings.Join(summary.Guarded, ", ")
		}
		return done, nil
	}}})
}

type applyCommand struct {
	infrastructure
	Plan         string   `type:"path" required:"" placeholder:"FILE" help:"The plan that plan saved."`
	AllowDestroy []string `sep:"none" placeholder:"ADDRESS" help:"A resource at which the guard stops and that may be destroyed, replaced or changed all the same. May be repeated."`
}

func (c *applyCommand) Run(ctx context.Context, s streams) error {
	result := &report.Result{Operation: "apply", Name: c.Name, Environment: c.Environment}
	var terraform *workspace
	check := func(ctx context.Context) (chain.Done, error) {
		if _, err := os.Stat(c.Plan); err != nil {
			return chain.Done{}, &report.Failure{
				Reason: "there is no saved plan " + c.Plan,
				Effect: "nothing was changed",
				Next:   "plan first; apply takes exactly what plan saved",
			}
		}
		var err error
		if terraform, err = c.open(ctx, "apply", sayer(s.progress, "apply")); err != nil {
			return chain.Done{}, err
		}
		plan, err := terraform.ShowPlan(ctx, c.Plan)
		if err != nil {
			return chain.Done{}, err
		}
		summary := infra.Summary(plan)
		result.Plan = &summary
		passed, err := pass(result, guard.Check(plan), c.AllowDestroy)
		return chain.Done{Summary: passed}, err
	}
	apply := func(ctx context.Context) (chain.Done, error) {
		if err := terraform.Apply(ctx, c.Plan); err != nil {
			return chain.Done{}, err
		}
		return chain.Done{Summary: result.Plan.Counts() + ", done"}, nil
	}
	return c.operate(ctx, s, result, chain.Infrastructure(check, apply))
}
