package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/backend"
	"github.com/slipway-ci/slipway/pipeline/chain"
	"github.com/slipway-ci/slipway/pipeline/cost"
	"github.com/slipway-ci/slipway/pipeline/guard"
	"github.com/slipway-ci/slipway/pipeline/infra"
	"github.com/slipway-ci/slipway/pipeline/plan"
	"github.com/slipway-ci/slipway/pipeline/planfile"
	"github.com/slipway-ci/slipway/pipeline/redact"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// infrastructure is what plan and apply have in common.
type infrastructure struct {
	output
	target
	locks
	leasing
	redacting
	Infrastructure string `type:"path" default:"terraform" help:"Directory of Terraform's root module."`
	Commit         string `env:"SLIPWAY_COMMIT" help:"Release id that the Terraform is of; by default its git commit, with a mark where there are uncommitted changes."`
}

// workspace is Terraform connected to one environment's state, with the lease on it.
type workspace struct {
	*infra.Terraform
	aws     aws.Config
	account string
	backend infra.Backend
	target  infra.Target
	store   backend.Store
	lease   *backend.Lease
	// unfinished is the token of an apply that did not end well, by its journal; empty where there is none.
	unfinished string
	// hidden are the values that --redact names.
	hidden []string
	// kept is the file for a state that can't be written; empty where it stays in the root module.
	kept string
	say  func(string)
}

