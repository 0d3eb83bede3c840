package plan

import (
	"cmp"
	"fmt"
	"html"
	"regexp"
	"slices"
	"strings"
)

// page is a text that grows to a limit in bytes, of whole blocks.
type page struct {
	strings.Builder
	limit int
}

// add adds a block, if it fits.
func (p *page) add(block string) bool {
	if p.Len()+len(block) > p.limit {
		return false
	}
	p.WriteString(block)
	return true
}

// reserved is what remains for the sentences that say what was left out.
const reserved = 600

// enough is the room below which nothing more is tried.
const enough = 300

// Markdown is the plan for a job summary or a comment, of at most limit bytes. What doesn't fit is left out as a whole,
// differences before the table, and counted.
func (s *Summary) Markdown(limit int) string {
	p := &page{limit: limit - reserved}
	p.add("Plan: " + s.Counts() + ".\n")
	if s.partial {
		p.add("\nThe plan is not complete: after it is applied there is more to change.\n")
	}
	left := s.table(p, s.changes, "| action | resource | because of |\n| --- | --- | --- |\n")
	if len(s.problems) > 0 && p.add("\nChecks that fail:\n\n") {
		left = append(left, bullets(p, s.problems, "failed check")...)
	}
	var outside page
	outside.limit = p.limit - p.Len()
	if len(s.drift) > 0 && outside.add("\n**Changed outside of Terraform**, found while refreshing; this plan didn't do it:\n") {
		left = append(left, s.table(&outside, s.drift, "| what | resource | attributes |\n| --- | --- | --- |\n")...)
		p.add(outside.String())
	}
	left = append(left, s.outputBlocks(p)...)
	left = append(left, s.blocks(p, s.changes, "", "differences of %d resources")...)
	left = append(left, s.blocks(p, s.drift, "outside: ", "differences of %d resources that were changed outside")...)
	if len(left) > 0 {
		fmt.Fprintf(p, "\nLeft out, as it would be too long: %s.\n", strings.Join(left, "; "))
	}
	return p.String()
}

// table writes the rows that fit, and says how many don't.
func (s *Summary) table(p *page, rows []row, head string) []string {
	if len(rows) == 0 {
		return nil
	}
	p.add("\n" + head)
	for i, r := range rows {
		word := actions[r.action].word
		if s.isDrift(r) {
			word = drifted[r.action]
		}
		if !p.add(fmt.Sprintf("| %s | %s | %s |\n", word, code(r.address), strings.Join(atMost(r.because, 8), ", "))) {
			return []string{fmt.Sprintf("%d rows of the table (%s)", len(rows)-i, counted(rows[i:]))}
		}
	}
	return nil
}

var drifted = map[action]string{update: "changed", destroy: "gone"}

func (s *Summary) isDrift(r row) bool {
	return slices.ContainsFunc(s.drift, func(d row) bool { return d.change == r.change })
}

func atMost(names []string, most int) []string {
	if len(names) <= most {
		return names
	}
	return append(slices.Clone(names[:most]), fmt.Sprintf("and %d more", len(names)-most))
}

// counted says how many rows there are of each action.
func counted(rows []row) string {
	var parts []string
	for a := destroy; a <= other; a++ {
		count := 0
		for _, r := range rows {
			if r.action == a {
				count++
			}
		}
		if count > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", count, actions[a].word))
		}
	}
	return strings.Join(parts, ", ")
}

func bullets(p *page, items []string, of string) []string {
	for i, item := range items {
		if !p.add("- " + escaped(shortened(item)) + "\n") {
			return []string{fmt.Sprintf("%d %ss", len(items)-i, of)}
		}
	}
	return nil
}

func (s *Summary) outputBlocks(p *page) []string {
	var lines []line
	left := 0
	room := p.limit - p.Len() - len("\n**Outputs**\n\n```diff\n```\n") - 100
	for _, o := range s.outputs {
		more, cutOff := s.outputLines(o)
		size := len(diffBlock(more, cutOff))
		if size > room {
			left++
			continue
		}
		room -= size
		lines = append(lines, more...)
		if cutOff > 0 {
			lines = append(lines, line{none, 0, fmt.Sprintf("# (%d more lines)", cutOff)})
		}
	}
	if len(lines) > 0 {
		p.add("\n**Outputs**\n\n" + diffBlock(lines, 0))
	}
	if left > 0 {
		return []string{fmt.Sprintf("%d outputs", left)}
	}
	return nil
}

