// Package report turns the result of an operation into what people and machines read: terminal lines, Markdown, JSON and
// GitHub's workflow commands. All of them come from one Result.
package report

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Result is what one operation on an environment did. It is the JSON that the program writes and that the Dagger
// functions read.
type Result struct {
	// Operation is the program's subcommand or the chain's name: "deploy", "plan", "redeploy".
	Operation string `json:"operation"`
	// Name and Environment say what was operated on: "blog", "dev".
	Name        string  `json:"name"`
	Environment string  `json:"environment"`
	Outcome     Outcome `json:"outcome"`
	Steps       []Step  `json:"steps"`

	Release Release `json:"release,omitzero"`
	Plan    *Plan   `json:"plan,omitempty"`
	// Cost is what the plan's resources cost.
	Cost *Cost `json:"cost,omitempty"`
	// Checks are what verify looked at, and Changes what the deployment changes against what runs.
	Checks  []Check  `json:"checks,omitempty"`
	Changes []Change `json:"changes,omitempty"`
	// Notes are sentences that a person should read beside the changes.
	Notes []string `json:"notes,omitempty"`
	// Services is the status of the environment's services, and Releases its history, the newest first.
	Services []Service     `json:"services,omitzero"`
	Releases []PastRelease `json:"releases,omitzero"`
	// Drift is what drift found, and Teardown what destroy took away and what it left.
	Drift    *Drift    `json:"drift,omitempty"`
	Teardown *Teardown `json:"teardown,omitempty"`
	Failure  *Failure  `json:"failure,omitempty"`
}

// Release is what a deployment brought, or tried to bring, into service. Fields are empty as far as the chain did not
// get.
type Release struct {
	// Commit is the release id that the image was built from and that the running application answers with.
	Commit string `json:"commit,omitempty"`
	// Digest is the image's, "sha256:…".
	Digest string `json:"digest,omitempty"`
	// Revisions are the task-definition revisions registered for the release, "blog-dev-web:41", one per service.
	Revisions []string `json:"revisions,omitempty"`
	URL       string   `json:"url,omitempty"`
}

// Plan is what Terraform would change, counted as Terraform counts.
type Plan struct {
	Add     int `json:"add"`
	Change  int `json:"change"`
	Destroy int `json:"destroy"`
	// Import, Move and Forget are resources that are taken over, get another address, and are let go of without being
	// destroyed. Outputs is how many change, and Drift how many resources were changed outside of Terraform.
	Import  int `json:"import,omitempty"`
	Move    int `json:"move,omitempty"`
	Forget  int `json:"forget,omitempty"`
	Outputs int `json:"outputs,omitempty"`
	Drift   int `json:"drift,omitempty"`
	// Guarded are the addresses that have to be allowed by name, each once, and Findings what the guard found there and
	// elsewhere.
	Guarded  []string  `json:"guarded,omitempty"`
	Findings []Finding `json:"findings,omitempty"`
	// Markdown is the plan for a job summary, without any value that is sensitive; Comment is the same, as short as a comment
	// on a pull request has to be, and Text for a terminal.
	Markdown string `json:"markdown,omitempty"`
	Comment  string `json:"comment,omitempty"`
	Text     string `json:"text,omitempty"`
}

// Outcome is how an operation or a step ended.
type Outcome string

const (
	Succeeded Outcome = "succeeded"
	Failed    Outcome = "failed"
	// Superseded is a deployment that somebody else's took the place of: no success, and no failure of its own.
	Superseded Outcome = "superseded"
	// Drifted is a look for drift that found some.
	Drifted Outcome = "drifted"
	// NotStarted is a step that another step's failure kept from beginning.
	NotStarted Outcome = "not started"
)

// Step is one step of the chain.
type Step struct {
	Name    string  `json:"name"`
	Outcome Outcome `json:"outcome"`
	// Summary is one line on what was done: "pushed sha256:43ba9e3d…, 3 of 9 layers were new".
	Summary string `json:"summary,omitempty"`
	// Needs are the names of the steps that had to succeed first.
	Needs    []string  `json:"needs,omitempty"`
	Started  time.Time `json:"started,omitzero"`
	Finished time.Time `json:"finished,omitzero"`
}

// Duration is how long the step ran; 0 when it did not start.
func (s Step) Duration() time.Duration { return s.Finished.Sub(s.Started) }

// subject is what was operated on, "blog-dev"; empty for an operation that is of no environment, like validate.
func (r Result) subject() string {
	if r.Name == "" {
		return ""
	}
	return r.Name + "-" + r.Environment
}

// Wall is the time from the first step's start to the last one's end.
func (r Result) Wall() time.Duration {
	var first, last time.Time
	for _, step := range r.Steps {
		if step.Started.IsZero() {
			continue
		}
		if first.IsZero() || step.Started.Before(first) {
			first = step.Started
		}
		if step.Finished.After(last) {
			last = step.Finished
		}
	}
	return last.Sub(first)
}

// CriticalPath is the chain of steps, each needing the one before, whose durations add up to the most. No schedule can be
// faster than that, so Wall divided by it says what waiting between the steps costs.
func (r Result) CriticalPath() (names []string, total time.Duration) {
	type path struct {
		names []string
		total time.Duration
	}
	longest := map[string]path{}
	for _, step := range r.Steps { // a step stands behind those it needs
		var before path
		for _, need := range step.Needs {
			if p := longest[need]; p.total >= before.total {
				before = p
			}
		}
		p := path{append(slices.Clone(before.names), step.Name), before.total + step.Duration()}
		longest[step.Name] = p
		if p.total > total {
			names, total = p.names, p.total
		}
	}
	return names, total
}

// Failure is an error that holds what a person needs to act on it: the reason, the evidence, what was and was not done,
// and what to do next.
type Failure struct {
	// Step is the chain's step that failed; the chain fills it in.
	Step string `json:"step,omitempty"`
	// Reason is one sentence without a full stop: "the migration exited with status 1".
	Reason string `json:"reason"`
	// Cause is the text of the error behind it, where there is one.
	Cause string `json:"cause,omitempty"`
	// Evidence are the last lines of the log, or the places in files, that show it.
	Evidence []string `json:"evidence,omitempty"`
	// Detail is all that was found, where Evidence is what to look at first. The terminal shows it before the failure, so
	// that the reason stays within the last lines.
	Detail []string `json:"detail,omitempty"`
	// Effect says what was changed and what was left as it was: "no service was updated".
	Effect string `json:"effect,omitempty"`
	// Next is what to do about it.
	Next string `json:"next,omitempty"`

	cause error
}

// Because records the error that a failure comes from.
func (f *Failure) Because(cause error) *Failure {
	f.cause, f.Cause = cause, strings.TrimSpace(cause.Error()) // terraform-exec's errors end in empty lines
	return f
}

func (f *Failure) Error() string {
	if f.Cause != "" {
		return fmt.Sprintf("%s: %s", f.Reason, f.Cause)
	}
	return f.Reason
}

func (f *Failure) Unwrap() error { return f.cause }
