package report

import (
	"fmt"
	"slices"
	"strings"
)

// Finding is something in a plan that the guard stops at, or wants a person to know.
type Finding struct {
	// Address is the resource's, as --allow-destroy takes it: `module.data.aws_s3_bucket.this["a"]`.
	Address string `json:"address"`
	// Type is the resource's: "aws_s3_bucket".
	Type string `json:"type"`
	// Rule is the guard's rule: "data", "protection", "storage", "backups", "port", "public", "engine version",
	// "running task definition".
	Rule string `json:"rule"`
	// Action is what Terraform would do: "create", "update", "replace", "destroy" or "forget".
	Action string `json:"action"`
	// Deposed is the key of an object that an earlier replacement left behind, where the finding is about that.
	Deposed string `json:"deposed,omitempty"`
	// What says what is at stake, and Why for what reason Terraform wants it, where it gives one. Both are sentences without
	// a full stop.
	What string `json:"what"`
	Why  string `json:"why,omitempty"`
	// Values are the attributes that matter.
	Values  []FindingValue `json:"values,omitempty"`
	Verdict Verdict        `json:"verdict"`
}

// FindingValue is one attribute before and after. A sensitive value is never in it.
type FindingValue struct {
	// Attribute is its path: "engine_version", "point_in_time_recovery.0.enabled".
	Attribute string `json:"attribute"`
	Before    string `json:"before"`
	After     string `json:"after"`
}

// Verdict is what a finding means for an apply.
type Verdict string

const (
	// Stops is a finding that has to be allowed by its address.
	Stops Verdict = "stops"
	// Allowed is one whose address was named.
	Allowed Verdict = "allowed"
	// Never is one that no name allows.
	Never Verdict = "never"
	// Noted is one that stops nothing.
	Noted Verdict = "noted"
)

// Sentence is the finding in a line, without its address: "destroy: a database; its key "b" is no longer in for_each".
func (f Finding) Sentence() string {
	text := f.Action + ": " + f.What
	if f.Why != "" {
		text += "; " + f.Why
	}
	var values []string
	for _, value := range f.Values {
		values = append(values, value.text())
	}
	if len(values) > 0 {
		text += " (" + strings.Join(values, ", ") + ")"
	}
	return text
}

func (v FindingValue) text() string { return v.Attribute + ": " + v.Before + " → " + v.After }

// mostFindings is how many are written for a person. A plan that destroys everything has hundreds, and the JSON has all.
const mostFindings = 100

// findingsText lists the findings for a terminal, those of an address together. Those that a failure names are left out.
func (r Result) findingsText() string {
	if r.Plan == nil {
		return ""
	}
	findings := r.Plan.Findings
	if r.Failure != nil {
		findings = slices.DeleteFunc(slices.Clone(findings), func(f Finding) bool { return f.Verdict == Stops || f.Verdict == Never })
	}
	var b strings.Builder
	shown := findings[:min(len(findings), mostFindings)]
	for i, finding := range shown {
		if i == 0 || shown[i-1].Address != finding.Address || shown[i-1].Verdict != finding.Verdict {
			fmt.Fprintf(&b, "%s %-7s  %s\n", verdictMark(finding.Verdict), finding.Verdict, finding.Address)
		}
		fmt.Fprintf(&b, "    %s\n", oneLine(finding.Sentence()))
	}
	if left := len(findings) - len(shown); left > 0 {
		fmt.Fprintf(&b, "and %s more\n", Plural(left, "finding"))
	}
	return b.String()
}

// FindingsMarkdown is a heading and a table of the findings; empty where there are none.
func FindingsMarkdown(findings []Finding) string {
	if len(findings) == 0 {
		return ""
	}
	shown := findings[:min(len(findings), mostFindings)]
	rows := [][]string{{"guard", "resource", "action", "what and why"}}
	for _, finding := range shown {
		what := finding.What
		if finding.Why != "" {
			what += "; " + finding.Why
		}
		what = plain.Replace(oneLine(what))
		for _, value := range finding.Values {
			what += "<br>" + codeSpan(oneLine(value.text()))
		}
		rows = append(rows, []string{
			verdictMark(finding.Verdict) + " " + string(finding.Verdict), codeSpan(oneLine(finding.Address)), finding.Action, what,
		})
	}
	text := "### What the guard found\n\n" + markdownTable(rows)
	if left := len(findings) - len(shown); left > 0 {
		text += fmt.Sprintf("\nand %s more\n", Plural(left, "finding"))
	}
	return text
}

// plain keeps the keys of a plan's resources from being read as HTML.
var plain = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

func verdictMark(verdict Verdict) string {
	switch verdict {
	case Stops, Never:
		return "✗"
	case Allowed:
		return "✓"
	default:
		return "–"
	}
}
