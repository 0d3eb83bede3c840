package report

import (
	"fmt"
	"strings"
	"time"
)

// Drift is how an environment differs from what Terraform last made of it, by the hand of others.
type Drift struct {
	// Resources were changed outside: the next apply would undo it, or can't see it. They are what counts as drift.
	Resources []DriftedResource `json:"resources,omitempty"`
	// Ignored are changes that the file of known differences lists, with its reason.
	Ignored []KnownDifference `json:"ignored,omitempty"`
	// Left are changes that the next apply leaves alone: the configuration says the same by now, tells Terraform to
	// ignore them, or says nothing on them, as with values that AWS computes.
	Left []DriftedResource `json:"left,omitempty"`
	// Pending are changes of the configuration that were not applied yet. They are no drift.
	Pending []PendingChange `json:"pending,omitempty"`
	// Notes are sentences that a person should read: entries of the file that have expired or that nothing needs, and
	// why nobody is named.
	Notes []string `json:"notes,omitempty"`
}

// Found says whether there is drift.
func (d *Drift) Found() bool { return d != nil && len(d.Resources) > 0 }

// Replace puts what replace makes of it in the place of every value, as where a part of it is a secret.
func (d *Drift) Replace(replace func(string) string) {
	value := func(change *AttributeChange) {
		change.Before, change.After, change.Next = replace(change.Before), replace(change.After), replace(change.Next)
	}
	for _, resources := range [][]DriftedResource{d.Resources, d.Left} {
		for _, resource := range resources {
			for i := range resource.Changes {
				value(&resource.Changes[i])
			}
		}
	}
	for i := range d.Ignored {
		value(&d.Ignored[i].Change)
	}
}

// DriftedResource is one resource that was changed outside.
type DriftedResource struct {
	Address string `json:"address"`
	// Kind is "changed", "deleted", or "added" for what was put beside the resource and no resource of Terraform holds.
	Kind string `json:"kind"`
	// Identifiers are what AWS calls it: id, name, ARN.
	Identifiers []string          `json:"identifiers,omitempty"`
	Changes     []AttributeChange `json:"changes,omitempty"`
	// Next is what the next apply does to the resource.
	Next string `json:"next"`
	// By are the calls in CloudTrail's event history that may have done it, the newest first.
	By []TrailEvent `json:"by,omitempty"`
}

// AttributeChange is one attribute that has another value than Terraform left it with. A sensitive value is hidden.
type AttributeChange struct {
	// Path is the attribute's, like "tags.Owner" or "health_check[0].path".
	Path   string `json:"path"`
	Before string `json:"before"`
	After  string `json:"after"`
	// Next is what the next apply does about it: "sets it back", "sets it to 30", "leaves it".
	Next string `json:"next,omitempty"`
}

// TrailEvent is one call that CloudTrail recorded.
type TrailEvent struct {
	Time time.Time `json:"time"`
	Name string    `json:"name"`
	// By is who called: "user jane", "role Admin, session jane", "the root user".
	By string `json:"by"`
	// With is the tool, where the user agent tells: "the console", "aws-cli/2.31".
	With string `json:"with,omitempty"`
}

func (e TrailEvent) String() string {
	text := fmt.Sprintf("%s by %s, %s", e.Name, e.By, moment(e.Time))
	if e.With != "" {
		text += ", with " + e.With
	}
	return text
}

// KnownDifference is a change that is listed as known.
type KnownDifference struct {
	Address string          `json:"address"`
	Change  AttributeChange `json:"change"`
	Reason  string          `json:"reason"`
	// Expires is the last day on which the entry counts, "2027-06-30".
	Expires string `json:"expires"`
}

// PendingChange is what the next apply changes because the configuration changed.
type PendingChange struct {
	Address string `json:"address"`
	// Action is "create", "update", "replace" or "destroy".
	Action string `json:"action"`
	// Attributes are those that an update changes.
	Attributes []string `json:"attributes,omitempty"`
}

