// Package chain holds the order of the steps and runs them in it.
package chain

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// Step is one entry of a table like Deploy's.
type Step struct {
	Name string
	// Needs are the steps that must have succeeded before this one starts. They stand above it in the table.
	Needs []string
	// Run does the step and returns one line on what it did.
	Run func(ctx context.Context) (Done, error)
	// Recovers are the steps whose failure this step answers, in the place of Needs: it runs only if one of them failed,
	// and is no part of the report otherwise. They stand above it in the table.
	Recovers []string
	// Recover takes Run's place in such a step. It may add to the failure what it did about it; the chain has failed all
	// the same.
	Recover func(ctx context.Context, failure *report.Failure) (Done, error)
}

// waitsFor are the steps that must have ended before this one can begin.
func (s Step) waitsFor() []string { return append(slices.Clone(s.Needs), s.Recovers...) }

// Done is what a step that succeeded, or that failed half-way, has to say.
type Done struct {
	Summary string
	// Steps, where the step was itself a chain run by the program, take its place in the report.
	Steps []report.Step
}

// Progress is told when a step starts and when it ends. It is called from several goroutines, one at a time.
type Progress func(report.Step)

// Run runs the steps, each as soon as those it needs have succeeded. The first failure stops what has not begun and
// cancels nothing that has: a step that is under way ends by itself, because half an apply or half an update is worse
// than a late answer. Run returns the steps in the table's order, and the first failure as a *report.Failure.
func Run(ctx context.Context, steps []Step, progress Progress) ([]report.Step, error) {
	if err := check(steps); err != nil {
		return nil, err
	}
	var (
		mutex   sync.Mutex
		failure *report.Failure
		group   sync.WaitGroup
		done    = make([]chan struct{}, len(steps))
		results = make([]report.Step, len(steps))
		inner   = make([][]report.Step, len(steps))
		index   = make(map[string]int, len(steps))
	)
	for i, step := range steps {
		index[step.Name] = i
		done[i] = make(chan struct{})
		results[i] = report.Step{Name: step.Name, Needs: step.waitsFor(), Outcome: report.NotStarted}
	}
	for i, step := range steps {
		group.Go(func() {
			defer close(done[i])
			for _, name := range step.waitsFor() {
				<-done[index[name]]
			}
			mutex.Lock()
			begin := failure == nil && ctx.Err() == nil
			if len(step.Recovers) > 0 {
				begin = ctx.Err() == nil && slices.ContainsFunc(step.Recovers, func(name string) bool {
					return results[index[name]].Outcome == report.Failed
				})
			}
			if begin {
				results[i].Started = time.Now()
				progress(results[i])
			}
			mutex.Unlock()
			if !begin {
				return
			}
			var said Done
			var err error
			if len(step.Recovers) > 0 {
				said, err = step.Recover(ctx, failure) // set, since a step failed, and changed by nobody else
			} else {
				said, err = step.Run(ctx)
			}

			mutex.Lock()
			defer mutex.Unlock()
			result := &results[i]
			result.Finished, result.Summary, result.Outcome = time.Now(), said.Summary, report.Succeeded
			inner[i] = said.Steps
			if err != nil {
				result.Outcome = report.Failed
				f := *report.AsFailure(err)
				if f.Step == "" {
					f.Step = step.Name
				}
				result.Summary = "" // written for a success; the failure stands below the steps
				if failure == nil {
					failure = &f
				}
			}
			progress(*result)
		})
	}
	group.Wait()
	for i := len(steps) - 1; i >= 0; i-- {
		if len(steps[i].Recovers) > 0 && results[i].Started.IsZero() {
			results, inner = slices.Delete(results, i, i+1), slices.Delete(inner, i, i+1)
		}
	}
	// A cancellation that came when all was done took nothing away.
	kept := slices.ContainsFunc(results, func(step report.Step) bool { return step.Outcome == report.NotStarted })
	if failure == nil && kept {
		failure = (&report.Failure{Reason: "the run was cancelled", Effect: "steps shown as not started did nothing"}).Because(context.Cause(ctx))
	}
	flat := flatten(results, inner)
	if failure != nil {
		return flat, failure
	}
	return flat, nil
}

// flatten puts the steps of an inner chain in the place of the step that ran it, and mends what others need.
func flatten(results []report.Step, inner [][]report.Step) []report.Step {
	var flat []report.Step
	last := map[string]string{}
	for i, result := range results {
		var needs []string
		for _, need := range result.Needs {
			if name, ok := last[need]; ok {
				need = name
			}
			needs = append(needs, need)
		}
		result.Needs = needs
		if len(inner[i]) == 0 {
			flat = append(flat, result)
			continue
		}
		for j, step := range inner[i] {
			if j == 0 {
				step.Needs = needs
			}
			flat = append(flat, step)
			last[result.Name] = step.Name
		}
	}
	return flat
}

// check finds a table that can't be run, which is a mistake in the program.
func check(steps []Step) error {
	seen := map[string]bool{}
	for _, step := range steps {
		if seen[step.Name] {
			return fmt.Errorf("run the chain: step %q stands in the table twice", step.Name)
		}
		for _, need := range step.waitsFor() {
			if !seen[need] {
				return fmt.Errorf("run the chain: step %q needs %q, which does not stand above it", step.Name, need)
			}
		}
		seen[step.Name] = true
	}
	return nil
}