// open checks everything that can be wrong before Terraform starts, takes the lease and the state's lock, and connects
// Terraform to the state. Operation is what is going to be done: "plan", "apply". The workspace is to be closed when that is
// over, however it ended.
func (c infrastructure) open(ctx context.Context, operation string, say func(string)) (*workspace, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	if err := c.leasing.valid(); err != nil {
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
	w := &workspace{
		Terraform: terraform, aws: cfg, account: account, kept: c.keptFile(c.target), say: say,
		target: infra.Target{Name: c.Name, Environment: c.Environment, Region: c.Region},
		backend: infra.Backend{
			Bucket: cmp.Or(c.StateBucket, backend.BucketName(account, c.Region)), Key: backend.Key(c.Name, c.Environment),
			Region: c.Region, LockTable: c.LockTable, PathStyle: c.Endpoint != "",
		},
	}
	w.store = backend.NewStore(cfg, c.Endpoint, w.backend.Bucket, w.backend.Key, c.LockTable)
	bucket := backend.Bucket{Name: w.backend.Bucket, Region: c.Region, Account: account}
	if err := backend.Check(ctx, backend.Client(cfg, c.Endpoint), bucket, say); err != nil {
		return nil, err
	}
	if c.LockTable != "" {
		if err := backend.CheckLockTable(ctx, dynamodb.NewFromConfig(cfg), c.LockTable, c.Region, say); err != nil {
			return nil, err
		}
	}
	if err := c.export(); err != nil {
		return nil, err
	}
	if w.hidden, err = c.hidden(); err != nil {
		return nil, err
	}
	known := &redact.Values{}
	known.Add(w.hidden...)
	terraform.Hide(known)
	commit, _, err := c.commit(ctx)
	if err != nil {
		commit = "" // for people; who needs it says so
	}
	if err := w.hold(ctx, newRun(operation, commit), backend.Options{
		Interval: c.LeaseInterval, Timeout: c.LockTimeout, Unlock: unlockLine(c.target, c.locks),
	}); err != nil {
		w.close(ctx, &err)
		return nil, err
	}
	return w, nil
}

// summarize is a plan for people. What is sensitive in it is hidden in all that Terraform says of it later, too.
func (w *workspace) summarize(p *tfjson.Plan) report.Plan {
	secrets := plan.Secrets(p, w.hidden...)
	w.Hide(secrets)
	summary := plan.Summarize(p, secrets).Report()
	summary.Findings = findings(p, secrets)
	summary.Guarded = guard.Addresses(summary.Findings)
	return summary
}

type planCommand struct {
	infrastructure
	Out  string `type:"path" required:"" placeholder:"FILE" help:"Write the plan file: the plan, and what it is bound to, encrypted with the key in SLIPWAY_PLAN_KEY."`
	JSON string `type:"path" placeholder:"FILE" help:"Write the plan as JSON to this file. It is as secret as the state."`
}

func (c *planCommand) Run(ctx context.Context, s streams) error {
	result := &report.Result{Operation: "plan", Name: c.Name, Environment: c.Environment}
	return c.operate(ctx, s, result, []chain.Step{{Name: "plan", Run: func(ctx context.Context) (_ chain.Done, err error) {
		if err := c.check(); err != nil {
			return chain.Done{}, err
		}
		key, err := planKey()
		if err != nil {
			return chain.Done{}, err
		}
		terraform, err := c.open(ctx, "plan", sayer(s.progress, "plan"))
		if err != nil {
			return chain.Done{}, err
		}
		defer terraform.close(ctx, &err)
		planned, err := c.plan(ctx, terraform)
		if err != nil {
			return chain.Done{}, err
		}
		if c.JSON != "" {
			if err := os.WriteFile(c.JSON, planned.file.JSON, 0o600); err != nil {
				return chain.Done{}, fmt.Errorf("write the plan as JSON: %w", err)
			}
		}
		if err := seal(c.Out, planned.file, key); err != nil {
			return chain.Done{}, err
		}
		summary := terraform.summarize(planned.plan)
		result.Plan = &summary
		result.Cost, err = cost.Of(planned.plan, "")
		if errors.Is(err, cost.ErrNoPrices) {
			result.Notes = append(result.Notes, "what it costs is not known: "+err.Error())
		} else if err != nil {
			return chain.Done{}, err
		}
		done := chain.Done{Summary: summary.Counts()}
		if len(summary.Guarded) > 0 {
			done.Summary += "; the guard will stop at " + strings.Join(summary.Guarded, ", ")
		}
		return done, nil
	}}})
}

// planned is a plan as it was saved, and as it was read.
type planned struct {
	file planfile.File
	plan *tfjson.Plan
}

// plan plans, beside finding out what the plan is bound to; after it where the plan may move the state, to import what a killed
// apply made. What Terraform saves in the clear is gone when it returns.
func (c infrastructure) plan(ctx context.Context, w *workspace) (planned, error) {
	scratch, err := os.MkdirTemp("", "slipway-plan-")
	if err != nil {
		return planned{}, fmt.Errorf("save the plan: %w", err)
	}
	defer os.RemoveAll(scratch)
	var (
		binding planfile.Binding
		bindErr error
		group   sync.WaitGroup
	)
	bind := func() { binding, bindErr = c.binding(ctx, w) }
	if w.unfinished == "" {
		group.Go(bind)
	}
	saved := filepath.Join(scratch, "plan")
	document, err := w.Plan(ctx, w.target, saved)
	group.Wait()
	if w.unfinished != "" && err == nil {
		bind()
	}
	if err := cmp.Or(err, bindErr); err != nil {
		return planned{}, err
	}
	p, err := plan.Read(bytes.NewReader(document))
	if err != nil {
		return planned{}, err
	}
	file, err := bound(binding, saved, document, p)
	return planned{file, p}, err
}

type applyCommand struct {
	infrastructure
	Plan         string   `type:"path" required:"" placeholder:"FILE" help:"The plan file that plan wrote."`
	AllowDestroy []string `sep:"none" placeholder:"ADDRESS" help:"A resource at which the guard stops and that may be destroyed, replaced or changed all the same. May be repeated."`
}

func (c *applyCommand) Run(ctx context.Context, s streams) error {
	result := &report.Result{Operation: "apply", Name: c.Name, Environment: c.Environment}
	var terraform *workspace
	var file planfile.File
	var p *tfjson.Plan
	check := func(ctx context.Context) (_ chain.Done, err error) {
		if file, err = openPlan(c.Plan); err != nil {
			return chain.Done{}, err
		}
		if terraform, err = c.open(ctx, "apply", sayer(s.progress, "apply")); err != nil {
			return chain.Done{}, err
		}
		defer func() {
			if err != nil {
				terraform.close(ctx, &err)
			}
		}()
		here, err := c.binding(ctx, terraform)
		if err != nil {
			return chain.Done{}, err
		}
		if err := file.Binding.Matches(here); err != nil {
			return chain.Done{}, mismatch(file.Binding, err)
		}
		if p, err = plan.Read(bytes.NewReader(file.JSON)); err != nil {
			return chain.Done{}, err
		}
		summary := terraform.summarize(p)
		summary.Text = "" // it was shown when the plan was made
		result.Plan = &summary
		passed, err := pass(result, summary.Findings, c.AllowDestroy)
		return chain.Done{Summary: passed}, err
	}
	apply := func(ctx context.Context) (_ chain.Done, err error) {
		defer terraform.close(ctx, &err)
		if err := terraform.apply(ctx, file.Plan, p); err != nil {
			return chain.Done{}, err
		}
		return chain.Done{Summary: result.Plan.Counts() + ", done"}, nil
	}
	err := c.operate(ctx, s, result, chain.Infrastructure(check, apply))
	terraform.close(ctx, &err) // where it was cancelled between the two
	return err
}

// apply applies a saved plan, which lies in the clear for no longer than Terraform reads it.
func (w *workspace) apply(ctx context.Context, file []byte, p *tfjson.Plan) error {
	scratch, err := os.MkdirTemp("", "slipway-plan-")
	if err != nil {
		return fmt.Errorf("unpack the plan: %w", err)
	}
	defer os.RemoveAll(scratch)
	saved := filepath.Join(scratch, "plan")
	if err := os.WriteFile(saved, file, 0o600); err != nil {
		return fmt.Errorf("unpack the plan: %w", err)
	}
	return w.journaled(ctx, saved, p)
}
