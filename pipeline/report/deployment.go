package report

// Check is one thing that was looked at: before a deployment, or in the state bucket.
type Check struct {
	// Subject is what was looked at: "service blog-dev-web", "secret SECRET_KEY of blog-dev-web:4".
	Subject string       `json:"subject"`
	Outcome CheckOutcome `json:"outcome"`
	// Reason says why it failed or was skipped; for OK it may name what was found.
	Reason string `json:"reason,omitempty"`
}

// CheckOutcome is what a check found.
type CheckOutcome string

const (
	OK CheckOutcome = "OK"
	// Refused is a check that would make the deployment fail.
	Refused CheckOutcome = "FAILED"
	// Warned is a check that found something to look at, and that stops nothing.
	Warned CheckOutcome = "WARN"
	// Skipped is a check that could not be made; its reason names the permission that was missing.
	Skipped CheckOutcome = "SKIPPED"
	// Created is what was missing and has been made, Repaired what deviated and has been set. The reason says how it was.
	Created  CheckOutcome = "CREATED"
	Repaired CheckOutcome = "REPAIRED"
)

// Change is one difference between what runs and what a deployment brings.
type Change struct {
	// Service is the ECS service's name.
	Service string `json:"service"`
	// Field is what changes: "image", "environment LOG_LEVEL", "secret SECRET_KEY", "cpu", "memory", "command".
	Field string `json:"field"`
	// Old is empty for what is added, New for what is removed. A secret shows where it comes from, never its value.
	Old string `json:"old,omitempty"`
	New string `json:"new,omitempty"`
	// Note is what the values don't say: "3 commits later".
	Note string `json:"note,omitempty"`
}

// Diagnosis is why a deployment failed.
type Diagnosis struct {
	// Sentence is the reason, without a full stop: "the new task exits right after it starts (3 of 3, exit status 3)".
	Sentence string
	// Evidence is what shows it, in at most ten lines: how tasks ended, unhealthy targets, service events, the last lines
	// of a log.
	Evidence []string
	// Detail is all of that: every group of tasks with the last thirty lines of one of them.
	Detail []string
	// Next is what to do about it, with the page of AWS's documentation that it comes from.
	Next string
	// Lasting says that every further task would fail in the same way, as the cause lies in the release itself.
	Lasting bool
}
