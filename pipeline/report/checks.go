package report

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// CountChecks is how many checks had which outcome: "14 OK, 1 FAILED".
func CountChecks(checks []Check) string {
	counts := map[CheckOutcome]int{}
	for _, check := range checks {
		counts[check.Outcome]++
	}
	var parts []string
	for _, outcome := range []CheckOutcome{OK, Created, Repaired, Refused, Warned, Skipped} {
		if counts[outcome] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[outcome], outcome))
		}
	}
	return strings.Join(parts, ", ")
}

// ChecksText is the table of checks for a terminal: a line each, in columns.
func ChecksText(checks []Check) string {
	subjects, outcomes := 0, len(Skipped)
	for _, check := range checks {
		subjects = max(subjects, utf8.RuneCountInString(check.Subject))
		outcomes = max(outcomes, len(check.Outcome))
	}
	var b strings.Builder
	for _, check := range checks {
		line := fmt.Sprintf("%s %-*s  %-*s  %s", checkMark(check.Outcome), outcomes, check.Outcome, subjects, check.Subject, oneLine(check.Reason))
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

// checksOf is the part of the table that an operation shows: all of it where it is what was asked for, else what wants a look
// and the number of the others.
func (r Result) checksOf() string {
	if r.Operation == "verify" || r.Operation == "bootstrap" {
		return ChecksText(r.Checks)
	}
	var shown []Check
	for _, check := range r.Checks {
		if check.Outcome != OK {
			shown = append(shown, check)
		}
	}
	text := ChecksText(shown)
	if count := len(r.Checks) - len(shown); count > 0 {
		text += fmt.Sprintf("%s %-7s  %s\n", checkMark(OK), OK, Plural(count, "check"))
	}
	return text
}

// checksMarkdown is the whole table: a job summary has room.
func checksMarkdown(checks []Check) string {
	var b strings.Builder
	b.WriteString("| check | outcome | |\n| --- | --- | --- |\n")
	for _, check := range checks {
		fmt.Fprintf(&b, "| %s | %s %s | %s |\n", cell(check.Subject), checkMark(check.Outcome), check.Outcome, cell(check.Reason))
	}
	return b.String()
}

func checkMark(outcome CheckOutcome) string {
	switch outcome {
	case OK:
		return "✓"
	case Created, Repaired:
		return "+"
	case Refused:
		return "✗"
	case Warned:
		return "!"
	default:
		return "–"
	}
}

// Plural is a number of things: "1 task", "2 tasks".
func Plural(count int, noun string) string {
	if count == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", count, noun)
}

func oneLine(s string) string {
	return strings.Join(strings.Fields(s), " ")
}
