package report

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Seconds prints a duration as people compare them in a column: "0.4 s", "95 s".
func Seconds(d time.Duration) string {
	if d < 10*time.Second {
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}

// WriteTerminal writes the result for a terminal without colours.
func WriteTerminal(w io.Writer, r Result) error { return Terminal{}.Write(w, r) }

// Terminal is how a result is written for a terminal.
type Terminal struct {
	// Colour is for a terminal that shows colours. In a file they are noise.
	Colour bool
}

// Write writes the result: a line per step, what was found, then the summary or, last, the failure.
func (t Terminal) Write(w io.Writer, r Result) error {
	var b strings.Builder
	if headline := r.headline(); r.inspection() && headline != "" {
		fmt.Fprintf(&b, "%s\n", headline)
	}
	for _, step := range r.Steps {
		took := ""
		if !step.Started.IsZero() {
			took = Seconds(step.Duration())
		}
		fmt.Fprintf(&b, "%s\n", strings.TrimRight(fmt.Sprintf("%s %-10s %7s  %s", mark(step.Outcome), step.Name, took, step.Summary), " "))
	}
	if path, total := r.CriticalPath(); total > 0 && len(r.Steps) > 1 {
		fmt.Fprintf(&b, "%s in all; critical path %s (%s), ratio %.2f\n",
			Seconds(r.Wall()), Seconds(total), strings.Join(path, " → "), r.Wall().Seconds()/total.Seconds())
	}
	if r.Plan != nil && r.Plan.Text != "" {
		b.WriteString("\n" + r.Plan.Text + "\n")
	}
	b.WriteString(r.checksOf())
	b.WriteString(r.findingsText())
	t.writeChanges(&b, r.Changes)
	switch {
	case r.Cost == nil:
	case r.Operation == "cost":
		b.WriteString(r.Cost.text())
	default:
		b.WriteString("cost: " + r.Cost.Line() + "\n")
	}
	t.writeDrift(&b, r.Drift)
	t.writeTeardown(&b, r.Teardown)
	if len(r.Services) > 0 {
		b.WriteString(columns(r.serviceRows()))
	}
	if len(r.Releases) > 0 {
		b.WriteString(columns(r.releaseRows()))
	}
	for _, line := range slices.Concat(r.serviceLines(), r.Notes) {
		b.WriteString(line + "\n")
	}
	switch {
	case r.Failure != nil:
		for _, line := range r.Failure.Detail {
			b.WriteString(line + "\n")
		}
		b.WriteString(r.FailureText())
	case !r.inspection():
		fmt.Fprintf(&b, "%s", strings.TrimSuffix(fmt.Sprintf("%s %s: %s", r.Operation, r.Outcome, r.headline()), ": "))
	}
	_, err := io.WriteString(w, strings.TrimRight(b.String(), "\n")+"\n")
	return err
}

// Text is the failure as the last lines on a terminal: reason, evidence, effect, next step.
func (f *Failure) Text(operation string) string { return f.text(operation, Failed) }

// FailureText is the text of the result's failure, with how the operation ended: a deployment that another replaced did not fail.
func (r Result) FailureText() string { return r.Failure.text(r.Operation, r.Outcome) }

func (f *Failure) text(operation string, outcome Outcome) string {
	var b strings.Builder
	at := ""
	if f.Step != "" && f.Step != operation {
		at = " at " + f.Step
	}
	fmt.Fprintf(&b, "%s %s%s: %s\n", operation, cmp.Or(outcome, Failed), at, f.Reason)
	if f.Cause != "" {
		fmt.Fprintf(&b, "  %s\n", strings.ReplaceAll(f.Cause, "\n", "\n  "))
	}
	for _, line := range f.Evidence {
		fmt.Fprintf(&b, "    %s\n", line)
	}
	if f.Effect != "" {
		fmt.Fprintf(&b, "  %s\n", f.Effect)
	}
	if f.Next != "" {
		fmt.Fprintf(&b, "  next: %s\n", f.Next)
	}
	return b.String()
}

// AsFailure returns the Failure in err's chain, or makes one of err's own text.
func AsFailure(err error) *Failure {
	if f, ok := errors.AsType[*Failure](err); ok {
		return f
	}
	return &Failure{Reason: err.Error()}
}

func (r Result) headline() string {
	var parts []string
	if subject := r.subject(); subject != "" {
		parts = append(parts, subject)
	}
	if r.Release.Commit != "" {
		parts = append(parts, "commit "+short(r.Release.Commit, 12))
	}
	if r.Release.Digest != "" {
		parts = append(parts, ShortDigest(r.Release.Digest))
	}
	parts = append(parts, r.Release.Revisions...)
	if r.Release.URL != "" {
		parts = append(parts, r.Release.URL)
	}
	if r.Plan != nil {
		parts = append(parts, r.Plan.Counts())
	}
	if r.Drift != nil {
		parts = append(parts, r.Drift.Sentence())
	}
	return strings.Join(parts, ", ")
}

// Changes is how many resources are created, updated and destroyed; a replacement counts twice.
func (p Plan) Changes() int { return p.Add + p.Change + p.Destroy }

// Counts is Terraform's own sentence on a plan, and what else there is in it.
func (p Plan) Counts() string {
	counts := fmt.Sprintf("%d to add, %d to change, %d to destroy", p.Add, p.Change, p.Destroy)
	for _, more := range []struct {
		count int
		what  string
	}{
		{p.Import, "to import"}, {p.Move, "to move"}, {p.Forget, "to forget"}, {p.Outputs, "of the outputs to change"}, {p.Drift, "changed outside"},
	} {
		if more.count > 0 {
			counts += fmt.Sprintf(", %d %s", more.count, more.what)
		}
	}
	return counts
}

// ShortDigest is a digest as far as people compare it: "sha256:43ba9e3d…".
func ShortDigest(digest string) string {
	algorithm, hex, found := strings.Cut(digest, ":")
	if !found {
		return digest
	}
	return algorithm + ":" + short(hex, 12) + "…"
}

func short(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return s[:n]
}

func mark(o Outcome) string {
	switch o {
	case Succeeded:
		return "✓"
	case Failed:
		return "✗"
	case Drifted:
		return "≠"
	default:
		return "·"
	}
}
