package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/backend"
	"github.com/slipway-ci/slipway/pipeline/chain"
	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/destroy"
	"github.com/slipway-ci/slipway/pipeline/guard"
	"github.com/slipway-ci/slipway/pipeline/infra"
	"github.com/slipway-ci/slipway/pipeline/plan"
	"github.com/slipway-ci/slipway/pipeline/report"
	"github.com/slipway-ci/slipway/pipeline/service"
)

type destroyCommand struct {
	infrastructure
	Confirm           string   `placeholder:"NAME-ENVIRONMENT" help:"The environment's full name, like blog-dev. Without it, what would go is shown and nothing is done."`
	AllowDestroy      []string `sep:"none" placeholder:"ADDRESS" help:"A resource with data that may be destroyed. May be repeated."`
	EmptyRepositories bool     `help:"Delete the images of repositories that aren't deleted with them."`
	EmptyBuckets      bool     `help:"Delete the objects of buckets that aren't deleted with them, in all their versions."`
}

// teardown is one run of destroy: each step leaves here what the next one needs.
type teardown struct {
	destroyCommand
	s         streams
	result    *report.Result
	workspace *workspace
	file      string // the saved plan's
	plan      *tfjson.Plan
	doomed    destroy.Doomed
	blocking  destroy.Blocking
	foreign   []string
	// empty says that the state has nothing to destroy: only what lies outside of it is looked at.
	empty bool
}

func (c *destroyCommand) Run(ctx context.Context, s streams) error {
	scratch, err := os.MkdirTemp("", "slipway-destroy-") // for this user alone: a plan is as secret as the state
	if err != nil {
		return fmt.Errorf("save the plan: %w", err)
	}
	defer os.RemoveAll(scratch)
	d := &teardown{destroyCommand: *c, s: s, file: filepath.Join(scratch, "plan"), result: &report.Result{
		Operation: "destroy", Name: c.Name, Environment: c.Environment, Teardown: &report.Teardown{},
	}}
	err = c.operate(ctx, s, d.result, chain.Teardown(chain.Destruction{
		Plan: d.look, Guard: d.guard, Stop: d.stop, Empty: d.clear, Destroy: d.apply, Check: d.check,
	}))
	d.workspace.close(ctx, &err)
	return err
}

// subject is what has to be typed.
func (d *teardown) subject() string { return d.Name + "-" + d.Environment }

// look plans the destruction and counts what goes.
func (d *teardown) look(ctx context.Context) (chain.Done, error) {
	if d.Confirm != "" && d.Confirm != d.subject() {
		return chain.Done{}, &report.Failure{
			Reason: fmt.Sprintf("--confirm %s is not the environment that would be destroyed, %s", d.Confirm, d.subject()),
			Effect: "nothing was changed",
			Next:   "check --name and --environment; if they are right, give --confirm " + d.subject(),
		}
	}
	var err error
	if d.workspace, err = d.open(ctx, "destroy", sayer(d.s.progress, "destroy")); err != nil {
		return chain.Done{}, err
	}
	target := infra.Target{Name: d.Name, Environment: d.Environment, Region: d.Region}
	switch {
	case d.workspace.unfinished != "" && d.Confirm == "":
		d.result.Teardown.Warnings = append(d.result.Teardown.Warnings, "what the apply that did not end well created, and is in no state, is imported once the destruction is confirmed")
	case d.workspace.unfinished != "":
		if err := d.workspace.Import(ctx, target, d.file); err != nil {
			return chain.Done{}, err
		}
	}
	state, err := d.workspace.State(ctx)
	if err != nil {
		return chain.Done{}, err
	}
	if len(state) == 0 {
		return d.nothing(ctx)
	}
	if err := destroy.Elsewhere(state, d.Region); err != nil {
		return chain.Done{}, err
	}
	document, err := d.workspace.PlanDestroy(ctx, target, d.file)
	if err != nil {
		return chain.Done{}, err
	}
	if d.plan, err = plan.Read(bytes.NewReader(document)); err != nil {
		return chain.Done{}, err
	}
	d.doomed = destroy.Read(d.plan)
	summary := d.workspace.summarize(d.plan)
	summary.Text = "" // what goes is listed by what it holds
	d.result.Plan = &summary
	d.result.Teardown.Warnings = append(d.result.Teardown.Warnings, d.doomed.Warnings()...)
	counter := destroy.NewCounter(d.workspace.aws, backend.Client(d.workspace.aws, d.Endpoint))
	if d.result.Teardown.Holdings, d.blocking, err = counter.Count(ctx, d.doomed, summary.Guarded); err != nil {
		return chain.Done{}, err
	}
	if d.foreign, err = destroy.NewTasks(d.workspace.aws, nil).Foreign(ctx, d.doomed); err != nil {
		return chain.Done{}, err
	}
	return chain.Done{Summary: fmt.Sprintf("%s; %s with data", summary.Counts(), report.Plural(len(summary.Guarded), "resource"))}, nil
}

