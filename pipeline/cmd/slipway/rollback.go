package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/slipway-ci/slipway/pipeline/chain"
	"github.com/slipway-ci/slipway/pipeline/report"
	"github.com/slipway-ci/slipway/pipeline/service"
)

// remembered is how many releases a rollback looks through.
const remembered = 50

type rollbackCommand struct {
	output
	target
	To string `placeholder:"REVISION" help:"Go back to the release with this revision, like blog-dev-web:41; by default to the one that served before."`
}

// Run brings an earlier release back into service. Its steps after the choice are a deployment's own.
func (c *rollbackCommand) Run(ctx context.Context, s streams) error {
	a := &application{target: c.target, s: s, result: &report.Result{Operation: "rollback", Name: c.Name, Environment: c.Environment}}
	choose := func(ctx context.Context) (chain.Done, error) {
		past, err := service.NewHistorian(a.cfg, a.contract).Last(ctx, remembered)
		if err != nil {
			return chain.Done{}, err
		}
		to, err := service.Return(past, c.To)
		if err != nil {
			return chain.Done{}, err
		}
		a.release, a.commit = to.Release, to.Commit
		a.result.Release = report.Release{
			Commit: to.Commit, Digest: to.Digest(), Revisions: to.Names(a.contract), URL: a.contract.URL,
		}
		return chain.Done{Summary: fmt.Sprintf("%s, commit %s, which was %s", strings.Join(a.result.Release.Revisions, ", "), to.Commit, to.Outcome)}, nil
	}
	update := func(ctx context.Context) (chain.Done, error) {
		var err error
		a.deployments, err = service.New(a.cfg, a.contract, sayer(s.progress, "update")).Recover(ctx, service.Past{Release: a.release})
		return chain.Done{Summary: strings.Join(a.result.Release.Revisions, ", ")}, err
	}
	a.Attempts = 2
	return c.operate(ctx, s, a.result, chain.Return(choose, chain.Application{
		Contract: a.read, Update: update, Wait: a.wait, Smoke: a.smoke,
	}))
}