// Sentence says in one line whether there is drift, as a title does.
func (d *Drift) Sentence() string {
	if !d.Found() {
		return "no drift"
	}
	counts := map[string]int{}
	for _, resource := range d.Resources {
		counts[resource.Kind]++
	}
	var parts []string
	for _, kind := range []string{"changed", "deleted", "added"} {
		if counts[kind] > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", counts[kind], kind))
		}
	}
	return "drift: " + strings.Join(parts, ", ") + " outside of Terraform"
}

var (
	driftSigns = map[string]string{"changed": "~", "deleted": "-", "added": "+"}
	happened   = map[string]string{"changed": "changed outside", "deleted": "deleted outside", "added": "something was added to it outside"}
)

// writeDrift writes drift for a terminal.
func (t Terminal) writeDrift(b *strings.Builder, d *Drift) {
	if d == nil {
		return
	}
	colours := map[string]string{"changed": yellow, "deleted": red, "added": green}
	for _, resource := range d.Resources {
		fmt.Fprintf(b, "%s\n", t.paint(colours[resource.Kind], fmt.Sprintf("%s %s: %s", driftSigns[resource.Kind], resource.Address, happened[resource.Kind])))
		for _, change := range resource.Changes {
			fmt.Fprintf(b, "    %s\n", change.line())
		}
		fmt.Fprintf(b, "    next apply: %s\n", resource.Next)
		for _, event := range resource.By {
			fmt.Fprintf(b, "    %s\n", event)
		}
	}
	if len(d.Pending) > 0 {
		fmt.Fprintf(b, "not applied yet, and no drift:\n")
		for _, change := range d.Pending {
			fmt.Fprintf(b, "    %s\n", change)
		}
	}
	for _, known := range d.Ignored {
		fmt.Fprintf(b, "known until %s: %s %s (%s)\n", known.Expires, known.Address, known.Change.line(), known.Reason)
	}
	if len(d.Left) > 0 {
		fmt.Fprintf(b, "left alone by the next apply, and no drift: %s\n", leftSentence(d.Left))
	}
	for _, note := range d.Notes {
		fmt.Fprintf(b, "%s\n", note)
	}
}

func (c AttributeChange) line() string {
	line := c.Path
	switch {
	case c.Before == "":
		line += ": + " + c.After
	case c.After == "":
		line += ": - " + c.Before
	default:
		line += ": " + c.Before + " → " + c.After
	}
	if c.Next != "" {
		line += "; the next apply " + c.Next
	}
	return line
}

func (c PendingChange) String() string {
	if len(c.Attributes) == 0 {
		return c.Action + " " + c.Address
	}
	return fmt.Sprintf("%s %s (%s)", c.Action, c.Address, strings.Join(c.Attributes, ", "))
}

// leftSentence names the attributes that were left, by resource.
func leftSentence(left []DriftedResource) string {
	var parts []string
	for _, resource := range left {
		var paths []string
		for _, change := range resource.Changes {
			paths = append(paths, change.Path)
		}
		parts = append(parts, fmt.Sprintf("%s (%s)", resource.Address, strings.Join(paths, ", ")))
	}
	return strings.Join(parts, "; ")
}

// driftLimit is how much of an issue's text, 65,536 characters, the drift may take; the rest is for what stands around it.
//
// https://docs.github.com/en/rest/issues/issues#create-an-issue
const driftLimit = 60_000

