package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"sync"
	"time"

	"github.com/slipway-ci/slipway/pipeline/chain"
	"github.com/slipway-ci/slipway/pipeline/report"
	"github.com/slipway-ci/slipway/pipeline/service"
)

// output is where a command leaves its result.
type output struct {
	Result string `type:"path" placeholder:"FILE" help:"Write the result as JSON to this file."`
}

// operate runs the steps of an operation, prints what happens, writes the result and prints it last. The steps fill in
// what they found in result.
func (o output) operate(ctx context.Context, s streams, result *report.Result, steps []chain.Step) error {
	var err error
	result.Steps, err = chain.Run(ctx, steps, progress(s.progress))
	result.Outcome = report.Succeeded
	if err != nil {
		result.Outcome, result.Failure = report.Failed, report.AsFailure(err)
	}
	if errors.Is(err, service.ErrSuperseded) {
		result.Outcome = report.Superseded
	}
	if err == nil && result.Drift.Found() {
		result.Outcome = report.Drifted
	}
	if writeErr := o.write(*result); writeErr != nil {
		fmt.Fprintf(s.progress, "slipway: %v\n", writeErr)
		err = writeErr
	}
	if writeErr := (report.Terminal{Colour: colours(s.progress)}).Write(s.progress, *result); writeErr != nil {
		return writeErr
	}
	switch {
	case result.Outcome == report.Superseded:
		return errSuperseded
	case result.Outcome == report.Drifted:
		return errDrifted
	case err != nil:
		return errReported
	}
	return nil
}

func (o output) write(result report.Result) error {
	if o.Result == "" {
		return nil
	}
	document, err := json.MarshalIndent(result, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", o.Result, err)
	}
	if err := os.WriteFile(o.Result, append(document, '\n'), 0o644); err != nil {
		return fmt.Errorf("write %s: %w", o.Result, err)
	}
	return nil
}

// progress prints a line when a step starts; what it did comes in its own lines and in the report at the end.
func progress(w io.Writer) chain.Progress {
	return func(step report.Step) {
		if step.Outcome == report.NotStarted {
			printLine(w, step.Name, "…")
		}
	}
}

// sayer returns what a step prints its lines with.
func sayer(w io.Writer, step string) func(string) {
	return func(line string) { printLine(w, step, line) }
}

// printing keeps lines of steps that run at the same time apart.
var printing sync.Mutex

func printLine(w io.Writer, step, line string) {
	printing.Lock()
	defer printing.Unlock()
	for part := range strings.Lines(line) {
		fmt.Fprintf(w, "%s %-9s %s\n", time.Now().UTC().Format(time.TimeOnly), step, strings.TrimRight(part, "\n"))
	}
}
