package main

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/slipway-ci/slipway/pipeline/chain"
	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/endpoint"
	"github.com/slipway-ci/slipway/pipeline/fault"
	"github.com/slipway-ci/slipway/pipeline/fault/inject"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// faultCommand is redeploy with a fault, for rehearsals. What it prints and how it ends is the deployment's own.
type faultCommand struct {
	output
	target
	deploymentOptions
	Fault   string `arg:"" help:"Name of the fault."`
	Archive string `type:"path" required:"" placeholder:"FILE" help:"Image archive, made for the fault where that comes from inside a task."`
	Commit  string `required:"" env:"SLIPWAY_COMMIT" help:"Release id that the application answers with."`
}

// emulated refuses what is AWS itself.
func emulated(to endpoint.Endpoint) error {
	if err := to.Check(); err != nil {
		return err
	}
	at, err := url.Parse(string(to))
	if err != nil {
		return err
	}
	for _, domain := range []string{".amazonaws.com", ".amazonaws.com.cn", ".api.aws"} {
		if to == "" || strings.HasSuffix(at.Hostname(), domain) {
			return errors.New("a fault is made at an emulator only: name it with --endpoint")
		}
	}
	return nil
}

func (c *faultCommand) Run(ctx context.Context, s streams) (err error) {
	f, err := fault.Named(c.Fault)
	if err != nil {
		return err
	}
	if err := emulated(c.Endpoint); err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "slipway-fault-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)

	a := &application{
		target: c.target, s: s, archive: c.Archive, commit: c.Commit, deploymentOptions: c.deploymentOptions,
		result: &report.Result{Operation: "redeploy", Name: c.Name, Environment: c.Environment},
	}
	say := sayer(s.progress, "fault")
	cfg, _, err := c.connect(ctx)
	if err != nil {
		return err
	}
	published, document, err := contract.Read(ctx, ssm.NewFromConfig(cfg), c.Name, c.Environment, c.Region)
	if err != nil {
		return err
	}
	injector := inject.New(cfg, published, document, say)
	steps := a.steps()
	switch f.Name {
	case fault.MissingImage:
		a.archive, a.digest = "", "sha256:"+strings.Repeat("0", 64)
	case fault.WrongPlatform:
		if a.archive, err = inject.OtherPlatform(c.Archive, scratch); err != nil {
			return err
		}
	case fault.Superseded:
		steps.Update = func(ctx context.Context) (chain.Done, error) {
			done, err := a.update(ctx)
			if err == nil {
				err = injector.Supersede(ctx, a.deployments)
			}
			return done, err
		}
	}
	say(f.Description)
	undo, err := injector.Prepare(ctx, f)
	if err != nil {
		return err
	}
	defer func() {
		// What was made for the fault goes even where the deployment was interrupted.
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 2*time.Minute)
		defer cancel()
		if undoErr := undo(ctx); undoErr != nil {
			undoErr = fmt.Errorf("take the fault %s back: %w", f.Name, undoErr)
			say(undoErr.Error()) // what the deployment ended with is printed already
			err = errors.Join(err, undoErr)
		}
	}()
	return c.operate(ctx, s, a.result, chain.Release(steps))
}
