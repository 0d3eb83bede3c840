package report

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// widest is how long an old and a new value together may be to stand in one line.
const widest = 100

// group is services that change in the same way.
type group struct {
	services []string
	changes  []Change // without the service
}

// grouped brings services together whose changes are the same, in the order in which the first of them comes: a release
// changes the same in most.
func grouped(changes []Change) []group {
	var groups []group
	for len(changes) > 0 {
		service := changes[0].Service
		var own, others []Change
		for _, change := range changes {
			if change.Service != service {
				others = append(others, change)
				continue
			}
			change.Service = ""
			own = append(own, change)
		}
		changes = others
		i := slices.IndexFunc(groups, func(g group) bool { return slices.Equal(g.changes, own) })
		if i < 0 {
			groups = append(groups, group{[]string{service}, own})
		} else {
			groups[i].services = append(groups[i].services, service)
		}
	}
	return groups
}

// writeChanges writes the changes as a terminal shows them: a line each, + for what comes, - for what goes, ~ for what
// changes its value.
func (t Terminal) writeChanges(b *strings.Builder, changes []Change) {
	for _, group := range grouped(changes) {
		width := 0
		for _, change := range group.changes {
			width = max(width, len(change.Field))
		}
		fmt.Fprintf(b, "%s\n", strings.Join(group.services, ", "))
		for _, change := range group.changes {
			before, after := shorten(change.Old), shorten(change.New)
			if before == after && before != "" { // what tells them apart was cut off, or is hidden
				before, after = change.Old, change.New
			}
			note := ""
			if change.Note != "" {
				note = " (" + change.Note + ")"
			}
			head := fmt.Sprintf("%-*s  ", min(width, 40), change.Field)
			switch {
			case change.Old == "":
				b.WriteString(t.paint(green, "  + "+head+after+note) + "\n")
			case change.New == "":
				b.WriteString(t.paint(red, "  - "+head+before+note) + "\n")
			case len(before)+len(after) > widest:
				b.WriteString(t.paint(yellow, "  ~ "+change.Field+note) + "\n")
				b.WriteString(t.paint(red, "      - "+before) + "\n")
				b.WriteString(t.paint(green, "      + "+after) + "\n")
			default:
				b.WriteString(t.paint(yellow, "  ~ "+head) + t.paint(red, before) + " → " + t.paint(green, after) + note + "\n")
			}
		}
	}
}

// Colours as terminals know them: https://www.ecma-international.org/publications-and-standards/standards/ecma-48/
const (
	red    = "31"
	green  = "32"
	yellow = "33"
)

func (t Terminal) paint(colour, text string) string {
	if !t.Colour {
		return text
	}
	return "\x1b[" + colour + "m" + text + "\x1b[0m"
}

func changesMarkdown(changes []Change) string {
	var b strings.Builder
	for _, group := range grouped(changes) {
		fmt.Fprintf(&b, "Changes in %s:\n\n", strings.Join(group.services, ", "))
		rows := [][]string{{"", "before", "after", ""}}
		for _, change := range group.changes {
			rows = append(rows, []string{change.Field, codeSpan(change.Old), codeSpan(change.New), change.Note})
		}
		b.WriteString(markdownTable(rows) + "\n")
	}
	return b.String()
}

// codeSpan shows text as it is, whatever Markdown makes of its characters.
func codeSpan(text string) string {
	if text == "" {
		return ""
	}
	fence := "`"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	if strings.HasPrefix(text, "`") || strings.HasSuffix(text, "`") {
		text = " " + text + " "
	}
	return fence + text + fence
}

var (
	wholeDigest = regexp.MustCompile(`sha256:[0-9a-f]{64}`)
	wholeCommit = regexp.MustCompile(`^[0-9a-f]{40,64}(-dirty-[0-9a-f]+)?$`)
)

// shorten cuts digests and commits to what people compare.
func shorten(value string) string {
	if match := wholeCommit.FindStringSubmatch(value); match != nil {
		return value[:12] + match[1]
	}
	return wholeDigest.ReplaceAllStringFunc(value, ShortDigest)
}
