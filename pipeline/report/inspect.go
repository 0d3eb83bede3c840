package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Service is what one ECS service runs, and how it is.
type Service struct {
	Name   string `json:"name"`
	Health Health `json:"health"`
	// Revision is what it points at, "blog-dev-web:41", and Template the revision that this one was made of. Current says
	// that the template is the one of the contract.
	Revision string `json:"revision,omitempty"`
	Template string `json:"template,omitempty"`
	Current  bool   `json:"current"`
	Commit   string `json:"commit,omitempty"`
	Digest   string `json:"digest,omitempty"`
	// Tasks: those that run, those that start, those that are wanted, and those of the last deployment that failed.
	Running int `json:"running"`
	Pending int `json:"pending"`
	Desired int `json:"desired"`
	Failed  int `json:"failed"`
	// Targets is nil for a service without a load balancer.
	Targets *Targets `json:"targets,omitempty"`
	// Since is when the deployment of the revision began.
	Since time.Time `json:"since,omitzero"`
	// Rollouts are the deployments that aren't finished, or failed and are still in the service's list.
	Rollouts []Rollout `json:"rollouts,omitempty"`
	// Notes are sentences on what the fields don't say.
	Notes []string `json:"notes,omitempty"`
}

// Targets are a load balancer's, less those that are being taken away.
type Targets struct {
	Healthy int `json:"healthy"`
	Total   int `json:"total"`
}

// Rollout is one deployment of a service.
type Rollout struct {
	Revision string `json:"revision"`
	// State is "in progress", "failed", or "going away" for what another took the place of.
	State   string    `json:"state"`
	Running int       `json:"running"`
	Pending int       `json:"pending"`
	Desired int       `json:"desired"`
	Failed  int       `json:"failed"`
	Started time.Time `json:"started,omitzero"`
}

// Health is how a service is, in a word.
type Health string

const (
	Healthy Health = "healthy"
	// Degraded is a service of which some tasks don't run, or some targets aren't healthy.
	Degraded Health = "degraded"
	// Down is a service that should run tasks and runs none, or none that is healthy.
	Down      Health = "down"
	Deploying Health = "deploying"
	NoTasks   Health = "no tasks"
	// Absent is a service that isn't there or isn't active.
	Absent Health = "absent"
)

// PastRelease is a release that was registered at some time.
type PastRelease struct {
	Commit string `json:"commit,omitempty"`
	Digest string `json:"digest,omitempty"`
	// Revisions are one per service, "blog-dev-web:41".
	Revisions  []string  `json:"revisions"`
	Registered time.Time `json:"registered,omitzero"`
	// By is on whose behalf: a CI run's URL, or a user on a host.
	By string `json:"by,omitempty"`
	// Outcome is complete, failed, rolled-back, superseded or, where nobody wrote it down, unfinished.
	Outcome string `json:"outcome"`
	// Serving says that a service runs it now.
	Serving bool `json:"serving"`
}

// inspection says that the result only tells what is there. Such a one begins with its subject, and not with steps.
func (r Result) inspection() bool {
	return r.Services != nil || r.Releases != nil || r.Drift != nil || r.Operation == "cost" && r.Cost != nil
}

// serviceRows and releaseRows are tables with a head.
func (r Result) serviceRows() [][]string {
	rows := [][]string{{"service", "health", "tasks", "targets", "revision", "commit", "image", "since"}}
	for _, service := range r.Services {
		tasks := fmt.Sprintf("%d of %d", service.Running, service.Desired)
		if service.Pending > 0 {
			tasks += fmt.Sprintf(", %d pending", service.Pending)
		}
		if service.Failed > 0 {
			tasks += fmt.Sprintf(", %d failed", service.Failed)
		}
		targets := "-"
		if service.Targets != nil {
			targets = fmt.Sprintf("%d of %d", service.Targets.Healthy, service.Targets.Total)
		}
		rows = append(rows, []string{
			service.Name, string(service.Health), tasks, targets, dash(service.Revision), dash(shorten(service.Commit)), dash(shorten(service.Digest)), moment(service.Since),
		})
	}
	return rows
}

func (r Result) releaseRows() [][]string {
	rows := [][]string{{"", "registered", "outcome", "commit", "image", "revisions", "by"}}
	for _, release := range r.Releases {
		serving := ""
		if release.Serving {
			serving = "→"
		}
		rows = append(rows, []string{
			serving, moment(release.Registered), release.Outcome, dash(shorten(release.Commit)), dash(shorten(release.Digest)),
			strings.Join(release.Revisions, ", "), dash(release.By),
		})
	}
	return rows
}

// serviceLines are what stands below the table of services, a sentence a line.
func (r Result) serviceLines() []string {
	var lines []string
	for _, service := range r.Services {
		for _, rollout := range service.Rollouts {
			lines = append(lines, fmt.Sprintf("%s: %s, %s since %s: %d of %d tasks running, %d pending, %d failed",
				service.Name, rollout.Revision, rollout.State, moment(rollout.Started), rollout.Running, rollout.Desired, rollout.Pending, rollout.Failed))
		}
		for _, note := range service.Notes {
			lines = append(lines, service.Name+": "+note)
		}
	}
	return lines
}

// moment is a time to the minute: the same wherever it is read.
func moment(t time.Time) string {
	if t.IsZero() {
		return "-"
	}
	return t.UTC().Format("2006-01-02 15:04 UTC")
}

func dash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

// columns lines the cells of a table up for a terminal.
func columns(rows [][]string) string {
	var widths []int
	for _, row := range rows {
		for i, cell := range row {
			if i == len(widths) {
				widths = append(widths, 0)
			}
			widths[i] = max(widths[i], len([]rune(cell)))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		var line strings.Builder
		for i, cell := range row {
			if widths[i] > 0 {
				fmt.Fprintf(&line, "%-"+strconv.Itoa(widths[i])+"s  ", cell)
			}
		}
		b.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	}
	return b.String()
}

// markdownTable is a table whose first row is its head.
func markdownTable(rows [][]string) string {
	var b strings.Builder
	for i, row := range rows {
		b.WriteString(tableRow(row))
		if i == 0 {
			b.WriteString(strings.Repeat("| --- ", len(row)) + "|\n")
		}
	}
	return b.String()
}

func tableRow(row []string) string {
	var b strings.Builder
	for _, text := range row {
		b.WriteString("| " + cell(text) + " ")
	}
	return b.String() + "|\n"
}
