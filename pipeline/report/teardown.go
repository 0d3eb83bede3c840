package report

import (
	"fmt"
	"strings"
)

// Teardown is what taking an environment away did, and what is left of it.
type Teardown struct {
	// Holdings are the resources with data that go.
	Holdings []Holding `json:"holdings,omitempty"`
	// Snapshots are the final snapshots that the databases leave.
	Snapshots []Snapshot `json:"snapshots,omitempty"`
	// Gone is how many resources were destroyed, and Stays are the addresses of those that weren't.
	Gone  int      `json:"gone"`
	Stays []string `json:"stays,omitempty"`
	// Leftovers are what AWS still has of the environment. Checked says that it was looked for.
	Checked   bool       `json:"checked"`
	Leftovers []Leftover `json:"leftovers,omitempty"`
	// Warnings are what can't be undone, and what could not be looked at.
	Warnings []string `json:"warnings,omitempty"`
}

// Holding is a resource that holds data.
type Holding struct {
	Address string `json:"address"`
	// Holds says how much, where that is cheap to know: "12 images, 1.3 GiB".
	Holds string `json:"holds"`
}

// Snapshot is a database's final snapshot.
type Snapshot struct {
	Name string `json:"name"`
	// Status is RDS's word, "available" or "creating"; "absent" where there is none.
	Status string `json:"status"`
	// GiB is the size of the database's storage; RDS bills what of it is used.
	GiB int `json:"gib"`
}

// Leftover is something that AWS still has of an environment.
type Leftover struct {
	// Kind is the field's word for it, "RDS snapshot", and Name its ARN or name.
	Kind  string `json:"kind"`
	Name  string `json:"name"`
	State string `json:"state,omitempty"`
	// Costs says in words what it costs; it is empty for what costs nothing.
	Costs string `json:"costs,omitempty"`
}

// Billable are the leftovers that cost something.
func (t *Teardown) Billable() []Leftover {
	var billable []Leftover
	for _, leftover := range t.Leftovers {
		if leftover.Costs != "" {
			billable = append(billable, leftover)
		}
	}
	return billable
}

func (t *Teardown) holdingRows() [][]string {
	rows := [][]string{{"holds data", "what"}}
	for _, holding := range t.Holdings {
		rows = append(rows, []string{holding.Address, dash(holding.Holds)})
	}
	return rows
}

func (t *Teardown) leftoverRows() [][]string {
	rows := [][]string{{"left", "name", "state", "costs"}}
	for _, leftover := range t.Leftovers {
		costs := leftover.Costs
		if costs == "" {
			costs = "nothing"
		}
		rows = append(rows, []string{leftover.Kind, leftover.Name, dash(leftover.State), costs})
	}
	return rows
}

// lines are the sentences of a teardown.
func (t *Teardown) lines() []string {
	lines := append([]string(nil), t.Warnings...)
	for _, snapshot := range t.Snapshots {
		lines = append(lines, fmt.Sprintf("final snapshot %s: %s, of a database with %d GiB", snapshot.Name, snapshot.Status, snapshot.GiB))
	}
	if len(t.Stays) > 0 {
		lines = append(lines, fmt.Sprintf("gone: %s; staying: %d, %s", Plural(t.Gone, "resource"), len(t.Stays), strings.Join(t.Stays, ", ")))
	}
	if t.Checked && len(t.Leftovers) == 0 {
		lines = append(lines, "nothing is left of the environment")
	}
	return lines
}

func (t Terminal) writeTeardown(b *strings.Builder, down *Teardown) {
	if down == nil {
		return
	}
	if len(down.Holdings) > 0 {
		b.WriteString(columns(down.holdingRows()))
	}
	if len(down.Leftovers) > 0 {
		b.WriteString(columns(down.leftoverRows()))
	}
	for _, line := range down.lines() {
		b.WriteString(line + "\n")
	}
}

func teardownMarkdown(down *Teardown) string {
	if down == nil {
		return ""
	}
	var b strings.Builder
	if len(down.Holdings) > 0 {
		b.WriteString(markdownTable(down.holdingRows()) + "\n")
	}
	if len(down.Leftovers) > 0 {
		b.WriteString(markdownTable(down.leftoverRows()) + "\n")
	}
	for _, line := range down.lines() {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	return strings.TrimRight(b.String(), "\n") + "\n\n"
}
