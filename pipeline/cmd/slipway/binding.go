package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/backend"
	"github.com/slipway-ci/slipway/pipeline/infra"
	"github.com/slipway-ci/slipway/pipeline/planfile"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// planKeyVariable holds the key of plan files. A key in an argument could be read by everybody on the machine.
const planKeyVariable = "SLIPWAY_PLAN_KEY"

// planKey is the key that plan files are encrypted with.
func planKey() (planfile.Key, error) {
	text, given := os.LookupEnv(planKeyVariable)
	if !given {
		return planfile.Key{}, &report.Failure{
			Reason: "there is no key for the plan file: a plan holds values, and is kept encrypted",
			Effect: "nothing was changed",
			Next:   "put a key into " + planKeyVariable + "; `slipway key` draws one",
		}
	}
	key, err := planfile.ParseKey(text)
	if err != nil {
		return planfile.Key{}, (&report.Failure{
			Reason: planKeyVariable + " can't be used",
			Effect: "nothing was changed",
			Next:   "`slipway key` draws a key, as age-keygen does",
		}).Because(err)
	}
	return key, nil
}

// openPlan reads a plan file, and says what is wrong with one that can't be used.
func openPlan(file string) (planfile.File, error) {
	content, err := os.Open(file)
	if errors.Is(err, fs.ErrNotExist) {
		return planfile.File{}, &report.Failure{
			Reason: "there is no plan file " + file,
			Effect: "nothing was changed",
			Next:   "plan first; apply takes exactly what plan saved",
		}
	}
	if err != nil {
		return planfile.File{}, fmt.Errorf("open the plan file: %w", err)
	}
	defer content.Close()
	key, err := planKey()
	if err != nil {
		return planfile.File{}, err
	}
	opened, err := planfile.Open(content, key)
	if err == nil {
		return opened, nil
	}
	failure := (&report.Failure{Reason: fmt.Sprintf("the plan file %s can't be used", file), Effect: "nothing was changed"}).Because(err)
	switch {
	case errors.Is(err, planfile.ErrKey):
		failure.Next = "put the key that it was planned with into " + planKeyVariable
	case errors.Is(err, planfile.ErrVersion):
		failure.Next = "apply with the version of slipway that planned, or plan anew"
	default:
		failure.Next = "plan anew, and hand over the file as plan wrote it"
	}
	return planfile.File{}, failure
}

// binding is what a plan that is made here and now is bound to.
func (c infrastructure) binding(ctx context.Context, w *workspace) (planfile.Binding, error) {
	b := planfile.Binding{
		Name: c.Name, Environment: c.Environment, Region: c.Region, Account: w.account,
		State: planfile.State{Bucket: w.backend.Bucket, Key: w.backend.Key, Journal: w.unfinished},
		Made:  time.Now().UTC().Truncate(time.Second), By: caller(),
	}
	var errs [4]error
	var group sync.WaitGroup
	group.Go(func() {
		var state backend.State
		state, errs[0] = w.store.State(ctx)
		b.State.Lineage, b.State.Serial = state.Lineage, state.Serial
	})
	group.Go(func() { b.Terraform, b.Providers, errs[1] = w.Versions(ctx) })
	group.Go(func() { b.Source, errs[2] = w.SourceDigest() })
	group.Go(func() { b.Commit, b.Dirty, errs[3] = c.commit(ctx) })
	group.Wait()
	return b, errors.Join(errs[:]...)
}

// commit is what is planned or applied: what --commit says, else the commit of the Terraform directory.
func (c infrastructure) commit(ctx context.Context) (id string, dirty bool, err error) {
	const mark = "-dirty"
	if c.Commit != "" {
		return c.Commit, strings.Contains(c.Commit, mark), nil
	}
	git := func(args ...string) (string, error) {
		output, err := exec.CommandContext(ctx, "git", append([]string{"-C", c.Infrastructure}, args...)...).Output()
		return string(bytes.TrimSpace(output)), err
	}
	head, err := git("rev-parse", "HEAD")
	if err != nil {
		return "", false, (&report.Failure{
			Reason: fmt.Sprintf("no commit says what is planned: %s is no git checkout, or git is not installed", c.Infrastructure),
			Effect: "nothing was changed",
			Next:   "give the commit with --commit",
		}).Because(err)
	}
	changed, err := git("status", "--porcelain", "--", ".", ":(exclude)"+infra.ImportsFile)
	if err != nil {
		return "", false, fmt.Errorf("compare %s with its commit: %w", c.Infrastructure, err)
	}
	if changed != "" {
		return head + mark, true, nil
	}
	return head, false, nil
}

// seal writes the plan file.
func seal(file string, f planfile.File, key planfile.Key) error {
	var content bytes.Buffer
	if err := planfile.Seal(&content, f, key); err != nil {
		return err
	}
	if err := os.WriteFile(file, content.Bytes(), 0o600); err != nil {
		return fmt.Errorf("write the plan file: %w", err)
	}
	return nil
}

// bound makes a plan file of what Terraform saved.
func bound(b planfile.Binding, saved string, document []byte, plan *tfjson.Plan) (planfile.File, error) {
	content, err := os.ReadFile(saved)
	if err != nil {
		return planfile.File{}, fmt.Errorf("read the saved plan: %w", err)
	}
	err = b.SetVariables(plan)
	return planfile.File{Binding: b, Plan: content, JSON: document}, err
}

// mismatch is the failure of a plan that is bound to something else than what is here.
func mismatch(planned planfile.Binding, err error) error {
	refusal, ok := errors.AsType[*planfile.Refusal](err)
	if !ok {
		return err
	}
	made := fmt.Sprintf("it was made by %s at %s", planned.By, planned.Made.Format(time.RFC3339))
	next := "apply with what it was planned with, or plan anew"
	if refusal.Moved {
		next = "plan anew: something was applied since, and the plan no longer says what would happen"
	}
	return &report.Failure{
		Reason:   "the plan was made for something else, and is not applied here",
		Evidence: append(refusal.Differences, made),
		Effect:   "nothing was changed",
		Next:     next,
	}
}

type keyCommand struct{}

// Run prints a new key.
func (keyCommand) Run(s streams) error {
	key, err := planfile.NewKey()
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(s.out, key.Reveal())
	return err
}

type showCommand struct {
	Plan string `arg:"" type:"path" placeholder:"FILE" help:"Plan file."`
	JSON bool   `help:"Print the plan as Terraform's JSON, which is as secret as the state, and not what it is bound to."`
}

// Run prints what a plan file is bound to, or its plan as JSON.
func (c *showCommand) Run(s streams) error {
	f, err := openPlan(c.Plan)
	if err != nil {
		return err
	}
	if c.JSON {
		_, err := s.out.Write(f.JSON)
		return err
	}
	document, err := json.MarshalIndent(f.Binding, "", "  ")
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(s.out, "%s\n", document)
	return err
}
