// Package plan reads what Terraform plans, hides what nobody may see in it, and shows it to people.
package plan

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strconv"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// largest is how long a plan may be, in bytes. It bounds what a file that pretends to be one can cost; a plan of ten thousand
// resources has some 50 MB.
const largest = 1 << 30

// Read reads a plan as `terraform show -json` prints it, of Terraform 1.1 or later.
//
// Of what Terraform says twice only one is kept: the state before and the planned state are left out, since each resource's
// change has both, apart from data sources, which are in the former alone. A number is a float64 where that has its exact
// value, else a json.Number. What is no such plan is a *report.Failure, and so is the plan of a run that failed: it holds
// a part of what Terraform would do.
//
// https://developer.hashicorp.com/terraform/internals/json-format#plan-representation
func Read(r io.Reader) (*tfjson.Plan, error) {
	input := bufio.NewReader(&io.LimitedReader{R: r, N: largest})
	beginning, _ := input.Peek(32) // an error comes again on reading
	if err := notJSON(beginning); err != nil {
		return nil, err
	}
	d := &document{decoder: json.NewDecoder(input), plan: &tfjson.Plan{}, seen: map[string]bool{}, words: map[string]string{}}
	d.decoder.UseNumber()
	if err := d.read(); err != nil {
		return nil, d.failed(err)
	}
	return d.plan, nil
}

// notJSON tells files that people take for the plan's JSON by how they begin.
func notJSON(beginning []byte) error {
	switch {
	case len(beginning) == 0:
		return foreign("the plan is empty", "give the output of: terraform show -json PLANFILE")
	case bytes.HasPrefix(beginning, []byte("PK\x03\x04")):
		return foreign("this is a saved plan, and its JSON is wanted", "give the output of: terraform show -json PLANFILE")
	case bytes.HasPrefix(beginning, []byte("age-encryption.org/")), bytes.HasPrefix(beginning, []byte("-----BEGIN AGE ")):
		return foreign("this is an encrypted plan file, and the plan's JSON is wanted", "give the output of: terraform show -json PLANFILE")
	}
	return nil
}

func foreign(reason, next string) *report.Failure {
	return &report.Failure{Reason: reason, Effect: "nothing was changed", Next: next}
}

// document is a plan that is being read.
type document struct {
	decoder *json.Decoder
	plan    *tfjson.Plan
	// at is what is being read, for messages: "resource_changes[3]".
	at   string
	seen map[string]bool
	// words are the keys and short strings seen. A plan repeats the names of attributes for each resource.
	words   map[string]string
	errored bool
}

func (d *document) read() error {
	if err := d.open('{'); err != nil {
		return err
	}
	for d.decoder.More() {
		key, err := d.key()
		if err != nil {
			return err
		}
		if d.seen[key] {
			return foreign(fmt.Sprintf("the plan holds %s twice", shown(key)), "give the output of terraform show -json as it is")
		}
		d.seen[key] = true
		d.at = shown(key)
		if err := d.member(key); err != nil {
			return err
		}
		if key == "format_version" {
			if err := d.supported(); err != nil {
				return err
			}
		}
	}
	d.at = "the end"
	if _, err := d.decoder.Token(); err != nil { // the closing brace
		return err
	}
	if _, err := d.decoder.Token(); !errors.Is(err, io.EOF) {
		return foreign("something follows the plan's JSON", "give the output of terraform show -json as it is")
	}
	return d.check()
}

