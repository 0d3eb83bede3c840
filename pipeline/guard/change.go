package guard

import (
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// planned is what the rules need to know of all changes.
type planned struct {
	changes []change
	// gone are the ids of resources that the plan destroys for good.
	gone map[string]bool
}

// change is what a plan does to one resource that Terraform manages. Its values come from a file: any of them may be
// missing or of another type than the provider has it.
type change struct {
	*tfjson.ResourceChange
	before, after map[string]any // nil where there is none
}

func read(p *tfjson.Plan) planned {
	all := planned{gone: map[string]bool{}}
	if p == nil {
		return all
	}
	for _, resource := range p.ResourceChanges {
		if resource == nil || resource.Change == nil || resource.Mode == tfjson.DataResourceMode {
			continue
		}
		c := change{ResourceChange: resource}
		c.before, _ = resource.Change.Before.(map[string]any)
		c.after, _ = resource.Change.After.(map[string]any)
		all.changes = append(all.changes, c)
		if id, ok := c.before["id"].(string); ok && c.destroys() && !c.makes() {
			all.gone[c.Type+" "+id] = true
		}
	}
	return all
}

func (c change) destroys() bool { return slices.Contains(c.Change.Actions, tfjson.ActionDelete) }
func (c change) makes() bool    { return slices.Contains(c.Change.Actions, tfjson.ActionCreate) }
func (c change) updates() bool  { return slices.Contains(c.Change.Actions, tfjson.ActionUpdate) }
func (c change) forgets() bool  { return slices.Contains(c.Change.Actions, tfjson.ActionForget) }

// action is what Terraform would do, in a word.
func (c change) action() string {
	switch {
	case c.destroys() && c.makes():
		return "replace"
	case c.destroys():
		return "destroy"
	case c.forgets():
		return "forget"
	case c.makes():
		return "create"
	case c.updates():
		return "update"
	default:
		return "nothing"
	}
}

// path is the way to an attribute: path("versioning_configuration.0.status").
func path(dotted string) []string { return strings.Split(dotted, ".") }

// value finds an attribute before and after. Unknown says that what it will be is known
// only after the apply.
func (c change) value(steps []string) (before, after any, unknown bool) {
	before, _ = at(c.before, steps)
	after, _ = at(c.after, steps)
	_, unknown = at(c.Change.AfterUnknown, steps)
	return before, after, unknown
}

// at walks down to a value. Marked says that the value is true, or that one on the way is: in Terraform's masks of unknown
// and sensitive values that speaks for all below it.
func at(value any, steps []string) (found any, marked bool) {
	for _, step := range steps {
		switch v := value.(type) {
		case map[string]any:
			value = v[step]
		case []any:
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(v) {
				return nil, false
			}
			value = v[i]
		case bool:
			return nil, v
		default:
			return nil, false
		}
	}
	return value, value == true
}

// credential are names of attributes whose values nobody sees, marked as sensitive or not.
var credential = regexp.MustCompile(`(?i)passw|pwd|secret|(auth|access|session|refresh)_?token|^token|credential|(api|access|private)_?key|user_data`)

// show is an attribute's change for a person. What is sensitive before or after is hidden on both sides.
func (c change) show(steps []string) report.FindingValue {
	before, after, unknown := c.value(steps)
	name := strings.Join(steps, ".")
	shown := report.FindingValue{Attribute: printable(name), Before: text(before), After: text(after)}
	if c.before == nil {
		shown.Before = "(absent)"
	}
	switch {
	case unknown:
		shown.After = "(known after apply)"
	case c.after == nil:
		shown.After = "(absent)"
	}
	if sensitive(c.Change.BeforeSensitive, steps) || sensitive(c.Change.AfterSensitive, steps) || credential.MatchString(name) {
		shown.Before, shown.After = "(sensitive)", "(sensitive)"
	}
	return shown
}

// sensitive says that a mask hides the value, one around it or one within it.
func sensitive(mask any, steps []string) bool {
	value, marked := at(mask, steps)
	return marked || holdsTrue(value)
}

func holdsTrue(value any) bool {
	switch v := value.(type) {
	case bool:
		return v
	case []any:
		return slices.ContainsFunc(v, holdsTrue)
	case map[string]any:
		for _, inner := range v {
			if holdsTrue(inner) {
				return true
			}
		}
	}
	return false
}

// longest is how much of a value is shown.
const longest = 80

// text is a value in a line. What is no plain value is named by its kind: a policy or a list would hide the rest.
func text(value any) string {
	switch v := value.(type) {
	case nil:
		return "(none)"
	case string:
		if runes := []rune(v); len(runes) > longest {
			v = string(runes[:longest]) + "…"
		}
		return strconv.Quote(v)
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case bool, json.Number:
		return printable(fmt.Sprint(v))
	case []any:
		return fmt.Sprintf("(list of %d)", len(v))
	default:
		return "(object)"
	}
}

// printable takes out what a terminal would obey.
func printable(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, text)
}

// number is a JSON number, however the plan was decoded.
func number(value any) (float64, bool) {
	switch v := value.(type) {
	case float64:
		return v, true
	case json.Number:
		n, err := v.Float64()
		return n, err == nil
	default:
		return 0, false
	}
}

// same compares values of any type.
func same(a, b any) bool {
	if x, ok := number(a); ok {
		y, ok := number(b)
		return ok && x == y
	}
	return reflect.DeepEqual(a, b)
}

// list is a value's elements; none if it is no list.
func list(value any) []any {
	elements, _ := value.([]any)
	return elements
}

// attribute is an attribute of a value that should be an object.
func attribute(value any, name string) any {
	object, _ := value.(map[string]any)
	return object[name]
}

// blocks are the elements of a list of objects.
func blocks(value any) []map[string]any {
	var objects []map[string]any
	for _, element := range list(value) {
		if object, ok := element.(map[string]any); ok {
			objects = append(objects, object)
		}
	}
	return objects
}

// texts are the strings of a value that is a string or a list of them.
func texts(value any) []string {
	if s, ok := value.(string); ok {
		return []string{s}
	}
	var strs []string
	for _, element := range list(value) {
		if s, ok := element.(string); ok {
			strs = append(strs, s)
		}
	}
	return strs
}
