package report

import (
	"fmt"
	"slices"
	"strings"
)

// Cents is an amount in hundredths of a US dollar.
type Cents int64

// String writes an amount as people do: "1,234.50", "-3.65".
func (c Cents) String() string {
	sign := ""
	if c < 0 {
		sign, c = "-", -c
	}
	whole := fmt.Sprint(int64(c) / 100)
	for i := len(whole) - 3; i > 0; i -= 3 {
		whole = whole[:i] + "," + whole[i:]
	}
	return fmt.Sprintf("%s%s.%02d", sign, whole, int64(c)%100)
}

// Abs is the amount without its sign.
func (c Cents) Abs() Cents {
	return max(c, -c)
}

// signed writes a difference with its sign; none is a dash.
func (c Cents) signed() string {
	switch {
	case c > 0:
		return "+" + c.String()
	case c == 0:
		return "–"
	}
	return c.String()
}

// Cost is what the resources of a plan cost by the month, in US dollars, as far as it doesn't depend on their use. All amounts
// are rounded to the cent where they arise, so that every sum is the sum of what is shown.
type Cost struct {
	Region string `json:"region"`
	// Now is what is there before the plan is applied, and After what it leaves in place.
	Now   Cents `json:"now_cents"`
	After Cents `json:"after_cents"`
	// Resources are those that cost something, the largest change first.
	Resources []ResourceCost `json:"resources,omitempty"`
	// Usage is what is charged by use, and in no sum.
	Usage []UsageCost `json:"usage,omitempty"`
	// Unknown is what could not be priced, and is in no sum.
	Unknown []UnknownCost `json:"unknown,omitempty"`
	// Free is how many resources are known to cost nothing.
	Free int `json:"free"`
	// Assumptions are sentences on what the numbers rest on.
	Assumptions []string `json:"assumptions,omitempty"`
	// Oldest and Newest are the days that the prices are known for, "2026-09-18".
	Oldest string `json:"oldest_price,omitempty"`
	Newest string `json:"newest_price,omitempty"`
}

// ResourceCost is what one resource costs by the month.
type ResourceCost struct {
	Address string `json:"address"`
	Now     Cents  `json:"now_cents"`
	After   Cents  `json:"after_cents"`
	// Parts add up to After, or to Now where the resource goes away.
	Parts []CostPart `json:"parts,omitempty"`
}

// Change is what the plan adds to the cost.
func (r ResourceCost) Change() Cents { return r.After - r.Now }

// CostPart is one of the things that a resource is charged for.
type CostPart struct {
	What    string `json:"what"`
	Monthly Cents  `json:"monthly_cents"`
}

// UsageCost is something that is charged by use.
type UsageCost struct {
	What string `json:"what"`
	// Price is for one Unit, "0.052" for "GB"; empty where it isn't known.
	Price string `json:"price,omitempty"`
	Unit  string `json:"unit,omitempty"`
	// Resources are the addresses of those that are charged so.
	Resources []string `json:"resources"`
}

func (u UsageCost) price() string {
	if u.Price == "" {
		return "no price at hand"
	}
	return u.Price + " per " + u.Unit
}

// UnknownCost is something that could not be priced.
type UnknownCost struct {
	Address string `json:"address"`
	Reason  string `json:"reason"`
}

// Line is the cost in one line.
func (c Cost) Line() string {
	line := fmt.Sprintf("%s USD a month now, %s after (%s)", c.Now, c.After, strings.Replace((c.After-c.Now).signed(), "–", "no change", 1))
	if len(c.Unknown) > 0 {
		line += fmt.Sprintf("; %s not priced", Plural(len(c.Unknown), "thing"))
	}
	return line
}

// costRows is how many rows of a table are shown: the rest is summed up, so that a large plan doesn't fill the page.
const costRows = 50

// rows are the table of what costs by the month, with its head and its sum.
func (c Cost) rows() [][]string {
	rows := [][]string{{"resource", "now", "after", "change", "made of"}}
	shown, rest := c.Resources, []ResourceCost(nil)
	if len(shown) > costRows {
		shown, rest = shown[:costRows], shown[costRows:]
	}
	for _, r := range shown {
		var parts []string
		for _, part := range r.Parts {
			parts = append(parts, part.What+" "+part.Monthly.String())
		}
		rows = append(rows, []string{r.Address, r.Now.String(), r.After.String(), r.Change().signed(), strings.Join(parts, ", ")})
	}
	if len(rest) > 0 {
		var sum ResourceCost
		for _, r := range rest {
			sum.Now += r.Now
			sum.After += r.After
		}
		rows = append(rows, []string{fmt.Sprintf("%d more", len(rest)), sum.Now.String(), sum.After.String(), sum.Change().signed(), ""})
	}
	return append(rows, []string{"sum by the month", c.Now.String(), c.After.String(), (c.After - c.Now).signed(), ""})
}