// member reads one of the plan's members.
func (d *document) member(key string) error {
	switch key {
	case "format_version":
		return d.decoder.Decode(&d.plan.FormatVersion)
	case "terraform_version":
		return d.decoder.Decode(&d.plan.TerraformVersion)
	case "timestamp":
		return d.decoder.Decode(&d.plan.Timestamp)
	case "complete":
		return d.decoder.Decode(&d.plan.Complete)
	case "errored":
		return d.decoder.Decode(&d.errored)
	case "checks":
		return d.decoder.Decode(&d.plan.Checks)
	case "configuration":
		return d.decoder.Decode(&d.plan.Config)
	case "variables":
		if err := d.decoder.Decode(&d.plan.Variables); err != nil {
			return err
		}
		for name, variable := range d.plan.Variables {
			if variable == nil {
				return malformed("variables." + shown(name) + " is null")
			}
			variable.Value = d.compact(variable.Value)
		}
		return nil
	case "output_changes":
		if err := d.decoder.Decode(&d.plan.OutputChanges); err != nil {
			return err
		}
		for name, change := range d.plan.OutputChanges {
			if change == nil {
				return malformed("output_changes." + shown(name) + " is null")
			}
			d.compactChange(change)
		}
		return nil
	case "resource_changes":
		return d.changes(key, &d.plan.ResourceChanges)
	case "resource_drift":
		return d.changes(key, &d.plan.ResourceDrift)
	case "deferred_changes":
		return d.each(func() error {
			var deferred tfjson.DeferredResourceChange
			if err := d.decoder.Decode(&deferred); err != nil {
				return err
			}
			if deferred.ResourceChange == nil || deferred.ResourceChange.Change == nil {
				return malformed(d.at + " has no change")
			}
			d.compactChange(deferred.ResourceChange.Change)
			d.plan.DeferredChanges = append(d.plan.DeferredChanges, &deferred)
			return nil
		})
	case "prior_state":
		return d.priorState()
	default:
		return d.skip()
	}
}

func (d *document) changes(name string, into *[]*tfjson.ResourceChange) error {
	return d.each(func() error {
		var change *tfjson.ResourceChange
		if err := d.decoder.Decode(&change); err != nil {
			return err
		}
		if change == nil || change.Change == nil {
			return malformed(d.at + " has no change")
		}
		change.Type, change.ProviderName = d.word(change.Type), d.word(change.ProviderName)
		change.Index = d.compact(change.Index)
		d.compactChange(change.Change)
		*into = append(*into, change)
		return nil
	})
}

// priorState keeps the data sources of the state before, wherever their module is.
func (d *document) priorState() error {
	var resources []*tfjson.StateResource
	err := d.members(map[string]func() error{"values": func() error {
		return d.members(map[string]func() error{"root_module": func() error { return d.module(&resources) }})
	}})
	if len(resources) > 0 {
		d.plan.PriorState = &tfjson.State{FormatVersion: d.plan.FormatVersion, Values: &tfjson.StateValues{RootModule: &tfjson.StateModule{Resources: resources}}}
	}
	return err
}

func (d *document) module(resources *[]*tfjson.StateResource) error {
	return d.members(map[string]func() error{
		"resources": func() error {
			return d.each(func() error {
				var resource tfjson.StateResource
				if err := d.decoder.Decode(&resource); err != nil {
					return err
				}
				if resource.Mode == tfjson.DataResourceMode {
					for name, value := range resource.AttributeValues {
						resource.AttributeValues[name] = d.compact(value)
					}
					*resources = append(*resources, &resource)
				}
				return nil
			})
		},
		"child_modules": func() error { return d.each(func() error { return d.module(resources) }) },
	})
}

// each reads the elements of an array; a null is an empty one.
func (d *document) each(element func() error) error {
	name := d.at
	token, err := d.decoder.Token()
	if err != nil || token == nil {
		return err
	}
	if token != json.Delim('[') {
		return malformed(name + " is no list")
	}
	for i := 0; d.decoder.More(); i++ {
		d.at = fmt.Sprintf("%s[%d]", name, i)
		if err := element(); err != nil {
			return err
		}
		d.at = name
	}
	_, err = d.decoder.Token()
	return err
}

// members reads some members of an object and skips the others; a null is an empty one.
func (d *document) members(wanted map[string]func() error) error {
	name := d.at
	token, err := d.decoder.Token()
	if err != nil || token == nil {
		return err
	}
	if token != json.Delim('{') {
		return malformed(name + " is no object")
	}
	for d.decoder.More() {
		key, err := d.key()
		if err != nil {
			return err
		}
		read, found := wanted[key]
		if !found {
			read = d.skip
		}
		d.at = name + "." + shown(key)
		if err := read(); err != nil {
			return err
		}
		d.at = name
	}
	_, err = d.decoder.Token()
	return err
}

