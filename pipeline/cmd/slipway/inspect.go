package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/aws/aws-sdk-go-v2/service/ecr"

	"github.com/slipway-ci/slipway/pipeline/chain"
	"github.com/slipway-ci/slipway/pipeline/image"
	"github.com/slipway-ci/slipway/pipeline/report"
	"github.com/slipway-ci/slipway/pipeline/service"
)

// inspect is operate for a command that only tells what is there: where that succeeds, it goes to standard output and says
// nothing of how it was found out.
func (o output) inspect(ctx context.Context, s streams, result *report.Result, look func(context.Context) error) error {
	var progress bytes.Buffer
	err := o.operate(ctx, streams{s.out, &progress}, result, []chain.Step{{Name: result.Operation, Run: func(ctx context.Context) (chain.Done, error) {
		return chain.Done{}, look(ctx)
	}}})
	if err != nil && !errors.Is(err, errDrifted) {
		if _, writeErr := progress.WriteTo(s.progress); writeErr != nil {
			return writeErr
		}
		return err
	}
	result.Steps = nil
	if writeErr := o.write(*result); writeErr != nil {
		return writeErr
	}
	if writeErr := (report.Terminal{Colour: colours(s.out)}).Write(s.out, *result); writeErr != nil {
		return writeErr
	}
	return err
}

// colours says whether what is written there is shown by a terminal to somebody who doesn't mind: https://no-color.org
func colours(to any) bool {
	file, ok := to.(*os.File)
	if !ok || os.Getenv("NO_COLOR") != "" || os.Getenv("TERM") == "dumb" {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

type statusCommand struct {
	output
	target
}

func (c *statusCommand) Run(ctx context.Context, s streams) error {
	a := &application{target: c.target, s: s, result: &report.Result{Operation: "status", Name: c.Name, Environment: c.Environment}}
	return c.inspect(ctx, s, a.result, func(ctx context.Context) error {
		if _, err := a.read(ctx); err != nil {
			return err
		}
		var err error
		a.result.Services, err = service.NewInspector(a.cfg, a.contract).Status(ctx)
		return err
	})
}

type historyCommand struct {
	output
	target
	Last int `default:"10" help:"How many releases, the newest first."`
}

func (c *historyCommand) Run(ctx context.Context, s streams) error {
	a := &application{target: c.target, s: s, result: &report.Result{Operation: "history", Name: c.Name, Environment: c.Environment}}
	return c.inspect(ctx, s, a.result, func(ctx context.Context) error {
		if _, err := a.read(ctx); err != nil {
			return err
		}
		releases, err := service.NewHistorian(a.cfg, a.contract).Last(ctx, c.Last)
		if err != nil {
			return err
		}
		a.result.Releases = make([]report.PastRelease, 0, len(releases))
		for _, release := range releases {
			a.result.Releases = append(a.result.Releases, report.PastRelease{
				Commit: release.Commit, Digest: release.Digest(), Revisions: release.Names(a.contract),
				Registered: release.Registered, By: release.Run, Outcome: string(release.Outcome), Serving: release.Serving,
			})
		}
		if len(releases) == 0 {
			a.result.Notes = []string{"nothing has been released here"}
		}
		return nil
	})
}

type diffCommand struct {
	output
	target
	Archive string `type:"path" xor:"image" required:"" placeholder:"FILE" help:"Image archive that would be pushed."`
	Digest  string `xor:"image" required:"" placeholder:"sha256:…" help:"Digest of an image that the repository has."`
	Commit  string `required:"" env:"SLIPWAY_COMMIT" help:"Release id that the image was built from."`
	Source  string `type:"path" default:"." help:"Git checkout of the application, which tells how many commits lie between two releases."`
}

// Run only reads, an archive too: what it would be pushed as is known without pushing it.
func (c *diffCommand) Run(ctx context.Context, s streams) error {
	a := &application{
		target: c.target, s: s, digest: c.Digest, commit: c.Commit,
		result: &report.Result{Operation: "diff", Name: c.Name, Environment: c.Environment},
	}
	return c.inspect(ctx, s, a.result, func(ctx context.Context) error {
		if _, err := a.read(ctx); err != nil {
			return err
		}
		if err := c.find(ctx, a); err != nil {
			return err
		}
		difference, err := service.NewDiffer(a.cfg, a.contract, c.Source).Diff(ctx, a.release)
		if err != nil {
			return err
		}
		a.result.Changes, a.result.Notes = difference.Changes, difference.Arriving
		if foreign := difference.Foreign(); len(foreign) > 0 {
			a.result.Notes = append(append(a.result.Notes, "a deployment would stop for what follows, unless --adopt tells it to replace that:"), foreign...)
		}
		if difference.Unchanged {
			a.result.Notes = append(a.result.Notes, "nothing changes: this release is in service")
		}
		return nil
	})
}

func (c *diffCommand) find(ctx context.Context, a *application) error {
	if c.Archive == "" {
		_, err := a.find(ctx, image.NewRepository(ecr.NewFromConfig(a.cfg), a.contract.RepositoryURL, a.Endpoint))
		return err
	}
	scratch, err := os.MkdirTemp("", "slipway-image-")
	if err != nil {
		return fmt.Errorf("unpack the image: %w", err)
	}
	defer os.RemoveAll(scratch)
	built, err := image.Open(c.Archive, scratch)
	if err != nil {
		return err
	}
	digest, err := built.Digest()
	if err != nil {
		return fmt.Errorf("read the image's digest: %w", err)
	}
	a.use(a.contract.RepositoryURL + "@" + digest.String())
	return nil
}