func (c Cost) usageRows() [][]string {
	rows := [][]string{{"charged by use", "price", "resources"}}
	for _, use := range c.Usage[:min(len(c.Usage), costRows)] {
		rows = append(rows, []string{use.What, use.price(), few(use.Resources, 3)})
	}
	if more := len(c.Usage) - costRows; more > 0 {
		rows = append(rows, []string{fmt.Sprintf("%d more", more), "", ""})
	}
	return rows
}

// unknownLines are what could not be priced, a reason a line, with the resources that it holds for.
func (c Cost) unknownLines() []string {
	var reasons []string
	addresses := map[string][]string{}
	for _, unknown := range c.Unknown {
		if addresses[unknown.Reason] == nil {
			reasons = append(reasons, unknown.Reason)
		}
		addresses[unknown.Reason] = append(addresses[unknown.Reason], unknown.Address)
	}
	slices.Sort(reasons)
	var lines []string
	for _, reason := range reasons[:min(len(reasons), costRows)] {
		lines = append(lines, few(addresses[reason], 5)+": "+reason)
	}
	if more := len(reasons) - costRows; more > 0 {
		lines = append(lines, fmt.Sprintf("%d more reasons", more))
	}
	return lines
}

func (c Cost) assumptions() []string {
	lines := slices.Clone(c.Assumptions[:min(len(c.Assumptions), costRows)])
	if more := len(c.Assumptions) - costRows; more > 0 {
		lines = append(lines, fmt.Sprintf("%d more of this kind", more))
	}
	return lines
}

// few names the first of several, and how many more there are.
func few(names []string, most int) string {
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

// basis says what the prices are.
func (c Cost) basis() string {
	basis := "On-demand prices of " + c.Region
	if c.Oldest != "" {
		basis += ", known for " + c.Oldest
		if c.Newest != c.Oldest {
			basis += " to " + c.Newest
		}
	}
	return basis + "; US dollars without tax, 730 hours a month. Traffic to the internet and between zones isn't in a plan. " +
		Plural(c.Free, "resource") + " of the plan cost nothing."
}

// Markdown is the cost for a job summary or a pull-request comment. Whatever the plan, it stays below some tens of kilobytes.
func (c Cost) Markdown() string {
	var b strings.Builder
	fmt.Fprintf(&b, "### Cost: %s USD a month after the plan, %s\n\n", c.After, strings.Replace((c.After-c.Now).signed(), "–", "no change", 1))
	if len(c.Resources) > 0 {
		rows := c.rows()
		b.WriteString("| resource | now | after | change | made of |\n| --- | ---: | ---: | ---: | --- |\n")
		for i, row := range rows[1:] {
			name := "`" + row[0] + "`"
			if i >= len(c.Resources) || i >= costRows {
				name = "**" + row[0] + "**"
			}
			fmt.Fprintf(&b, "| %s | %s | %s | %s | %s |\n", cell(name), row[1], row[2], row[3], cell(row[4]))
		}
		b.WriteString("\n")
	}
	if len(c.Unknown) > 0 {
		b.WriteString("**Not priced, and in no sum:**\n\n")
		for _, line := range c.unknownLines() {
			fmt.Fprintf(&b, "- %s\n", line)
		}
		b.WriteString("\n")
	}
	if len(c.Usage) > 0 {
		fmt.Fprintf(&b, "<details><summary>Charged by use, and in no sum: %s</summary>\n\n%s\n</details>\n\n", Plural(len(c.Usage), "thing"), markdownTable(c.usageRows()))
	}
	for _, line := range c.assumptions() {
		fmt.Fprintf(&b, "- %s\n", line)
	}
	if len(c.Assumptions) > 0 {
		b.WriteString("\n")
	}
	b.WriteString(c.basis() + "\n")
	return b.String()
}

// text is the cost for a terminal.
func (c Cost) text() string {
	var b strings.Builder
	if len(c.Resources) > 0 {
		b.WriteString(columns(c.rows()))
	}
	if len(c.Unknown) > 0 {
		b.WriteString("\nnot priced, and in no sum:\n")
		for _, line := range c.unknownLines() {
			b.WriteString("  " + line + "\n")
		}
	}
	if len(c.Usage) > 0 {
		b.WriteString("\n" + columns(c.usageRows()))
	}
	b.WriteString("\n")
	for _, line := range c.assumptions() {
		b.WriteString(line + "\n")
	}
	b.WriteString(c.basis() + "\n" + c.Line() + "\n")
	return b.String()
}
