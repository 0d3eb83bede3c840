package report

import (
	"fmt"
	"slices"
	"strings"
)

// Markdown is the result for a job summary or a pull-request comment.
func Markdown(r Result) string {
	var b strings.Builder
	fmt.Fprintf(&b, "## %s %s\n\n", mark(r.Outcome), strings.TrimSuffix(r.Operation+": "+r.subject(), ": "))
	if r.Failure != nil {
		text := r.FailureText()
		fmt.Fprintf(&b, "%[1]stext\n%[2]s%[1]s\n\n", fence(text), text)
		if len(r.Failure.Detail) > 0 {
			all := strings.Join(r.Failure.Detail, "\n")
			fmt.Fprintf(&b, "<details><summary>all that was found</summary>\n\n%[1]stext\n%[2]s\n%[1]s\n\n</details>\n\n", fence(all), all)
		}
	}
	if fields := r.fields(); len(fields) > 0 {
		b.WriteString("| | |\n| --- | --- |\n")
		for _, field := range fields {
			fmt.Fprintf(&b, "| %s | %s |\n", field[0], field[1])
		}
		b.WriteString("\n")
	}
	b.WriteString(changesMarkdown(r.Changes))
	b.WriteString(driftMarkdown(r.Drift))
	b.WriteString(teardownMarkdown(r.Teardown))
	if len(r.Services) > 0 {
		b.WriteString(markdownTable(r.serviceRows()) + "\n")
	}
	if len(r.Releases) > 0 {
		b.WriteString(markdownTable(r.releaseRows()) + "\n")
	}
	if lines := slices.Concat(r.serviceLines(), r.Notes); len(lines) > 0 {
		for _, line := range lines {
			fmt.Fprintf(&b, "- %s\n", strings.ReplaceAll(line, "\n", " "))
		}
		b.WriteString("\n")
	}
	if len(r.Steps) > 0 {
		b.WriteString("| step | outcome | time | |\n| --- | --- | ---: | --- |\n")
		for _, step := range r.Steps {
			took := ""
			if !step.Started.IsZero() {
				took = Seconds(step.Duration())
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", step.Name, step.Outcome, took, cell(step.Summary))
		}
		b.WriteString("\n")
	}
	if len(r.Checks) > 0 {
		b.WriteString(checksMarkdown(r.Checks) + "\n")
	}
	if r.Plan != nil {
		for _, part := range []string{FindingsMarkdown(r.Plan.Findings), r.Plan.Markdown} {
			if part != "" {
				b.WriteString(strings.TrimRight(part, "\n") + "\n\n")
			}
		}
	}
	if r.Cost != nil {
		b.WriteString(r.Cost.Markdown())
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

func (r Result) fields() [][2]string {
	var fields [][2]string
	add := func(name, value string) {
		if value != "" {
			fields = append(fields, [2]string{name, value})
		}
	}
	code := func(s string) string {
		if s == "" {
			return ""
		}
		return "`" + s + "`"
	}
	add("commit", code(r.Release.Commit))
	add("image", code(r.Release.Digest))
	add("revisions", code(strings.Join(r.Release.Revisions, ", ")))
	add("URL", r.Release.URL)
	if r.Plan != nil {
		add("plan", r.Plan.Counts())
	}
	return fields
}

// fence is longer than any row of backticks in the text, so that no line of a log ends the block.
func fence(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence
}

// cell keeps text inside one cell of a Markdown table.
func cell(s string) string {
	return strings.NewReplacer("|", "\\|", "\n", " ").Replace(s)
}
