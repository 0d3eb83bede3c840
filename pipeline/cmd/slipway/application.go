package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
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
	deploymentOptions

	cfg         aws.Config
	contract    contract.Contract
	document    []byte // the contract as it was published
	deployer    *service.Deployer
	release     service.Release
	deployments []service.Deployment
	// unchanged says that the release is in service already, so that nothing is registered and updated.
	unchanged bool
	// migrated says that a migration ran, which a rollback does not undo.
	migrated bool
}

// deploymentOptions are the choices of a deployment.
type deploymentOptions struct {
	DryRun     bool   `help:"Say what would change, and change nothing."`
	Force      bool   `help:"Deploy although the environment runs this very release: a fresh rollout."`
	Adopt      bool   `help:"Replace a running revision that Slipway did not make, or that somebody changed."`
	NoRollback bool   `help:"Leave a failed release as it is, to look at it."`
	Attempts   int    `default:"2" help:"How many tasks may fail before the deployment counts as failed; one is enough where the cause lies in the release. 0 leaves that to ECS's circuit breaker."`
	Source     string `type:"path" default:"." help:"Git checkout of the application, which tells how many commits lie between two releases."`
}

// tag is what ECR takes as an image's tag, less what Push may put behind it:
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html
var tag = regexp.MustCompile(`^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,114}$`)

// steps are chain.Release's, done against AWS.
func (a *application) steps() chain.Application {
	return chain.Application{
		Contract: untouched(a.read), Push: untouched(a.push), Verify: untouched(a.verify), Diff: untouched(a.diff),
		Migrate: untouched(a.migrate), Update: untouched(a.update), Wait: a.wait, Smoke: a.smoke, Rollback: a.rollback,
	}
}

