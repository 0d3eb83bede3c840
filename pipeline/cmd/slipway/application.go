package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecr"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/slipway-ci/slipway/pipeline/chain"
	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/image"
	"github.com/slipway-ci/slipway/pipeline/report"
	"github.com/slipway-ci/slipway/pipeline/service"
	"github.com/slipway-ci/slipway/pipeline/smoke"
)

// application is one run of the application side: each step leaves here what the next one needs.
type application struct {
	target
	s      streams
	result *report.Result
	// archive is the image to push; without one, digest names an image that the repository has.
	archive, digest string
	commit          string

	cfg         aws.Config
	contract    contract.Contract
	document    []byte // the contract as it was published
	deployer    *service.Deployer
	release     service.Release
	deployments []service.Deployment
}

// tag is what ECR takes as an image's tag, less what Push may put behind it:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
var tag = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,114}$`)

// steps are chain.Release's, done against AWS.
func (a *application) steps() chain.Application {
	return chain.Application{
		Contract: a.read, Push: a.push, Verify: a.verify, Migrate: a.migrate, Update: a.update, Wait: a.wait, Smoke: a.smoke,
	}
}

func (a *application) read(ctx context.Context) (chain.Done, error) {
	if err := a.check(); err != nil {
		return chain.Done{}, err
	}
	if a.commit != "" && !tag.MatchString(a.commit) {
		return chain.Done{}, &report.Failure{
			Reason: fmt.Sprintf("the release id %q can't be an image's tag", a.commit),
			Effect: "nothing was changed",
			Next:   "use letters, digits, full stops, hyphens and underscores, 115 at most, and begin with none of the stops and hyphens",
		}
	}
	var err error
	if a.cfg, _, err = a.connect(ctx); err != nil {
		return chain.Done{}, err
	}
	if a.contract, a.document, err = contract.Read(ctx, ssm.NewFromConfig(a.cfg), a.Name, a.Environment, a.Region); err != nil {
		return chain.Done{}, err
	}
	a.result.Release.URL = a.contract.URL
	var names []string
	for _, service := range a.contract.Services {
		names = append(names, service.Service)
	}
	return chain.Done{Summary: fmt.Sprintf("cluster %s, services %s", a.contract.Cluster, strings.Join(names, ", "))}, nil
}

func (a *application) push(ctx context.Context) (chain.Done, error) {
	repository := image.NewRepository(ecr.NewFromConfig(a.cfg), a.contract.RepositoryURL, a.Endpoint)
	if a.archive == "" {
		return a.find(ctx, repository)
	}
	scratch, err := os.MkdirTemp("", "slipway-image-")
	if err != nil {
		return chain.Done{}, fmt.Errorf("unpack the image: %w", err)
	}
	defer os.RemoveAll(scratch)
	built, err := image.Open(a.archive, scratch)
	if err != nil {
		return chain.Done{}, err
	}
	pushed, err := repository.Push(ctx, built, a.commit)
	if err != nil {
		return chain.Done{}, err
	}
	a.use(pushed.Reference)
	if pushed.Present {
		return chain.Done{Summary: fmt.Sprintf("the repository had %s as %s; nothing pushed", report.ShortDigest(pushed.Digest), pushed.Tag)}, nil
	}
	return chain.Done{Summary: fmt.Sprintf("%s as %s", report.ShortDigest(pushed.Digest), pushed.Tag)}, nil
}

func (a *application) find(ctx context.Context, repository image.Repository) (chain.Done, error) {
	reference, found, err := repository.Find(ctx, a.digest)
	if err != nil {
		return chain.Done{}, err
	}
	if !found {
		return chain.Done{}, &report.Failure{
			Reason: fmt.Sprintf("the repository %s has no image %s", a.contract.RepositoryURL, a.digest),
			Effect: "nothing was registered and no service was touched",
			Next:   "push the image first, or give one that was pushed to this environment",
		}
	}
	a.use(reference)
	return chain.Done{Summary: report.ShortDigest(a.digest) + " is in the repository"}, nil
}

func (a *application) use(reference string) {
	a.release = service.Release{Image: reference, Commit: a.commit, Run: caller()}
	a.result.Release.Commit, a.result.Release.Digest = a.commit, a.release.Digest()
}

func (a *application) verify(ctx context.Context) (chain.Done, error) {
	a.deployer = service.New(a.cfg, a.contract, sayer(a.s.progress, "verify"))
	return chain.Done{Summary: "services and templates are as the contract says"}, a.deployer.Verify(ctx)
}

func (a *application) migrate(ctx context.Context) (chain.Done, error) {
	a.deployer = service.New(a.cfg, a.contract, sayer(a.s.progress, "migrate"))
	var err error
	if a.release, err = a.deployer.Register(ctx, a.release); err != nil {
		return chain.Done{}, err
	}
	a.result.Release.Revisions = a.deployer.Names(a.release)
	migrated, err := a.deployer.Migrate(ctx, a.release)
	if err != nil {
		return chain.Done{}, err
	}
	if !migrated {
		return chain.Done{Summary: "the contract has no migration"}, nil
	}
	return chain.Done{Summary: fmt.Sprintf("%q of %s exited with 0", a.contract.Migration.Command, strings.Join(a.result.Release.Revisions, ", "))}, nil
}

func (a *application) update(ctx context.Context) (chain.Done, error) {
	a.deployer = service.New(a.cfg, a.contract, sayer(a.s.progress, "update"))
	var err error
	a.deployments, err = a.deployer.Update(ctx, a.release)
	return chain.Done{Summary: strings.Join(a.result.Release.Revisions, ", ")}, err
}

func (a *application) wait(ctx context.Context) (chain.Done, error) {
	a.deployer = service.New(a.cfg, a.contract, sayer(a.s.progress, "wait"))
	return chain.Done{Summary: "ECS has completed every deployment"}, a.deployer.Wait(ctx, a.deployments)
}

func (a *application) smoke(ctx context.Context) (chain.Done, error) {
	err := smoke.New(a.Endpoint).Run(ctx, a.contract.URL, a.contract.HealthPath, a.commit)
	return chain.Done{Summary: fmt.Sprintf("%s%s answers with %s", a.contract.URL, a.contract.HealthPath, a.commit)}, err
}

type redeployCommand struct {
	output
	target
	Archive string `type:"path" xor:"image" required:"" placeholder:"FILE" help:"Image archive to push first."`
	Digest  string `xor:"image" required:"" placeholder:"sha256:…" help:"Digest of an image that the repository has."`
	Commit  string `required:"" env:"SLIPWAY_COMMIT" help:"Release id that the image was built from, and that the application answers with."`
}

func (c *redeployCommand) Run(ctx context.Context, s streams) error {
	a := &application{
		target: c.target, s: s, archive: c.Archive, digest: c.Digest, commit: c.Commit,
		result: &report.Result{Operation: "redeploy", Name: c.Name, Environment: c.Environment},
	}
	return c.operate(ctx, s, a.result, chain.Release(a.steps()))
}

type pushCommand struct {
	output
	target
	Archive string `type:"path" required:"" placeholder:"FILE" help:"Image archive."`
	Commit  string `required:"" env:"SLIPWAY_COMMIT" help:"Release id that the image was built from; the image's tag."`
}

func (c *pushCommand) Run(ctx context.Context, s streams) error {
	a := &application{
		target: c.target, s: s, archive: c.Archive, commit: c.Commit,
		result: &report.Result{Operation: "push", Name: c.Name, Environment: c.Environment},
	}
	return c.operate(ctx, s, a.result, chain.Release(a.steps())[:2])
}

type contractCommand struct {
	output
	target
	Out string `type:"path" placeholder:"FILE" help:"Write the contract to this file; by default to standard output."`
}

func (c *contractCommand) Run(ctx context.Context, s streams) error {
	a := &application{target: c.target, s: s, result: &report.Result{Operation: "contract", Name: c.Name, Environment: c.Environment}}
	read := func(ctx context.Context) (chain.Done, error) {
		done, err := a.read(ctx)
		if err != nil {
			return done, err
		}
		var document bytes.Buffer
		if err := json.Indent(&document, a.document, "", "  "); err != nil {
			return done, err
		}
		document.WriteByte('\n')
		if c.Out != "" {
			return done, os.WriteFile(c.Out, document.Bytes(), 0o644)
		}
		_, err = document.WriteTo(s.out)
		return done, err
	}
	return c.operate(ctx, s, a.result, []chain.Step{{Name: "contract", Run: read}})
}

type requestCommand struct {
	output
	target
	Path   string `default:"/" help:"Path to ask for."`
	Expect string `help:"Text that the page must hold."`
}

// Run asks for a page as a visitor would.
func (c *requestCommand) Run(ctx context.Context, s streams) error {
	a := &application{target: c.target, s: s, result: &report.Result{Operation: "request", Name: c.Name, Environment: c.Environment}}
	return c.operate(ctx, s, a.result, []chain.Step{{Name: "page", Run: func(ctx context.Context) (chain.Done, error) {
		if _, err := a.read(ctx); err != nil {
			return chain.Done{}, err
		}
		err := smoke.New(c.Endpoint).Page(ctx, a.contract.URL, c.Path, c.Expect)
		return chain.Done{Summary: fmt.Sprintf("%s%s holds %q", a.contract.URL, c.Path, c.Expect)}, err
	}}})
}

type runCommand struct {
	output
	target
	Service string   `help:"Service of the contract whose running revision the task uses; by default the first."`
	Command []string `arg:"" help:"The command and its arguments, behind --."`
}

// Run runs the command in what the service runs now, not in the template: the template's image does not exist.
func (c *runCommand) Run(ctx context.Context, s streams) error {
	a := &application{target: c.target, s: s, result: &report.Result{Operation: "run", Name: c.Name, Environment: c.Environment}}
	return c.operate(ctx, s, a.result, []chain.Step{
		{Name: "contract", Run: a.read},
		{Name: "task", Needs: []string{"contract"}, Run: func(ctx context.Context) (chain.Done, error) {
			entry := a.contract.Services[0]
			if c.Service != "" {
				var err error
				if entry, err = a.contract.ServiceNamed(c.Service); err != nil {
					return chain.Done{}, err
				}
			}
			deployer := service.New(a.cfg, a.contract, sayer(s.progress, "task"))
			revision, err := deployer.Running(ctx, entry)
			if err != nil {
				return chain.Done{}, err
			}
			return chain.Done{Summary: "exited with 0"}, deployer.RunTask(ctx, entry, revision, c.Command)
		}},
	})
}
