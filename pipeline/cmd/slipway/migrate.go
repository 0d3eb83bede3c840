package main

import (
	"context"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/slipway-ci/slipway/pipeline/chain"
	"github.com/slipway-ci/slipway/pipeline/image"
	"github.com/slipway-ci/slipway/pipeline/report"
	"github.com/slipway-ci/slipway/pipeline/service"
)

type migrateCommand struct {
	output
	target
	Digest string `and:"image" placeholder:"sha256:…" help:"Digest of an image that the repository has; by default the migration is that of what runs."`
	Commit string `and:"image" placeholder:"COMMIT" help:"Release id that the image was built from."`
}

// Run runs the contract's migration alone: no service is touched.
func (c *migrateCommand) Run(ctx context.Context, s streams) error {
	a := &application{
		target: c.target, s: s, digest: c.Digest, commit: c.Commit,
		result: &report.Result{Operation: "migrate", Name: c.Name, Environment: c.Environment},
	}
	find := func(ctx context.Context) (chain.Done, error) {
		if len(a.contract.Migration.Command) == 0 {
			return chain.Done{}, &report.Failure{
				Reason: "the contract has no migration",
				Effect: "nothing was run",
				Next:   "name its command in the Terraform that writes the contract, or run a command with slipway run",
			}
		}
		if c.Digest != "" {
			return a.find(ctx, image.NewRepository(ecr.NewFromConfig(a.cfg), a.contract.RepositoryURL, a.Endpoint))
		}
		return a.serving(ctx)
	}
	migrate := func(ctx context.Context) (chain.Done, error) {
		deployer := service.New(a.cfg, a.contract, sayer(s.progress, "migrate"))
		if c.Digest != "" {
			var err error
			if a.release, err = deployer.RegisterMigration(ctx, a.release); err != nil {
				return chain.Done{}, err
			}
			a.result.Release.Revisions = deployer.Names(a.release)
		}
		_, err := deployer.Migrate(ctx, a.release)
		if c.Digest != "" {
			a.mark(ctx, map[bool]service.Outcome{true: service.OutcomeMigrated, false: service.OutcomeFailed}[err == nil])
		}
		return chain.Done{
			Summary: fmt.Sprintf("%q of %s exited with 0", a.contract.Migration.Command, strings.Join(a.result.Release.Revisions, ", ")),
		}, err
	}
	return c.operate(ctx, s, a.result, []chain.Step{
		{Name: "contract", Run: a.read},
		{Name: "image", Needs: []string{"contract"}, Run: find},
		{Name: "migrate", Needs: []string{"image"}, Run: migrate},
	})
}

// serving takes for the release what the service with the migration runs now.
func (a *application) serving(ctx context.Context) (chain.Done, error) {
	entry, err := a.contract.ServiceNamed(a.contract.Migration.Service)
	if err != nil {
		return chain.Done{}, err
	}
	deployer := service.New(a.cfg, a.contract, sayer(a.s.progress, "image"))
	revision, err := deployer.Running(ctx, entry)
	if err != nil {
		return chain.Done{}, err
	}
	if revision == entry.Template {
		return chain.Done{}, &report.Failure{
			Reason: entry.Service + " has never had a release: its template's image does not exist",
			Effect: "nothing was run",
			Next:   "deploy, which migrates first, or name an image with --digest and --commit",
		}
	}
	if a.release, err = deployer.ReleaseOf(ctx, entry, revision); err != nil {
		return chain.Done{}, err
	}
	a.release.Run = caller() // who migrates now, not who deployed
	a.result.Release = report.Release{Commit: a.release.Commit, Digest: a.release.Digest(), Revisions: deployer.Names(a.release), URL: a.contract.URL}
	return chain.Done{Summary: fmt.Sprintf("%s, commit %s, which runs", strings.Join(a.result.Release.Revisions, ", "), a.release.Commit)}, nil
}