// nothing is an empty state. Where the environment's contract is published all the same, its state lies elsewhere.
func (d *teardown) nothing(ctx context.Context) (chain.Done, error) {
	where := fmt.Sprintf("s3://%s/%s", d.workspace.backend.Bucket, d.workspace.backend.Key)
	parameter := contract.Parameter(d.Name, d.Environment)
	_, err := ssm.NewFromConfig(d.workspace.aws).GetParameter(ctx, &ssm.GetParameterInput{Name: &parameter})
	if _, none := errors.AsType[*types.ParameterNotFound](err); none {
		d.empty = true
		return chain.Done{Summary: fmt.Sprintf("nothing to destroy: the state %s has no resource", where)}, nil
	}
	if err != nil {
		return chain.Done{}, fmt.Errorf("look for contract %s: %w", parameter, err)
	}
	return chain.Done{}, &report.Failure{
		Reason: fmt.Sprintf("the state %s has no resource, but %s has a contract, %s: its state lies elsewhere", where, d.subject(), parameter),
		Effect: "nothing was changed",
		Next:   "give the bucket that the environment was applied with, with --state-bucket",
	}
}

// guard refuses what was not confirmed or can't succeed, with all that has to be typed.
func (d *teardown) guard(context.Context) (chain.Done, error) {
	if d.empty {
		return alreadyThere, nil
	}
	if err := d.doomed.Protection(d.Environment); err != nil {
		return chain.Done{}, err
	}
	if len(d.foreign) > 0 {
		return chain.Done{}, &report.Failure{
			Reason:   "the cluster has services that Terraform doesn't know, and isn't deleted while it has any",
			Evidence: d.foreign,
			Effect:   "nothing was changed",
			Next:     "delete these services first, or import them",
		}
	}
	if d.Confirm == "" {
		return chain.Done{}, &report.Failure{
			Reason:   fmt.Sprintf("the destruction of %s has to be confirmed: %s, of which %s with data", d.subject(), d.result.Plan.Counts(), report.Plural(len(d.result.Plan.Guarded), "resource")),
			Evidence: d.obstacles(),
			Effect:   "nothing was changed",
			Next:     "if all of that is to go: slipway destroy " + strings.Join(d.needed(), " "),
		}
	}
	if _, err := pass(d.result, d.result.Plan.Findings, d.AllowDestroy); err != nil {
		return chain.Done{}, err
	}
	if obstacles := d.obstacles(); len(obstacles) > 0 {
		return chain.Done{}, &report.Failure{
			Reason:   "something isn't deleted as long as there is something in it",
			Evidence: obstacles,
			Effect:   "nothing was changed",
			Next:     "if that is to go too, add " + strings.Join(d.emptying(), " "),
		}
	}
	return chain.Done{Summary: d.subject() + " is confirmed, and all that holds data is named"}, nil
}

// obstacles are what blocks the destruction and may not be emptied.
func (d *teardown) obstacles() []string {
	var found []string
	if !d.EmptyRepositories {
		for _, repository := range d.blocking.Repositories {
			found = append(found, fmt.Sprintf("the repository %s holds images (%s)", repository.Name, repository.Address))
		}
	}
	if !d.EmptyBuckets {
		for _, bucket := range d.blocking.Buckets {
			found = append(found, fmt.Sprintf("the bucket %s holds objects (%s)", bucket.Name, bucket.Address))
		}
	}
	return found
}

// emptying are the options that take the obstacles away.
func (d *teardown) emptying() []string {
	var options []string
	if len(d.blocking.Repositories) > 0 {
		options = append(options, "--empty-repositories")
	}
	if len(d.blocking.Buckets) > 0 {
		options = append(options, "--empty-buckets")
	}
	return options
}

// needed are all options that the destruction takes.
func (d *teardown) needed() []string {
	options := []string{"--confirm " + d.subject()}
	for _, address := range d.result.Plan.Guarded {
		options = append(options, "--allow-destroy "+guard.Argument(address))
	}
	return append(options, d.emptying()...)
}

func (d *teardown) stop(ctx context.Context) (chain.Done, error) {
	if d.empty {
		return alreadyThere, nil
	}
	services, tasks, err := destroy.NewTasks(d.workspace.aws, sayer(d.s.progress, "stop")).Stop(ctx, d.doomed)
	if err != nil {
		f := report.AsFailure(err)
		f.Effect = "services may be scaled down to no task; nothing was destroyed"
		return chain.Done{}, f
	}
	return chain.Done{Summary: fmt.Sprintf("%s scaled down, %s stopped", report.Plural(services, "service"), report.Plural(tasks, "task"))}, nil
}

