// Package cost says what the resources of a Terraform plan cost each month, as far as that doesn't depend on their use: what
// is there now, what the plan leaves in place, and the difference.
package cost

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// Hours is how long a month is taken to be, as AWS's own calculator does.
const Hours = 730

// Of estimates a plan: with the prices of the given region, or, without one, of the region that each resource is in.
//
// What it can't price is in Unknown, and never counted as nothing. Its failure for a region without prices is ErrNoPrices.
func Of(plan *tfjson.Plan, region string) (*report.Cost, error) {
	given := region != ""
	if !given {
		region = regionOf(plan)
	}
	if region == "" {
		return nil, &report.Failure{
			Reason: "the plan doesn't say which region it is for",
			Effect: "nothing was estimated",
			Next:   "give the region with --region",
		}
	}
	if _, err := pricesOf(region); err != nil {
		return nil, err
	}
	e := &estimate{
		plan: plan, types: map[string][]*tfjson.ResourceChange{}, region: region, given: given,
		usage: map[use][]string{}, unknown: map[report.UnknownCost]bool{}, assumed: map[string]bool{}, dates: map[string]bool{},
	}
	c := &report.Cost{Region: region}
	var changes []*tfjson.ResourceChange
	for _, change := range plan.ResourceChanges {
		if change != nil && change.Mode == tfjson.ManagedResourceMode && change.Change != nil {
			changes = append(changes, change)
			e.types[change.Type] = append(e.types[change.Type], change)
		}
	}
	for _, change := range changes {
		row, free := e.price(change)
		if free {
			c.Free++
		}
		if row.Now != 0 || row.After != 0 {
			c.Resources = append(c.Resources, row)
		}
		c.Now += row.Now
		c.After += row.After
	}
	slices.SortFunc(c.Resources, func(a, b report.ResourceCost) int {
		return cmp.Or(cmp.Compare(b.Change().Abs(), a.Change().Abs()), cmp.Compare(b.After, a.After), cmp.Compare(b.Now, a.Now), cmp.Compare(a.Address, b.Address))
	})
	for use, addresses := range e.usage {
		slices.Sort(addresses)
		c.Usage = append(c.Usage, report.UsageCost{What: use.what, Price: use.price, Unit: use.unit, Resources: slices.Compact(addresses)})
	}
	slices.SortFunc(c.Usage, func(a, b report.UsageCost) int {
		return cmp.Or(cmp.Compare(a.What, b.What), cmp.Compare(a.Price, b.Price))
	})
	c.Unknown = slices.SortedFunc(maps.Keys(e.unknown), func(a, b report.UnknownCost) int {
		return cmp.Or(cmp.Compare(a.Address, b.Address), cmp.Compare(a.Reason, b.Reason))
	})
	c.Assumptions = slices.Sorted(maps.Keys(e.assumed))
	if dates := slices.Sorted(maps.Keys(e.dates)); len(dates) > 0 {
		c.Oldest, c.Newest = dates[0], dates[len(dates)-1]
	}
	return c, nil
}

// regionOf is the region that a plan is for, or nothing where that isn't clear.
func regionOf(plan *tfjson.Plan) string {
	if variable := plan.Variables["region"]; variable != nil {
		if region, ok := variable.Value.(string); ok && region != "" {
			return region
		}
	}
	found := map[string]bool{}
	for _, change := range plan.ResourceChanges {
		if change == nil || change.Change == nil {
			continue
		}
		for _, values := range []any{change.Change.Before, change.Change.After} {
			if m, ok := values.(map[string]any); ok {
				if region, ok := m["region"].(string); ok && region != "" {
					found[region] = true
				}
			}
		}
	}
	if len(found) == 1 {
		return slices.Collect(maps.Keys(found))[0]
	}
	return ""
}

// use is something that is charged by use.
type use struct {
	what, price, unit string
}