// driftMarkdown is the drift for an issue: its sentence, a table of the resources, the details of each, and what is no
// drift. What doesn't fit is counted.
func driftMarkdown(d *Drift) string {
	if d == nil {
		return ""
	}
	p := page{room: driftLimit}
	p.write("**" + strings.ToUpper(d.Sentence()[:1]) + d.Sentence()[1:] + ".**\n\n")
	for _, note := range d.Notes {
		p.write("- " + strings.ReplaceAll(note, "\n", " ") + "\n")
	}
	if len(d.Notes) > 0 {
		p.write("\n")
	}
	p.table([]string{"", "resource", "what", "next apply", "by"}, len(d.Resources), func(i int) []string {
		resource := d.Resources[i]
		by := "unknown"
		if len(resource.By) > 0 {
			by = resource.By[0].By + ", " + moment(resource.By[0].Time)
		}
		var paths []string
		for _, change := range resource.Changes {
			paths = append(paths, codeSpan(change.Path))
		}
		what := resource.Kind
		if len(paths) > 0 {
			what += ": " + strings.Join(paths, ", ")
		}
		return []string{driftSigns[resource.Kind], codeSpan(resource.Address), what, resource.Next, by}
	})
	for i, resource := range d.Resources {
		if !p.fits(resourceMarkdown(resource)) {
			p.omitted(len(d.Resources)-i, "resources without their details")
			break
		}
	}
	if len(d.Pending) > 0 {
		p.write("Not applied yet, and no drift:\n\n")
		p.table([]string{"action", "resource", "attributes"}, len(d.Pending), func(i int) []string {
			return []string{d.Pending[i].Action, codeSpan(d.Pending[i].Address), strings.Join(d.Pending[i].Attributes, ", ")}
		})
	}
	if len(d.Ignored) > 0 {
		p.write("Known differences:\n\n")
		p.table([]string{"resource", "attribute", "reason", "until"}, len(d.Ignored), func(i int) []string {
			known := d.Ignored[i]
			return []string{codeSpan(known.Address), codeSpan(known.Change.Path), known.Reason, known.Expires}
		})
	}
	if len(d.Left) > 0 {
		p.write(fmt.Sprintf("<details><summary>%d resources have other values that the next apply leaves alone</summary>\n\n", len(d.Left)))
		var changes []DriftedResource // a change each
		for _, resource := range d.Left {
			for _, change := range resource.Changes {
				changes = append(changes, DriftedResource{Address: resource.Address, Changes: []AttributeChange{change}})
			}
		}
		p.table([]string{"resource", "attribute", "before", "after"}, len(changes), func(i int) []string {
			change := changes[i].Changes[0]
			return []string{codeSpan(changes[i].Address), codeSpan(change.Path), codeSpan(change.Before), codeSpan(change.After)}
		})
		p.write("</details>\n\n")
	}
	return p.String()
}

func resourceMarkdown(resource DriftedResource) string {
	var b strings.Builder
	fmt.Fprintf(&b, "<details><summary><code>%s</code>: %s</summary>\n\n", htmlEscape.Replace(resource.Address), happened[resource.Kind])
	if len(resource.Changes) > 0 {
		rows := [][]string{{"attribute", "before", "after", "next apply"}}
		for _, change := range resource.Changes {
			rows = append(rows, []string{codeSpan(change.Path), codeSpan(change.Before), codeSpan(change.After), change.Next})
		}
		b.WriteString(markdownTable(rows) + "\n")
	}
	fmt.Fprintf(&b, "Next apply: %s.\n\n", resource.Next)
	for _, event := range resource.By {
		fmt.Fprintf(&b, "- %s\n", strings.ReplaceAll(event.String(), "\n", " "))
	}
	b.WriteString("\n</details>\n\n")
	return b.String()
}

var htmlEscape = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;")

// page is text of a limited size.
type page struct {
	b    strings.Builder
	room int
}

func (p *page) String() string { return p.b.String() }

// write writes what frames the rest, which is small and always fits.
func (p *page) write(text string) { p.b.WriteString(text) }

// fits writes the text if there is room for it.
func (p *page) fits(text string) bool {
	if p.b.Len()+len(text) > p.room {
		return false
	}
	p.b.WriteString(text)
	return true
}

// table writes as many rows as there is room for, and how many there wasn't.
func (p *page) table(head []string, rows int, row func(int) []string) {
	if rows == 0 {
		return
	}
	p.write(markdownTable([][]string{head}))
	for i := range rows {
		if !p.fits(tableRow(row(i))) {
			p.omitted(rows-i, "rows")
			return
		}
	}
	p.write("\n")
}

func (p *page) omitted(n int, what string) {
	p.write(fmt.Sprintf("\n%d more %s, which there is no room for here.\n\n", n, what))
}