// skip reads over a value of any size without keeping it.
func (d *document) skip() error {
	for depth := 0; ; {
		token, err := d.decoder.Token()
		if err != nil {
			return err
		}
		switch token {
		case json.Delim('{'), json.Delim('['):
			depth++
		case json.Delim('}'), json.Delim(']'):
			depth--
		}
		if depth == 0 {
			return nil
		}
	}
}

func (d *document) open(want json.Delim) error {
	token, err := d.decoder.Token()
	if err == nil && token != want {
		return foreign("this is no plan: the JSON is no object", "give the output of: terraform show -json PLANFILE")
	}
	return err
}

func (d *document) key() (string, error) {
	token, err := d.decoder.Token()
	if err != nil {
		return "", err
	}
	key, _ := token.(string)
	return key, nil
}

// check is what can only be said of the whole document.
func (d *document) check() error {
	switch {
	case d.seen["resource_changes"] || d.seen["planned_values"] || d.seen["output_changes"]:
	case d.seen["serial"] || d.seen["lineage"]:
		return foreign("this is a state file, and a plan is wanted", "give the output of: terraform show -json PLANFILE")
	case d.seen["values"] || d.seen["terraform_version"] && d.seen["format_version"]:
		return foreign("this is the JSON of a state, and that of a plan is wanted", "name the plan: terraform show -json PLANFILE")
	default:
		return foreign("this is no plan of Terraform: the JSON holds neither resource_changes nor planned_values", "give the output of: terraform show -json PLANFILE")
	}
	if d.plan.FormatVersion == "" {
		return d.supported()
	}
	if d.errored {
		return foreign("the plan is of a run that failed: Terraform saved only what it had planned by then", "mend what the run failed of, and plan again")
	}
	return nil
}

// supported refuses a format that may say things which nobody here understands. Terraform raises the first number for those
// alone, and did so in 1.1; before, it didn't say in which values secrets are.
func (d *document) supported() error {
	version, terraform := d.plan.FormatVersion, ""
	if d.plan.TerraformVersion != "" {
		terraform = ", of Terraform " + shown(d.plan.TerraformVersion)
	}
	major, _, _ := strings.Cut(version, ".")
	number, err := strconv.Atoi(major)
	switch {
	case version == "":
		return foreign("the plan has no format_version", "give the output of: terraform show -json PLANFILE")
	case err != nil || number < 0:
		return foreign(fmt.Sprintf("the plan has the format version %s, which is none", shown(version)), "give the output of terraform show -json as it is")
	case number > 1:
		return foreign(fmt.Sprintf("the plan has format version %s%s; versions 1.x are understood", shown(version), terraform),
			"plan with a Terraform that writes format 1.x, such as 1.11, or use a newer Slipway")
	case number < 1:
		return foreign(fmt.Sprintf("the plan has format version %s%s; versions 1.x are understood", shown(version), terraform),
			"plan with Terraform 1.1 or later")
	}
	return nil
}

func malformed(reason string) error {
	return foreign("this is no plan of Terraform: "+reason, "give the output of terraform show -json as it is")
}

// failed says what is wrong with a document that could not be read.
func (d *document) failed(err error) error {
	if failure, ok := errors.AsType[*report.Failure](err); ok {
		return failure
	}
	at := ""
	if d.at != "" {
		at = ", in " + d.at
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		if d.decoder.InputOffset() >= largest-1 {
			return foreign(fmt.Sprintf("the plan is longer than %d bytes", largest), "")
		}
		return foreign(fmt.Sprintf("the plan is truncated: it ends after %d bytes%s", d.decoder.InputOffset(), at), "make the JSON again, and keep all of it")
	}
	if syntax, ok := errors.AsType[*json.SyntaxError](err); ok {
		// The text of the error has a character of the document at most.
		return foreign(fmt.Sprintf("the plan is not JSON, at byte %d%s: %v", d.decoder.InputOffset(), at, syntax), "give the output of: terraform show -json PLANFILE")
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		field := ""
		if kind.Field != "" {
			field = ", " + shown(kind.Field)
		}
		value, _, _ := strings.Cut(kind.Value, " ") // "number 42": the number may be a secret
		return malformed(fmt.Sprintf("%s%s is a %s", d.at, field, value))
	}
	return foreign("the plan can't be read"+at, "").Because(err)
}