// blocks writes the differences that fit, each to be opened.
func (s *Summary) blocks(p *page, rows []row, before, leaving string) []string {
	left := 0
	for _, r := range rows {
		if p.limit-p.Len() < enough {
			left++
			continue
		}
		lines, cutOff := r.lines(s)
		word := actions[r.action].word
		if before != "" {
			word = drifted[r.action]
		}
		if !p.add(fmt.Sprintf("\n<details><summary>%s%s <code>%s</code></summary>\n\n%s\n</details>\n", before, word, html.EscapeString(r.address), diffBlock(lines, cutOff))) {
			left++
		}
	}
	if left > 0 {
		return []string{fmt.Sprintf(leaving, left)}
	}
	return nil
}

// diffBlock writes lines as GitHub colours them: the symbol stands in the first column, and that of a change is "!".
func diffBlock(lines []line, cutOff int) string {
	var b strings.Builder
	for _, l := range lines {
		symbol := l.symbol
		if symbol == changed {
			symbol = "!"
		}
		b.WriteString(strings.TrimRight(fmt.Sprintf("%-3s %s%s", symbol, strings.Repeat("  ", l.depth), l.text), " "))
		b.WriteByte('\n')
	}
	if cutOff > 0 {
		fmt.Fprintf(&b, "    # (%d more lines)\n", cutOff)
	}
	fence := fence(b.String())
	return fence + "diff\n" + b.String() + fence + "\n"
}

// fence is longer than any row of backticks in the text, so that no line ends the block.
func fence(text string) string {
	longest := 0
	for _, row := range backticks.FindAllString(text, -1) {
		longest = max(longest, len(row))
	}
	return strings.Repeat("`", max(3, longest+1))
}

var backticks = regexp.MustCompile("`+")

// code is a name in a cell of a table.
func code(name string) string {
	if !strings.ContainsAny(name, "|`\\\n") {
		return "`" + name + "`"
	}
	return "<code>" + escaped(name) + "</code>"
}

// escaped writes everything that Markdown or HTML could take for more than text as a reference to its character.
func escaped(text string) string {
	return special.ReplaceAllStringFunc(text, func(s string) string { return fmt.Sprintf("&#%d;", s[0]) })
}

var special = regexp.MustCompile("[!-,/:-@[-`{-~]")

// Text is the plan for a terminal, of at most limit bytes.
func (s *Summary) Text(limit int) string {
	p := &page{limit: limit - reserved}
	var left []string
	section := func(rows []row, title string, head func(row) string, leaving string) {
		if len(rows) == 0 {
			return
		}
		p.add(title)
		omitted := 0
		for _, r := range rows {
			if p.limit-p.Len() < enough {
				omitted++
				continue
			}
			lines, cutOff := r.lines(s)
			if !p.add(head(r) + textLines(lines, cutOff) + "\n") {
				omitted++
			}
		}
		if omitted > 0 {
			left = append(left, fmt.Sprintf(leaving, omitted))
		}
	}
	section(s.drift, "Changed outside of Terraform, found while refreshing:\n\n", func(r row) string {
		return fmt.Sprintf("  # %s: %s\n", r.address, drifted[r.action])
	}, "%d resources that were changed outside")
	section(s.changes, "", func(r row) string {
		head := fmt.Sprintf("  # %s: %s", r.address, actions[r.action].word)
		if len(r.because) > 0 {
			head += " (" + plainText.Replace(strings.Join(atMost(r.because, 8), ", ")) + ")"
		}
		return head + "\n"
	}, "%d resources")
	if len(s.outputs) > 0 && p.add("Outputs:\n\n") {
		omitted := 0
		for _, o := range s.outputs {
			if lines, cutOff := s.outputLines(o); !p.add(textLines(lines, cutOff)) {
				omitted++
			}
		}
		p.add("\n")
		if omitted > 0 {
			left = append(left, fmt.Sprintf("%d outputs", omitted))
		}
	}
	for _, problem := range s.problems {
		p.add("check fails: " + shortened(problem) + "\n")
	}
	if s.partial {
		p.add("The plan is not complete: after it is applied there is more to change.\n")
	}
	if len(left) > 0 {
		fmt.Fprintf(p, "Left out, as it would be too long: %s.\n", strings.Join(left, "; "))
	}
	fmt.Fprintf(p, "Plan: %s.\n", s.Counts())
	return p.String()
}

// plainText takes the Markdown out of a reason.
var plainText = strings.NewReplacer("`", "", "<code>", "", "</code>", "")

func textLines(lines []line, cutOff int) string {
	var b strings.Builder
	for _, l := range lines {
		b.WriteString(strings.TrimRight(fmt.Sprintf("%s%3s %s", strings.Repeat("    ", l.depth), cmp.Or(l.symbol, " "), l.text), " "))
		b.WriteByte('\n')
	}
	if cutOff > 0 {
		fmt.Fprintf(&b, "    # (%d more lines)\n", cutOff)
	}
	return b.String()
}