// untouched has the failure of a step say that no service was touched, unless it has its own word on that.
func untouched(run func(context.Context) (chain.Done, error)) func(context.Context) (chain.Done, error) {
	return func(ctx context.Context) (chain.Done, error) {
		done, err := run(ctx)
		if err == nil {
			return done, nil
		}
		failure := report.AsFailure(err)
		if failure.Effect == "" {
			failure.Effect = "no service was touched"
		}
		return done, failure
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
	if a.DryRun {
		hash, err := built.Digest()
		if err != nil {
			return chain.Done{}, fmt.Errorf("read the image's digest: %w", err)
		}
		a.use(a.contract.RepositoryURL + "@" + hash.String())
		return chain.Done{Summary: report.ShortDigest(hash.String()) + " was not pushed: a dry run"}, nil
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
	image := a.release.Image
	if a.DryRun && a.archive != "" {
		image = "" // a dry run pushes nothing, so the repository need not have it
	}
	a.result.Checks = service.NewVerifier(a.cfg, a.contract).Verify(ctx, image)
	if ctx.Err() != nil {
		return chain.Done{}, context.Cause(ctx) // what could not be asked any more says nothing about the environment
	}
	return chain.Done{Summary: report.CountChecks(a.result.Checks)}, service.Refusal(a.result.Checks)
}

func (a *application) diff(ctx context.Context) (chain.Done, error) {
	difference, err := service.NewDiffer(a.cfg, a.contract, a.Source).Diff(ctx, a.release)
	if err != nil {
		return chain.Done{}, err
	}
	a.result.Changes, a.result.Notes = difference.Changes, difference.Arriving
	if err := difference.Owned(a.Adopt); err != nil {
		return chain.Done{}, err
	}
	a.unchanged = difference.Unchanged && !a.Force
	switch {
	case a.unchanged:
		return chain.Done{Summary: "the environment runs this release; nothing to change"}, nil
	case difference.Unchanged:
		return chain.Done{Summary: "the environment runs this release; a fresh rollout, as --force asks"}, nil
	}
	return chain.Done{Summary: fmt.Sprintf("%d changes", len(difference.Changes))}, nil
}

// alreadyThere is what the steps say that have nothing to do.
var alreadyThere = chain.Done{Summary: "nothing to do"}

func (a *application) migrate(ctx context.Context) (chain.Done, error) {
	if a.unchanged {
		return alreadyThere, nil
	}
	a.deployer = service.New(a.cfg, a.contract, sayer(a.s.progress, "migrate"))
	var err error
	if a.release, err = a.deployer.Register(ctx, a.release); err != nil {
		a.mark(ctx, service.OutcomeFailed) // the revisions that there are
		return chain.Done{}, err
	}
	a.result.Release.Revisions = a.deployer.Names(a.release)
	migrated, err := a.deployer.Migrate(ctx, a.release)
	a.migrated = migrated
	if err != nil {
		a.mark(ctx, service.OutcomeFailed)
		return chain.Done{}, err
	}
	if !migrated {
		return chain.Done{Summary: "the contract has no migration"}, nil
	}
	return chain.Done{Summary: fmt.Sprintf("%q of %s exited with 0", a.contract.Migration.Command, strings.Join(a.result.Release.Revisions, ", "))}, nil
}

func (a *application) update(ctx context.Context) (chain.Done, error) {
	if a.unchanged {
		return alreadyThere, nil
	}
	a.deployer = service.New(a.cfg, a.contract, sayer(a.s.progress, "update"))
	var err error
	a.deployments, err = a.deployer.Update(ctx, a.release)
	return chain.Done{Summary: strings.Join(a.result.Release.Revisions, ", ")}, err
}

func (a *application) wait(ctx context.Context) (chain.Done, error) {
	if a.unchanged {
		return alreadyThere, nil
	}
	a.deployer = service.New(a.cfg, a.contract, sayer(a.s.progress, "wait"))
	a.deployer.Attempts(a.Attempts)
	return chain.Done{Summary: "ECS has completed every deployment"}, a.deployer.Wait(ctx, a.deployments)
}

func (a *application) smoke(ctx context.Context) (chain.Done, error) {
	err := a.attended(ctx, func(ctx context.Context) error {
		return smoke.New(a.Endpoint).Run(ctx, a.contract.URL, a.contract.HealthPath, a.commit)
	})
	if err == nil && !a.unchanged {
		a.mark(ctx, service.OutcomeComplete)
	}
	return chain.Done{Summary: fmt.Sprintf("%s%s answers with %s", a.contract.URL, a.contract.HealthPath, a.commit)}, err
}

// attended runs a test of the new release, and breaks it off when the release's tasks fail: their logs tell more than a load
// balancer without targets.
func (a *application) attended(ctx context.Context, test func(context.Context) error) error {
	deployer := service.New(a.cfg, a.contract, sayer(a.s.progress, "smoke"))
	deployer.Attempts(a.Attempts)
	testing, stop := context.WithCancelCause(ctx)
	defer stop(nil)
	go func() {
		if err := deployer.Attend(testing, a.deployments); err != nil {
			stop(err)
		}
	}()
	err := test(testing)
	if failure, ok := errors.AsType[*report.Failure](context.Cause(testing)); ok && err != nil {
		return failure
	}
	// The tasks stay up, and something else than the new release answers: what they log may say why.
	if failure, ok := errors.AsType[*report.Failure](err); ok && len(a.deployments) > 0 {
		diagnosis := service.NewDiagnoser(a.cfg, a.contract).Diagnose(ctx, a.deployments)
		failure.Evidence, failure.Detail = diagnosis.Evidence, diagnosis.Detail
	}
	return err
}

// rollback brings every service back that was updated, proves that the old release answers, and says so in the failure.
func (a *application) rollback(ctx context.Context, failure *report.Failure) (chain.Done, error) {
	switch {
	case errors.Is(failure, service.ErrSuperseded):
		a.mark(ctx, service.OutcomeSuperseded)
		return chain.Done{Summary: "none: what runs is another deployment's"}, nil
	case a.NoRollback:
		a.mark(ctx, service.OutcomeFailed)
		failure.Effect = "nothing was rolled back, as --no-rollback asks: the services go on trying to run " + strings.Join(a.result.Release.Revisions, ", ")
		return chain.Done{Summary: "none, as --no-rollback asks"}, nil
	case len(a.deployments) == 0:
		a.mark(ctx, service.OutcomeFailed)
		return chain.Done{Summary: "none: " + failure.Effect}, nil
	}
	deployer := service.New(a.cfg, a.contract, sayer(a.s.progress, "rollback"))
	backs, err := deployer.Rollback(ctx, a.deployments)
	if err == nil {
		err = a.answers(ctx, backs)
	}
	if err != nil {
		a.mark(ctx, service.OutcomeFailed)
		failure.Effect = "THE ROLLBACK FAILED TOO: " + report.AsFailure(err).Error()
		failure.Next = "look at the services now, with status; then deploy a release that works"
		return chain.Done{}, err
	}
	a.mark(ctx, service.OutcomeRolledBack)
	failure.Effect = "rolled back to " + service.Sentence(backs)
	if backs[0].Tasks {
		failure.Effect += ", which is serving"
	}
	if a.migrated {
		failure.Effect += ". The migration that ran before is not undone"
	}
	return chain.Done{Summary: service.Sentence(backs)}, nil
}

// answers asks for the release that the services went back to, where it is known.
func (a *application) answers(ctx context.Context, backs []service.Back) error {
	for _, back := range backs {
		if back.Tasks && back.Commit != "" {
			return smoke.New(a.Endpoint).Run(ctx, a.contract.URL, a.contract.HealthPath, back.Commit)
		}
	}
	return nil
}

// mark keeps with the revisions how the deployment ended, for the history. That it can't is worth a line and no more.
func (a *application) mark(ctx context.Context, outcome service.Outcome) {
	if err := service.NewMarker(a.cfg).Mark(ctx, a.release, outcome); err != nil {
		printLine(a.s.progress, "history", err.Error())
	}
}

type redeployCommand struct {
	output
	target
	deploymentOptions
	Archive string `type:"path" xor:"image" required:"" placeholder:"FILE" help:"Image archive to push first."`
	Digest  string `xor:"image" required:"" placeholder:"sha256:…" help:"Digest of an image that the repository has."`
	Commit  string `required:"" env:"SLIPWAY_COMMIT" help:"Release id that the image was built from, and that the application answers with."`
}

func (c *redeployCommand) Run(ctx context.Context, s streams) error {
	a := &application{
		target: c.target, s: s, archive: c.Archive, digest: c.Digest, commit: c.Commit, deploymentOptions: c.deploymentOptions,
		result: &report.Result{Operation: "redeploy", Name: c.Name, Environment: c.Environment},
	}
	steps := chain.Release(a.steps())
	if c.DryRun {
		steps = chain.UpTo(steps, "diff")
	}
	return c.operate(ctx, s, a.result, steps)
}

type verifyCommand struct {
	output
	target
	Digest string `placeholder:"sha256:…" help:"Digest of an image of the repository, to check it too."`
}

func (c *verifyCommand) Run(ctx context.Context, s streams) error {
	a := &application{target: c.target, s: s, result: &report.Result{Operation: "verify", Name: c.Name, Environment: c.Environment}}
	return c.operate(ctx, s, a.result, []chain.Step{
		{Name: "contract", Run: a.read},
		{Name: "verify", Needs: []string{"contract"}, Run: func(ctx context.Context) (chain.Done, error) {
			if c.Digest != "" {
				a.use(a.contract.RepositoryURL + "@" + c.Digest)
			}
			return a.verify(ctx)
		}},
	})
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