// shown is a name from the document in a message: short and on one line.
func shown(name string) string {
	if len(name) > 60 {
		name = name[:60] + "…"
	}
	return legible(strings.ToValidUTF8(name, "?"))
}

// compactChange makes a change small: numbers that are a float64, words that are kept once, and an after that is the before
// where nothing changes.
func (d *document) compactChange(change *tfjson.Change) {
	change.Before = d.compact(change.Before)
	change.After = shared(change.Before, d.compact(change.After))
	change.AfterUnknown = d.compact(change.AfterUnknown)
	change.BeforeSensitive = d.compact(change.BeforeSensitive)
	change.AfterSensitive = shared(change.BeforeSensitive, d.compact(change.AfterSensitive))
	for i, path := range change.ReplacePaths {
		change.ReplacePaths[i] = d.compact(path)
	}
	change.BeforeIdentity, change.AfterIdentity = d.compact(change.BeforeIdentity), d.compact(change.AfterIdentity)
	if change.Importing != nil {
		change.Importing.Identity = d.compact(change.Importing.Identity)
	}
}

// compact returns the value with its numbers as float64, where they are exact, and its words as seen before.
func (d *document) compact(value any) any {
	switch value := value.(type) {
	case json.Number:
		number, err := value.Float64()
		if err == nil && strconv.FormatFloat(number, 'f', -1, 64) == value.String() {
			return number
		}
	case string:
		return d.word(value)
	case []any:
		for i, element := range value {
			value[i] = d.compact(element)
		}
		return slices.Clip(value)
	case map[string]any:
		compacted := make(map[string]any, len(value))
		for key, element := range value {
			compacted[d.word(key)] = d.compact(element)
		}
		return compacted
	}
	return value
}

// word returns the string that was seen first of those that are equal.
func (d *document) word(s string) string {
	if len(s) > 64 {
		return s
	}
	word, seen := d.words[s]
	if !seen && len(d.words) < 1<<16 {
		word = strings.Clone(s)
		d.words[word] = word
	} else if !seen {
		return s
	}
	return word
}

// shared returns after with each part that equals before's being before's.
func shared(before, after any) any {
	switch after := after.(type) {
	case map[string]any:
		other, ok := before.(map[string]any)
		if !ok {
			return after
		}
		same := len(other) == len(after)
		for key, value := range after {
			old, found := other[key]
			after[key] = shared(old, value)
			same = same && found && identical(old, after[key])
		}
		if same {
			return other
		}
	case []any:
		other, ok := before.([]any)
		if !ok {
			return after
		}
		same := len(other) == len(after)
		for i, value := range after {
			if i >= len(other) {
				break
			}
			after[i] = shared(other[i], value)
			same = same && identical(other[i], after[i])
		}
		if same {
			return other
		}
	case string:
		if other, ok := before.(string); ok && other == after {
			return other
		}
	}
	return after
}

// identical says that two values, of which one went through shared, are one.
func identical(a, b any) bool {
	switch a := a.(type) {
	case map[string]any:
		b, ok := b.(map[string]any)
		return ok && reflect.ValueOf(a).Pointer() == reflect.ValueOf(b).Pointer()
	case []any:
		b, ok := b.([]any)
		return ok && len(a) == len(b) && (len(a) == 0 || &a[0] == &b[0])
	}
	switch b.(type) {
	case map[string]any, []any:
		return false
	}
	return a == b
}
