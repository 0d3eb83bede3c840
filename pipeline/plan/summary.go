package plan

import (
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/redact"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// Summary is a plan as people read it. No value in it is one that has to be hidden.
type Summary struct {
	// Add, Change, Destroy and Import count as Terraform does: a replacement adds and destroys.
	Add, Change, Destroy, Import int
	// Move counts the resources that get another address, and Forget those that Terraform lets go of without destroying them.
	Move, Forget int
	// Outputs is how many outputs change, and Drift how many resources were changed outside of Terraform.
	Outputs, Drift int

	changes, drift []row
	outputs        []output
	problems       []string // failed checks
	partial        bool
	secrets        *redact.Values
}

// row is one resource.
type row struct {
	action  action
	address string // without anything that has to be hidden
	because []string
	change  *tfjson.ResourceChange
}

type output struct {
	name   string
	change *tfjson.Change
}

// action is what happens to a resource, in the order in which people want to read of it.
type action int

const (
	destroy action = iota
	replace
	replaceFirst // the new one is made before the old one is destroyed
	forget
	update
	create
	importing
	move
	read
	other
)

var actions = map[action]struct{ word, symbol string }{
	destroy:      {"destroy", "-"},
	replace:      {"replace", "-/+"},
	replaceFirst: {"replace", "+/-"},
	forget:       {"forget", "."},
	update:       {"update", "~"},
	create:       {"create", "+"},
	importing:    {"import", ""},
	move:         {"move", ""},
	read:         {"read", "<="},
	other:        {"other", "?"},
}

// Summarize says what a plan changes. Secrets are what has to be hidden in it, of Secrets.
func Summarize(p *tfjson.Plan, secrets *redact.Values) *Summary {
	s := &Summary{secrets: secrets, partial: p.Complete != nil && !*p.Complete}
	for _, resource := range p.ResourceChanges {
		if resource != nil && resource.Change != nil {
			s.count(resource)
		}
	}
	slices.SortStableFunc(s.changes, func(a, b row) int { return int(a.action.rank() - b.action.rank()) })
	for _, resource := range p.ResourceDrift {
		if resource == nil || resource.Change == nil || resource.Change.Actions.NoOp() {
			continue // it moved, which the changes say
		}
		r := row{action: update, address: s.shown(resource.Address), because: s.differing(resource.Change), change: resource}
		if resource.Change.Actions.Delete() {
			r.action, r.because = destroy, nil
		} else if len(r.because) == 0 {
			continue
		}
		s.drift = append(s.drift, r)
	}
	s.Drift = len(s.drift)
	for _, name := range slices.Sorted(maps.Keys(p.OutputChanges)) {
		if change := p.OutputChanges[name]; change != nil && !change.Actions.NoOp() {
			s.outputs = append(s.outputs, output{s.shown(name), change})
		}
	}
	s.Outputs = len(s.outputs)
	for _, check := range p.Checks {
		for _, instance := range check.Instances {
			for _, problem := range instance.Problems {
				s.problems = append(s.problems, s.shown(instance.Address.ToDisplay)+": "+s.shown(problem.Message))
			}
		}
	}
	return s
}

func (a action) rank() action {
	if a == replaceFirst {
		return replace
	}
	return a
}

// shown is an address or a message on one line, without secrets.
func (s *Summary) shown(text string) string { return legible(redact.Patterns(s.secrets.Replace(text))) }

func (s *Summary) count(resource *tfjson.ResourceChange) {
	r := row{address: s.shown(resource.Address), change: resource}
	if resource.DeposedKey != "" {
		r.address += " (deposed object " + resource.DeposedKey + ")"
	}
	moved := resource.PreviousAddress != "" && resource.PreviousAddress != resource.Address
	imported := resource.Change.Importing != nil
	switch actions := resource.Change.Actions; {
	case actions.DestroyBeforeCreate():
		r.action = replace
		s.Add++
		s.Destroy++
	case actions.CreateBeforeDestroy():
		r.action = replaceFirst
		s.Add++
		s.Destroy++
	case actions.Create():
		r.action = create
		s.Add++
	case actions.Delete():
		r.action = destroy
		if resource.Mode == tfjson.DataResourceMode {
			return // it only leaves the state
		}
		s.Destroy++
	case actions.Update():
		r.action = update
		s.Change++
	case actions.Forget():
		r.action = forget
		s.Forget++
	case actions.Read():
		r.action = read
	case actions.NoOp() || len(actions) == 0:
		switch {
		case imported:
			r.action = importing
		case moved:
			r.action = move
		default:
			return
		}
	default:
		r.action = other // of a newer Terraform
		r.because = append(r.because, s.shown(fmt.Sprint(actions)))
	}
	if names := forcing(resource.Change.ReplacePaths); len(names) > 0 {
		for _, name := range names {
			r.because = append(r.because, code(s.shown(name)))
		}
	} else if why := reasons[resource.ActionReason]; why != "" {
		r.because = append(r.because, why)
	}
	if imported {
		s.Import++
		r.because = append(r.because, "imported from "+code(s.shown(identifierOf(resource.Change.Importing))))
	}
	if moved {
		s.Move++
		r.because = append(r.because, "moved from "+code(s.shown(resource.PreviousAddress)))
	}
	s.changes = append(s.changes, r)
}

func identifierOf(importing *tfjson.Importing) string {
	switch {
	case importing.ID != "":
		return importing.ID
	case importing.Unknown:
		return "(known after apply)"
	}
	return fmt.Sprint(importing.Identity)
}

// forcing names the attributes that force a replacement: "engine_version", "root_block_device.0.volume_size".
func forcing(paths []any) []string {
	var names []string
	for _, path := range paths {
		if steps, ok := path.([]any); ok && len(steps) > 0 {
			names = append(names, strings.Join(words(steps), "."))
		}
	}
	return names
}

func words(steps []any) []string {
	var words []string
	for _, step := range steps {
		if f, ok := step.(float64); ok {
			step = number(f)
		}
		words = append(words, fmt.Sprint(step))
	}
	return words
}

// reasons are Terraform's, in words.
//
// https://github.com/hashicorp/terraform/blob/v1.11.4/internal/command/jsonplan/plan.go
var reasons = map[tfjson.ActionReason]string{
	tfjson.ActionReasonReplaceBecauseTainted:         "it is tainted",
	tfjson.ActionReasonReplaceByRequest:              "asked for with -replace",
	tfjson.ActionReasonReplaceByTriggers:             "its replace_triggered_by",
	tfjson.ActionReasonReplaceBecauseCannotUpdate:    "it can't be updated in place",
	tfjson.ActionReasonDeleteBecauseNoResourceConfig: "not in the configuration",
	tfjson.ActionReasonDeleteBecauseWrongRepetition:  "its key doesn't go with count or for_each of the configuration",
	tfjson.ActionReasonDeleteBecauseCountIndex:       "its index is beyond count",
	tfjson.ActionReasonDeleteBecauseEachKey:          "its key is not in for_each",
	tfjson.ActionReasonDeleteBecauseNoModule:         "its module is not in the configuration",
	tfjson.ActionReasonDeleteBecauseNoMoveTarget:     "moved to an address that is not in the configuration",
	tfjson.ActionReasonReadBecauseConfigUnknown:      "its arguments are known after apply",
	tfjson.ActionReasonReadBecauseDependencyPending:  "what it depends on changes",
	tfjson.ActionReasonReadBecauseCheckNested:        "it is part of a check",
}

// differing names the attributes in which a resource differs. That a null is read back as something empty is no difference:
// providers do so after most applies.
func (s *Summary) differing(change *tfjson.Change) []string {
	before, after := s.states(change)
	keys := map[string]bool{}
	for key, old := range before.members {
		keys[key] = !same(old, after.member(key)) && !(old.empty() && after.member(key).empty())
	}
	for key, now := range after.members {
		keys[key] = keys[key] || before.members[key] == nil && !now.empty()
	}
	var names []string
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		if keys[key] {
			names = append(names, code(legible(key)))
		}
	}
	return names
}

