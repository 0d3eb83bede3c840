package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/slipway-ci/slipway/pipeline/backend"
	"github.com/slipway-ci/slipway/pipeline/drift"
	"github.com/slipway-ci/slipway/pipeline/infra"
	"github.com/slipway-ci/slipway/pipeline/plan"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// errDrifted is returned by a look for drift that found some, and that has said so.
var errDrifted = errors.New("drifted")

type driftCommand struct {
	infrastructure
	Known string `type:"path" placeholder:"FILE" help:"List of known differences; by default drift.ignore beside the root module."`
}

// Run plans, and sorts what the plan found while refreshing from what it would do.
func (c *driftCommand) Run(ctx context.Context, s streams) error {
	result := &report.Result{Operation: "drift", Name: c.Name, Environment: c.Environment}
	return c.inspect(ctx, s, result, func(ctx context.Context) (err error) {
		file := c.Known
		if file == "" {
			file = filepath.Join(c.Infrastructure, drift.File)
		} else if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("read the known differences: %w", err)
		}
		known, err := drift.ReadKnown(file)
		if err != nil {
			return err
		}
		workspace, err := c.open(ctx, "drift", sayer(s.progress, "drift"))
		if err != nil {
			return err
		}
		defer workspace.close(ctx, &err)
		scratch, err := os.MkdirTemp("", "slipway-drift-") // for this user alone: a plan is as secret as the state
		if err != nil {
			return fmt.Errorf("save the plan: %w", err)
		}
		defer os.RemoveAll(scratch)
		document, err := workspace.Plan(ctx, infra.Target{Name: c.Name, Environment: c.Environment, Region: c.Region}, filepath.Join(scratch, "plan"))
		if err != nil {
			return err
		}
		read, err := plan.Read(bytes.NewReader(document))
		if err != nil {
			return err
		}
		found := drift.Compare(read)
		known.Apply(found, time.Now())
		found.Replace(plan.Secrets(read, workspace.hidden...).Replace)
		if found.Found() {
			found.Notes = append(found.Notes, c.who(ctx, workspace, found.Resources)...)
		}
		result.Drift = found
		return nil
	})
}

// who names those who changed the resources, as far as CloudTrail tells, and returns notes on what it doesn't.
func (c *driftCommand) who(ctx context.Context, w *workspace, resources []report.DriftedResource) []string {
	identity, err := sts.NewFromConfig(w.aws).GetCallerIdentity(ctx, nil)
	if err != nil {
		return []string{fmt.Sprintf("nobody is named: whose credentials these are is not known: %v", err)}
	}
	state, err := backend.Client(w.aws, c.Endpoint).HeadObject(ctx, &s3.HeadObjectInput{Bucket: &w.backend.Bucket, Key: &w.backend.Key})
	if err != nil {
		return []string{fmt.Sprintf("nobody is named: when the state was last written is not known: %v", err)}
	}
	return drift.NewTrail(w.aws, aws.ToString(identity.Arn)).Name(ctx, resources, aws.ToTime(state.LastModified))
}