// clear empties what blocks the destruction; guard has made sure that it may.
func (d *teardown) clear(ctx context.Context) (chain.Done, error) {
	if d.empty || len(d.blocking.Repositories)+len(d.blocking.Buckets) == 0 {
		return alreadyThere, nil
	}
	counter := destroy.NewCounter(d.workspace.aws, backend.Client(d.workspace.aws, d.Endpoint))
	var said []string
	for _, repository := range d.blocking.Repositories {
		n, err := counter.EmptyRepository(ctx, repository.Name)
		if err != nil {
			return chain.Done{}, err
		}
		said = append(said, fmt.Sprintf("%s of %s deleted", report.Plural(n, "image"), repository.Name))
	}
	for _, bucket := range d.blocking.Buckets {
		n, err := counter.EmptyBucket(ctx, bucket.Name)
		if err != nil {
			return chain.Done{}, err
		}
		said = append(said, fmt.Sprintf("%s of objects of %s deleted", report.Plural(n, "version"), bucket.Name))
	}
	return chain.Done{Summary: strings.Join(said, ", ")}, nil
}

// apply applies exactly the saved plan. Where that fails, it says what went and what stays.
func (d *teardown) apply(ctx context.Context) (chain.Done, error) {
	if d.empty {
		return alreadyThere, nil
	}
	failed := d.workspace.journaled(ctx, d.file, d.plan)
	down := d.result.Teardown
	state, err := d.workspace.State(context.WithoutCancel(ctx))
	if err == nil {
		down.Stays = destroy.Stays(state)
		down.Gone = d.result.Plan.Destroy - len(down.Stays)
	}
	if failed != nil {
		f := report.AsFailure(failed)
		f.Effect = "what is shown above as destroyed is gone; the state has what stays"
		if err == nil {
			f.Effect = fmt.Sprintf("gone: %s; staying: %d", report.Plural(down.Gone, "resource"), len(down.Stays))
		}
		f.Next = "mend the cause and run the same command again: it goes on from there"
		return chain.Done{}, f
	}
	if err != nil {
		return chain.Done{}, err
	}
	return chain.Done{Summary: report.Plural(down.Gone, "resource") + " gone"}, nil
}

// check takes away what Terraform doesn't know of, and lists what is left.
func (d *teardown) check(ctx context.Context) (chain.Done, error) {
	if d.Confirm == "" { // nothing to destroy, and nothing confirmed: only looked at
		return d.list(ctx, "")
	}
	revisions, err := destroy.NewTasks(d.workspace.aws, sayer(d.s.progress, "check")).Revisions(ctx, d.Name, d.Environment)
	if err != nil {
		d.result.Teardown.Warnings = append(d.result.Teardown.Warnings, "revisions of task definitions, which cost nothing, were left: "+err.Error())
	}
	if err := destroy.NewMigrations(d.workspace.aws).Delete(ctx, service.TurnsPath(d.Name, d.Environment)); err != nil {
		d.result.Teardown.Warnings = append(d.result.Teardown.Warnings, "the record of past migrations, which costs nothing, was left: "+err.Error())
	}
	return d.list(ctx, report.Plural(revisions, "revision")+" of task definitions deleted; ")
}

func (d *teardown) list(ctx context.Context, before string) (chain.Done, error) {
	down := d.result.Teardown
	finder := destroy.NewFinder(d.workspace.aws)
	var err error
	if down.Snapshots, err = finder.Snapshots(ctx, d.doomed.Databases); err != nil {
		down.Warnings = append(down.Warnings, err.Error())
	}
	for _, snapshot := range down.Snapshots {
		if snapshot.Status == "absent" {
			down.Warnings = append(down.Warnings, fmt.Sprintf("THE FINAL SNAPSHOT %s IS NOT THERE", snapshot.Name))
		}
	}
	leftovers, warnings := finder.Find(ctx, d.Name, d.Environment)
	down.Leftovers, down.Checked = leftovers, len(warnings) == 0
	down.Warnings = append(down.Warnings, warnings...)
	summary := fmt.Sprintf("%snothing is left that costs anything", before)
	if billable := down.Billable(); len(billable) > 0 {
		var kinds []string
		for _, leftover := range billable {
			if !slices.Contains(kinds, leftover.Kind) {
				kinds = append(kinds, leftover.Kind)
			}
		}
		summary = fmt.Sprintf("%s%d things are left that cost something: %s", before, len(billable), strings.Join(kinds, ", "))
	} else if len(warnings) > 0 {
		summary = before + "not everything could be looked at"
	}
	return chain.Done{Summary: summary}, nil
}