// estimate collects what the resources of one plan come to.
type estimate struct {
	plan    *tfjson.Plan
	types   map[string][]*tfjson.ResourceChange // the plan's managed resources
	region  string                              // the plan's, or the given one
	given   bool                                // it counts for every resource
	usage   map[use][]string                    // to the addresses
	unknown map[report.UnknownCost]bool
	assumed map[string]bool
	dates   map[string]bool
}

// price is the row of one resource, and whether resources of its type cost nothing.
func (e *estimate) price(change *tfjson.ResourceChange) (row report.ResourceCost, free bool) {
	row.Address = change.Address
	if change.DeposedKey != "" {
		row.Address += " (deposed)"
	}
	if freeOfCharge(change.Type) {
		return row, true
	}
	var before, after *resource
	if values, ok := change.Change.Before.(map[string]any); ok {
		before = e.resource(row.Address, change, values, nil)
	}
	switch values, ok := change.Change.After.(map[string]any); {
	case ok:
		unknown, _ := change.Change.AfterUnknown.(map[string]any)
		after = e.resource(row.Address, change, values, unknown)
		after.after = true
	case change.Change.Actions.Forget():
		after = before // Terraform lets go of it, and it stays
	}
	if before != nil {
		before.count()
		row.Now = before.sum()
		row.Parts = before.parts
	}
	if after != nil {
		if after != before {
			after.count()
		}
		row.After = after.sum()
		row.Parts = after.parts
		for _, use := range after.uses {
			e.usage[use] = append(e.usage[use], row.Address)
		}
	}
	return row, false
}

// resource is one resource as it is now or as the plan leaves it.
type resource struct {
	*estimate
	address string
	change  *tfjson.ResourceChange
	after   bool
	region  string // whose prices count for it
	values  map[string]any
	unknown map[string]any

	parts []report.CostPart
	uses  []use
}

func (e *estimate) resource(address string, change *tfjson.ResourceChange, values, unknown map[string]any) *resource {
	region := e.region
	if own, ok := values["region"].(string); ok && own != "" && !e.given {
		region = own
	}
	return &resource{estimate: e, address: address, change: change, region: region, values: values, unknown: unknown}
}

func (r *resource) count() {
	price, known := priced[r.change.Type]
	if !known {
		r.doubt("Slipway has no prices for " + r.change.Type)
		return
	}
	price(r)
}

func (r *resource) sum() report.Cents {
	var sum report.Cents
	for _, part := range r.parts {
		sum += part.Monthly
	}
	return sum
}

// doubt says what of the resource is not counted.
func (r *resource) doubt(reason string) {
	r.estimate.unknown[report.UnknownCost{Address: r.address, Reason: reason}] = true
}

func (r *resource) assume(format string, args ...any) {
	r.assumed[fmt.Sprintf(format, args...)] = true
}

// look finds a price in the table of the resource's region.
func (r *resource) look(item string) (price, bool) {
	table, err := pricesOf(r.region)
	if err != nil {
		return price{}, false
	}
	found, ok := table[item]
	if ok {
		r.dates[found.asOf] = true
		if found.note != "" {
			r.assume("the price of %s in %s: %s", item, r.region, found.note)
		}
	}
	return found, ok
}

// isUnknown says that an attribute gets its value only when the plan is applied.
func (r *resource) isUnknown(attribute string) bool {
	unknown, _ := r.unknown[attribute].(bool)
	return unknown
}

// text, number and flag are an attribute's value, and its type's zero where it has none.
func (r *resource) text(attribute string) string {
	s, _ := r.values[attribute].(string)
	return s
}

func (r *resource) number(attribute string) int64 {
	return number(r.values[attribute])
}

func (r *resource) flag(attribute string) bool {
	b, _ := r.values[attribute].(bool)
	return b
}

// blocks are the values of a nested block, which plans hold as a list.
func (r *resource) blocks(name string) []map[string]any {
	return blocks(r.values[name])
}

func blocks(value any) []map[string]any {
	list, _ := value.([]any)
	var found []map[string]any
	for _, item := range list {
		if m, ok := item.(map[string]any); ok {
			found = append(found, m)
		}
	}
	return found
}
