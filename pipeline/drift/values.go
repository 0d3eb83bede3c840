package drift

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// path leads to a value inside of a resource's attributes: names of attributes and keys of maps are strings, places in a
// list ints.
type path []any

func pathOf(steps []any) path {
	var p path
	for _, step := range steps {
		if number, ok := step.(float64); ok {
			step = int(number)
		}
		p = append(p, step)
	}
	return p
}

// String is the path as Terraform writes it, "health_check[0].path".
func (p path) String() string {
	var b strings.Builder
	for i, step := range p {
		switch step := step.(type) {
		case int:
			fmt.Fprintf(&b, "[%d]", step)
		default:
			if i > 0 {
				b.WriteByte('.')
			}
			fmt.Fprint(&b, step)
		}
	}
	return b.String()
}

// root is the attribute that the path begins with.
func (p path) root() string {
	if len(p) == 0 {
		return ""
	}
	return fmt.Sprint(p[0])
}

// in returns what the path leads to, nil where there is nothing. Where the path leads into a true of a mask, which stands
// for all that is below it, it is that.
func (p path) in(value any) any {
	for _, step := range p {
		switch at := value.(type) {
		case map[string]any:
			name, ok := step.(string)
			if !ok {
				return nil
			}
			value = at[name]
		case []any:
			place, ok := step.(int)
			if !ok || place < 0 || place >= len(at) {
				return nil
			}
			value = at[place]
		case bool:
			return at
		default:
			return nil
		}
	}
	return value
}

// difference is one value that is not the same, as it may be shown.
type difference struct {
	path          path
	before, after string
}

// differences compares the attributes of a resource down to the values that differ, in the order of their paths. Blocks of
// which there is one are compared attribute by attribute; of sets and longer lists, which have no order to go by, the whole
// is shown.
func differences(before, after, beforeSensitive, afterSensitive any) []difference {
	var found []difference
	var walk func(p path, before, after any)
	walk = func(p path, before, after any) {
		if reflect.DeepEqual(before, after) || empty(before) && empty(after) {
			return
		}
		if b, ok := before.(map[string]any); ok {
			if a, ok := after.(map[string]any); ok {
				both := maps.Clone(b)
				maps.Copy(both, a)
				for _, key := range slices.Sorted(maps.Keys(both)) {
					walk(append(slices.Clip(p), key), b[key], a[key])
				}
				return
			}
		}
		if b, ok := block(before); ok {
			if a, ok := block(after); ok {
				walk(append(slices.Clip(p), 0), b, a)
				return
			}
		}
		if same(before, after) {
			return
		}
		d := difference{path: p, before: shown(p, before, beforeSensitive), after: shown(p, after, afterSensitive)}
		if d.before == hidden || d.after == hidden {
			// A value is sensitive on both sides if it is on one.
			d.before, d.after = orNothing(before), orNothing(after)
		}
		if d.before == d.after && d.before != hidden { // what tells them apart was cut off
			d.before, d.after = "(too long to show)", "(too long to show, and different)"
		}
		found = append(found, d)
	}
	walk(nil, before, after)
	return found
}

func orNothing(value any) string {
	if empty(value) {
		return ""
	}
	return hidden
}

// empty says that a value is none: a provider writes null, "" and [] for one and the same.
func empty(value any) bool {
	switch value := value.(type) {
	case nil:
		return true
	case string:
		return value == ""
	case []any:
		return len(value) == 0
	case map[string]any:
		return len(value) == 0
	}
	return false
}

// block returns the only element of a list that has one, if it has attributes.
func block(value any) (map[string]any, bool) {
	list, ok := value.([]any)
	if !ok || len(list) != 1 {
		return nil, false
	}
	attributes, ok := list[0].(map[string]any)
	return attributes, ok
}

// same says whether two values are the same but for the order of a list, or the spaces of a JSON document.
func same(before, after any) bool {
	if a, ok := before.([]any); ok {
		b, ok := after.([]any)
		return ok && slices.Equal(sorted(a), sorted(b))
	}
	a, aok := document(before)
	b, bok := document(after)
	return aok && bok && reflect.DeepEqual(a, b)
}

func sorted(list []any) []string {
	var elements []string
	for _, element := range list {
		elements = append(elements, encode(element))
	}
	slices.Sort(elements)
	return elements
}

// document returns what a string that is a JSON object or array holds.
func document(value any) (any, bool) {
	text, ok := value.(string)
	if !ok || !strings.HasPrefix(text, "{") && !strings.HasPrefix(text, "[") {
		return nil, false
	}
	var parsed any
	return parsed, json.Unmarshal([]byte(text), &parsed) == nil
}

const (
	hidden = "(sensitive)"
	// widest is how much of a value is shown.
	widest = 300
)

// secretive is what the name of a value is like that nobody should see, whether Terraform knows it as sensitive or not.
var secretive = regexp.MustCompile(`(?i)password|passwd|secret|token|credential|api_?key|access_?key|private_?key|user_data`)

// harmless are names that look like a secret's and hold none: ARNs, names and numbers of versions.
var harmless = regexp.MustCompile(`(?i)(_arns?|_id|_name|_version|_enabled|_days|_length)$|^manage_master_user_password$`)

// open is what in a JSON document may hold a credential under any name: the environment and the command of a container.
var open = []string{"environment", "command", "entryPoint"}

// shown is a value as it may be shown: hidden where the mask or the name says that it is sensitive, on one line, and cut.
func shown(p path, value, mask any) string {
	if empty(value) {
		return ""
	}
	if sensitive(p, mask) || namedSecret(p) {
		return hidden
	}
	if parsed, ok := document(value); ok {
		value = without(parsed)
	} else {
		value = without(value)
	}
	if list, ok := value.([]any); ok {
		return cut("[" + strings.Join(sorted(list), ", ") + "]")
	}
	if text, ok := value.(string); ok {
		return cut(strings.ReplaceAll(text, "\n", `\n`))
	}
	return cut(encode(value))
}

// sensitive says whether the mask marks the value, something around it or something in it.
func sensitive(p path, mask any) bool {
	switch mask := p.in(mask).(type) {
	case bool:
		return mask
	case map[string]any, []any:
		return strings.Contains(encode(mask), "true")
	}
	return false
}

func namedSecret(p path) bool {
	for _, step := range p {
		if name, ok := step.(string); ok && secretive.MatchString(name) && !harmless.MatchString(name) {
			return true
		}
	}
	return false
}

// without returns a value with all in it hidden that may be a credential.
func without(value any) any {
	switch value := value.(type) {
	case map[string]any:
		shown := make(map[string]any, len(value))
		for key, inner := range value {
			if slices.Contains(open, key) && !empty(inner) || namedSecret(path{key}) && !empty(inner) {
				shown[key] = hidden
				continue
			}
			shown[key] = without(inner)
		}
		return shown
	case []any:
		shown := make([]any, len(value))
		for i, inner := range value {
			shown[i] = without(inner)
		}
		return shown
	}
	return value
}

func encode(value any) string {
	switch value := value.(type) {
	case string:
		return value
	case float64:
		return strconv.FormatFloat(value, 'f', -1, 64)
	}
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return fmt.Sprint(value)
	}
	return strings.TrimSuffix(b.String(), "\n")
}

func cut(text string) string {
	if characters := []rune(text); len(characters) > widest {
		return string(characters[:widest]) + "…"
	}
	return text
}