// states are the two sides of a change as they may be shown. What is sensitive on one is shown on neither.
func (s *Summary) states(change *tfjson.Change) (before, after *value) {
	r := reader{known: s.secrets}
	marks := either(change.BeforeSensitive, change.AfterSensitive)
	return r.read("", change.Before, nil, marks, redact.Attribute), r.read("", change.After, change.AfterUnknown, marks, redact.Attribute)
}

// lines are a resource's difference as Terraform writes it.
func (r row) lines(s *Summary) ([]line, int) {
	change := r.change.Change
	d := &differ{forced: map[string]bool{}}
	for _, name := range forcing(change.ReplacePaths) {
		d.forced["."+s.secrets.Replace(name)] = true
	}
	kind := "resource"
	if r.change.Mode == tfjson.DataResourceMode {
		kind = "data"
	}
	before, after := s.states(change)
	d.line(actions[r.action].symbol, 0, "%s %q %q {", kind, s.shown(r.change.Type), s.shown(r.change.Name))
	inside := len(d.lines)
	switch {
	case before.kind == secret || after.kind == secret:
		d.line(changed, 1, "# (all of it is sensitive)")
	default:
		d.members(before, after, 1, "")
	}
	if !reflect.DeepEqual(change.BeforeSensitive, change.AfterSensitive) && r.action == update && len(d.lines) <= inside+1 {
		d.line(changed, 1, "# (only which values are sensitive changes)")
	}
	d.line(none, 0, "}")
	return d.lines, d.left
}

// outputLines are how an output differs.
func (s *Summary) outputLines(o output) ([]line, int) {
	d := &differ{}
	before, after := s.states(o.change)
	if same(before, after) {
		d.line(changed, 0, "%s = (sensitive value) # only whether it is sensitive changes", bare(o.name))
	} else {
		d.attribute(bare(o.name)+" = ", before, after, 0, "")
	}
	return d.lines, d.left
}

// Counts is Terraform's own sentence on a plan, with what that leaves out.
func (s *Summary) Counts() string { return s.counted().Counts() }

func (s *Summary) counted() report.Plan {
	return report.Plan{Add: s.Add, Change: s.Change, Destroy: s.Destroy, Import: s.Import, Move: s.Move, Forget: s.Forget, Outputs: s.Outputs, Drift: s.Drift}
}

// How long the texts of a plan may be, in bytes. GitHub takes a job summary of 1 MiB, in which the rest of the report has a
// place too, and a comment of 65,536 characters.
//
// https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#step-isolation-and-limits
const (
	SummaryLimit = 1<<20 - 64<<10
	CommentLimit = 65_536
)

// Report is the plan's part of a result.
func (s *Summary) Report() report.Plan {
	r := s.counted()
	r.Markdown, r.Comment, r.Text = s.Markdown(SummaryLimit), s.Markdown(CommentLimit), s.Text(SummaryLimit)
	return r
}
