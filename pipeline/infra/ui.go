package infra

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	tfjson "github.com/hashicorp/terraform-json"
)

// ui reads Terraform's machine-readable output as it comes, says what happened in a line each, and keeps the diagnostics.
//
// https://developer.hashicorp.com/terraform/internals/machine-readable-ui
type ui struct {
	say         func(string)
	buffer      bytes.Buffer
	diagnostics []diagnostic
	refreshed   int
	// created is told the address and the id of each resource that was created.
	created func(address, id string)
	// done are the addresses of resources that were created, updated or destroyed, begun those of which that has begun.
	done, begun map[string]bool
	// reported is when a resource that takes long was last mentioned, in seconds of its own running time.
	reported map[string]int
}

// every is how often a resource that takes long is mentioned. Terraform says it each 10 s, which fills the screen during
// the ten minutes of a database.
const every = 30 * time.Second

func newUI(say func(string)) *ui {
	return &ui{
		say: say, created: func(string, string) {}, done: map[string]bool{}, begun: map[string]bool{}, reported: map[string]int{},
	}
}

type message struct {
	Type    string `json:"type"`
	Message string `json:"@message"`
	Hook    struct {
		Resource struct {
			Addr string `json:"addr"`
		} `json:"resource"`
		Action  string `json:"action"`
		Elapsed int    `json:"elapsed_seconds"`
		IDValue string `json:"id_value"`
	} `json:"hook"`
	Diagnostic diagnostic `json:"diagnostic"`
}

type diagnostic struct {
	Severity string   `json:"severity"`
	Summary  string   `json:"summary"`
	Detail   string   `json:"detail"`
	Address  string   `json:"address"`
	Range    *place   `json:"range"`
	Snippet  *snippet `json:"snippet"`
}

type place struct {
	Filename string `json:"filename"`
	Start    struct {
		Line int `json:"line"`
	} `json:"start"`
}

type snippet struct {
	Code string `json:"code"`
}

// Write takes any part of the stream; lines are read when they are whole.
func (u *ui) Write(p []byte) (int, error) {
	u.buffer.Write(p)
	for {
		line, rest, found := bytes.Cut(u.buffer.Bytes(), []byte("\n"))
		if !found {
			return len(p), nil
		}
		u.read(line)
		remaining := bytes.Clone(rest)
		u.buffer.Reset()
		u.buffer.Write(remaining)
	}
}

// Close reads what is left.
func (u *ui) Close() {
	u.read(u.buffer.Bytes())
	u.buffer.Reset()
}

func (u *ui) read(line []byte) {
	var m message
	if json.Unmarshal(line, &m) != nil {
		return // not part of the stream: a provider that prints
	}
	address := m.Hook.Resource.Addr
	switch m.Type {
	case "diagnostic":
		u.diagnostics = append(u.diagnostics, m.Diagnostic)
		if m.Diagnostic.Severity == "warning" {
			u.say("warning: " + m.Diagnostic.Summary + m.Diagnostic.at())
		}
	case "refresh_complete":
		u.refreshed++
	case "apply_start":
		u.begun[address] = true
	case "apply_progress":
		if m.Hook.Elapsed-u.reported[address] >= int(every.Seconds()) {
			u.reported[address] = m.Hook.Elapsed
			u.say(fmt.Sprintf("%s: still %s after %d s", address, gerund[m.Hook.Action], m.Hook.Elapsed))
		}
	case "apply_complete":
		delete(u.reported, address) // a replacement counts its time anew
		if m.Hook.Action == "read" {
			return // data sources, on every plan
		}
		u.done[address] = true
		if m.Hook.Action == "create" {
			u.created(address, m.Hook.IDValue)
		}
		u.say(fmt.Sprintf("%s: %s in %d s", address, past[m.Hook.Action], m.Hook.Elapsed))
	case "apply_errored":
		u.say(fmt.Sprintf("%s: not %s, failed after %d s", address, past[m.Hook.Action], m.Hook.Elapsed))
	}
}

var gerund = map[string]string{
	"create": "creating", "update": "updating", "delete": "destroying", "replace": "replacing", "read": "reading", "noop": "unchanged",
}

var past = map[string]string{
	"create": "created", "update": "updated", "delete": "destroyed", "replace": "replaced", "read": "read", "noop": "unchanged",
}

// at is where in the configuration a diagnostic points: " at main.tf:12", or " (aws_vpc.this)" where it has no place.
func (d diagnostic) at() string {
	switch {
	case d.Range != nil:
		return fmt.Sprintf(" at %s:%d", d.Range.Filename, d.Range.Start.Line)
	case d.Address != "":
		return " (" + d.Address + ")"
	}
	return ""
}

// ofDownload says that a provider could not be had.
func (d diagnostic) ofDownload() bool {
	return d.Severity == "error" && (d.Summary == "Failed to query available provider packages" || d.Summary == "Failed to install provider")
}

// lines are the code that a diagnostic points at and its explanation.
func (d diagnostic) lines() []string {
	var lines []string
	if d.Snippet != nil && d.Snippet.Code != "" {
		lines = append(lines, strings.Split(strings.TrimRight(d.Snippet.Code, "\n"), "\n")...)
	}
	if d.Detail != "" {
		lines = append(lines, strings.Split(d.Detail, "\n")...)
	}
	return lines
}

func fromValidate(d tfjson.Diagnostic) diagnostic {
	converted := diagnostic{Severity: string(d.Severity), Summary: d.Summary, Detail: d.Detail}
	if d.Range != nil {
		converted.Range = &place{Filename: d.Range.Filename}
		converted.Range.Start.Line = d.Range.Start.Line
	}
	if d.Snippet != nil {
		converted.Snippet = &snippet{Code: d.Snippet.Code}
	}
	return converted
}
