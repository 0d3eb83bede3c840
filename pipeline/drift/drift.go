// Package drift tells what was changed outside of Terraform from what was not applied yet, and who did it.
package drift

import (
	"reflect"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// Compare sorts what a plan found while refreshing and what it would do. One full plan has both halves: its resource_drift
// holds what a plan with -refresh-only would, and its resource_changes what the next apply does about it.
//
// Drift is what the next apply undoes, what was deleted, and what was put beside a resource where Terraform can't see it. A
// changed value that the next apply leaves alone is no drift: AWS computed it, or the configuration ignores it or agrees.
//
// https://developer.hashicorp.com/terraform/internals/json-format#plan-representation
func Compare(plan *tfjson.Plan) *report.Drift {
	planned := map[string]*tfjson.ResourceChange{}
	for _, change := range plan.ResourceChanges {
		if change.Mode == tfjson.ManagedResourceMode && change.Change != nil && change.DeposedKey == "" {
			planned[change.Address] = change
		}
	}
	drift := &report.Drift{}
	drifted := map[string][]string{} // the attributes that the next apply sets back, by address
	for _, change := range plan.ResourceDrift {
		if change.Mode != tfjson.ManagedResourceMode || change.Change == nil || change.DeposedKey != "" {
			continue
		}
		resource := report.DriftedResource{Address: change.Address, Identifiers: identifiers(change.Change.Before)}
		next := planned[change.Address]
		if change.Change.Actions.Delete() {
			resource.Kind, resource.Next = "deleted", "makes it anew"
			if next == nil || !next.Change.Actions.Create() {
				resource.Next = "forgets it: the configuration doesn't have it any more"
			}
			drift.Resources = append(drift.Resources, resource)
			drifted[change.Address] = nil
			continue
		}
		resource.Kind = "changed"
		undone, left := attributes(change, next, owned(plan.Config, change))
		if len(undone) > 0 {
			resource.Changes, resource.Next = undone, nextApply(next)
			drift.Resources = append(drift.Resources, resource)
			for _, attribute := range undone {
				drifted[change.Address] = append(drifted[change.Address], attribute.Path)
			}
		}
		if len(left) > 0 {
			resource.Changes, resource.Next = left, "leaves it"
			drift.Left = append(drift.Left, resource)
		}
	}
	drift.Resources = append(drift.Resources, additions(plan)...)
	drift.Pending = pending(plan.ResourceChanges, drifted)
	return drift
}

// nextApply is what the next apply does to a resource of which something is undone.
func nextApply(next *tfjson.ResourceChange) string {
	switch actions := next.Change.Actions; {
	case actions.Replace():
		return "REPLACES it"
	case actions.Delete():
		return "destroys it: the configuration doesn't have it any more"
	}
	return "updates it"
}

// attributes are the changed attributes of one resource: those that the next apply undoes or, at least, sets to something
// else, and those that it leaves as they are now. Attributes in skipped are no concern of this resource.
func attributes(change, next *tfjson.ResourceChange, skipped []string) (undone, left []report.AttributeChange) {
	destroyed := next != nil && next.Change.Actions.Delete()
	for _, d := range differences(change.Change.Before, change.Change.After, change.Change.BeforeSensitive, change.Change.AfterSensitive) {
		if slices.Contains(skipped, d.path.root()) {
			continue
		}
		attribute := report.AttributeChange{Path: d.path.String(), Before: d.before, After: d.after}
		switch {
		case destroyed:
			attribute.Next = "destroys the resource"
		case next == nil || next.Change.Actions.NoOp():
			left = append(left, attribute)
			continue
		case d.path.in(next.Change.AfterUnknown) == true:
			// A computed value that Terraform doesn't know before the apply isn't set back; AWS says it anew.
			left = append(left, attribute)
			continue
		case reflect.DeepEqual(d.path.in(next.Change.After), d.path.in(change.Change.After)):
			left = append(left, attribute)
			continue
		case reflect.DeepEqual(d.path.in(next.Change.After), d.path.in(change.Change.Before)):
			attribute.Next = "sets it back"
		default:
			attribute.Next = "sets it to " + shown(d.path, d.path.in(next.Change.After), next.Change.AfterSensitive)
		}
		undone = append(undone, attribute)
	}
	return undone, left
}

// pending are the changes of a plan that no drift explains; drifted names, by address, the attributes that drift does.
func pending(changes []*tfjson.ResourceChange, drifted map[string][]string) []report.PendingChange {
	var found []report.PendingChange
	for _, change := range changes {
		if change.Mode != tfjson.ManagedResourceMode || change.Change == nil {
			continue
		}
		undone, explained := drifted[change.Address]
		actions := change.Change.Actions
		switch {
		case actions.Replace():
			if !explained || !all(forcing(change), undone) {
				found = append(found, report.PendingChange{Address: change.Address, Action: "replace", Attributes: forcing(change)})
			}
		case actions.Create():
			if !explained {
				found = append(found, report.PendingChange{Address: change.Address, Action: "create"})
			}
		case actions.Delete():
			if !explained {
				found = append(found, report.PendingChange{Address: change.Address, Action: "destroy"})
			}
		case actions.Update():
			if own := changedByUs(change, undone); len(own) > 0 || !explained {
				found = append(found, report.PendingChange{Address: change.Address, Action: "update", Attributes: own})
			}
		}
	}
	return found
}

// changedByUs are the attributes that an update changes to a known value and that drift doesn't explain.
func changedByUs(change *tfjson.ResourceChange, undone []string) []string {
	var own []string
	for _, d := range differences(change.Change.Before, change.Change.After, change.Change.BeforeSensitive, change.Change.AfterSensitive) {
		name := d.path.String()
		if d.path.in(change.Change.AfterUnknown) == true || all([]string{name}, undone) {
			continue
		}
		own = append(own, name)
	}
	return own
}

// forcing are the attributes that force a replacement.
func forcing(change *tfjson.ResourceChange) []string {
	var names []string
	for _, steps := range change.Change.ReplacePaths {
		if steps, ok := steps.([]any); ok {
			names = append(names, pathOf(steps).String())
		}
	}
	return names
}

// all says whether each of the names is one of the paths, or above or below one.
func all(names, in []string) bool {
	for _, name := range names {
		covered := slices.ContainsFunc(in, func(path string) bool {
			return path == name || strings.HasPrefix(path, name+".") || strings.HasPrefix(path, name+"[") ||
				strings.HasPrefix(name, path+".") || strings.HasPrefix(name, path+"[")
		})
		if !covered {
			return false
		}
	}
	return true
}

// named are the attributes by which AWS's APIs, and so CloudTrail's events, may name a resource.
var named = []string{"id", "arn", "name", "identifier", "bucket", "function_name", "cluster_identifier", "key_id", "security_group_rule_id"}

func identifiers(values any) []string {
	attributes, _ := values.(map[string]any)
	var found []string
	for _, name := range named {
		if value, ok := attributes[name].(string); ok && value != "" && !slices.Contains(found, value) {
			found = append(found, value)
		}
	}
	return found
}

// kind is the resource's type in an address: "aws_lb" of module.edge["a.b"].aws_lb.this[0].
func kind(address string) string {
	parts := split(address)
	for i := 0; i+1 < len(parts); i += 2 {
		if parts[i] != "module" {
			return parts[i]
		}
	}
	return ""
}

// split cuts an address at its dots, and takes the keys of instances away, in which there may be dots too.
func split(address string) []string {
	var parts []string
	var part strings.Builder
	quoted, depth := false, 0
	for i := 0; i < len(address); i++ {
		switch c := address[i]; {
		case quoted && c == '\\':
			i++
		case depth > 0 && c == '"':
			quoted = !quoted
		case quoted:
		case c == '[':
			depth++
		case c == ']':
			depth--
		case depth > 0:
		case c == '.':
			parts = append(parts, part.String())
			part.Reset()
		default:
			part.WriteByte(c)
		}
	}
	return append(parts, part.String())
}
