package plan

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/slipway-ci/slipway/pipeline/redact"
)

type kind int

const (
	null kind = iota
	scalar
	text
	list
	object
	unknown // until after apply
	secret  // sensitive, whatever it is
)

// value is a value of a plan as it may be shown.
type value struct {
	kind kind
	// raw is the value itself, to be compared and never to be shown.
	raw any
	// shown is a scalar or a text with everything hidden that has to be.
	shown    string
	elements []*value
	members  map[string]*value
	// document is the JSON in a text.
	document *value
}

var nothing = &value{}

// reader turns the values of a plan into such as may be shown.
type reader struct {
	known *redact.Values
	depth int
}

// deepest is how many levels of a value are told apart. Nobody reads more, and each costs another comparison of all below.
const deepest = 64

// rule hides a text by the name of what has it.
type rule func(name, text string) string

// read builds a value. Marks are what Terraform says beside it: whether it is unknown until after apply, and sensitive.
func (r reader) read(name string, raw, unknowns, marks any, hide rule) *value {
	if unknowns == true {
		return &value{kind: unknown}
	}
	if userData(name) {
		marks = true
	}
	if marks == true && raw != nil {
		return &value{kind: secret, raw: raw}
	}
	if environment(name) {
		hide = redact.Value
	}
	if r.depth++; r.depth > deepest {
		document, err := json.Marshal(raw)
		if err != nil {
			document = []byte(err.Error())
		}
		return &value{kind: scalar, raw: string(document), shown: "…"}
	}
	switch raw := raw.(type) {
	case nil:
		// Of what holds unknown values only, nothing else is known.
		if !anyTrue(unknowns) {
			return nothing
		}
		switch unknowns := unknowns.(type) {
		case map[string]any:
			return r.object(map[string]any{}, unknowns, marks, hide)
		case []any:
			return r.list(name, make([]any, len(unknowns)), unknowns, marks, hide)
		}
		return nothing
	case string:
		return r.text(name, raw, hide)
	case []any:
		return r.list(name, raw, unknowns, marks, hide)
	case map[string]any:
		unknowns, _ := unknowns.(map[string]any)
		return r.object(raw, unknowns, marks, hide)
	case bool:
		return &value{kind: scalar, raw: raw, shown: strconv.FormatBool(raw)}
	case float64:
		return r.scalar(name, raw, number(raw), hide)
	case json.Number:
		return r.scalar(name, raw, raw.String(), hide)
	}
	return &value{kind: scalar, raw: fmt.Sprint(raw), shown: r.hide(fmt.Sprint(raw))}
}

func number(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

func (r reader) scalar(name string, raw any, shown string, hide rule) *value {
	return &value{kind: scalar, raw: raw, shown: hide(name, r.hide(shown))}
}

func (r reader) text(name, raw string, hide rule) *value {
	v := &value{kind: text, raw: raw, shown: hide(name, r.hide(raw))}
	if v.shown == redact.Hidden {
		return v
	}
	if document := embedded(raw); document != nil {
		if slices.Contains(containerDocuments, name) {
			hide = redact.Value
		}
		v.document = r.read("", document, nil, nil, hide)
	}
	return v
}

func (r reader) list(name string, raw []any, unknowns, marks any, hide rule) *value {
	v := &value{kind: list, raw: raw}
	unknownElements, _ := unknowns.([]any)
	markedElements, _ := marks.([]any)
	for i, element := range raw {
		v.elements = append(v.elements, r.read(name, element, at(unknownElements, i), at(markedElements, i), hide))
	}
	if command(name) {
		v.hideWords()
	}
	return v
}

// hideWords hides the words of a command by the option before them as well.
func (v *value) hideWords() {
	words := make([]string, len(v.elements))
	for i, element := range v.elements {
		if element.kind == text {
			words[i] = element.shown
		}
	}
	for i, word := range redact.Words(words) {
		if v.elements[i].kind == text {
			v.elements[i].shown, v.elements[i].document = word, nil
		}
	}
}

func (r reader) object(raw, unknowns map[string]any, marks any, hide rule) *value {
	v := &value{kind: object, raw: raw, members: make(map[string]*value, len(raw))}
	marked, _ := marks.(map[string]any)
	for key, member := range raw {
		v.members[r.hide(key)] = r.read(key, member, unknowns[key], marked[key], hide)
	}
	for key, mark := range unknowns {
		if _, there := raw[key]; !there && anyTrue(mark) {
			v.members[r.hide(key)] = r.read(key, nil, mark, marked[key], hide)
		}
	}
	// A variable of a container, and a parameter: the one says what the other is.
	if name, of := v.members["name"], v.members["value"]; name != nil && of != nil && name.kind == text && of.kind == text {
		of.shown = redact.Value(fmt.Sprint(name.raw), of.shown)
		if of.shown == redact.Hidden {
			of.document = nil
		}
	}
	return v
}

func (r reader) hide(text string) string { return r.known.Replace(text) }

func at(elements []any, i int) any {
	if i < len(elements) {
		return elements[i]
	}
	return nil
}

func anyTrue(marks any) bool {
	switch marks := marks.(type) {
	case bool:
		return marks
	case map[string]any:
		for _, mark := range marks {
			if anyTrue(mark) {
				return true
			}
		}
	case []any:
		return slices.ContainsFunc(marks, anyTrue)
	}
	return false
}

// either are the marks of two states: what is sensitive in one of them is shown in neither.
func either(a, b any) any {
	if a == true || b == true {
		return true
	}
	switch first := a.(type) {
	case map[string]any:
		second, _ := b.(map[string]any)
		merged := maps.Clone(first)
		for key, mark := range second {
			merged[key] = either(merged[key], mark)
		}
		return merged
	case []any:
		second, _ := b.([]any)
		merged := make([]any, max(len(first), len(second)))
		for i := range merged {
			merged[i] = either(at(first, i), at(second, i))
		}
		return merged
	}
	return b
}

// userData says that an attribute is what an instance runs when it starts. It holds credentials more often than not, in
// base64 where nothing finds them.
func userData(name string) bool {
	return name == "user_data" || name == "user_data_base64" || name == "custom_data"
}

// environment says that what is below has the names of variables.
func environment(name string) bool {
	name = strings.ToLower(strings.ReplaceAll(name, "_", ""))
	return name == "env" || name == "envvars" || strings.HasSuffix(name, "environment") || strings.HasSuffix(name, "environmentvariables")
}

// command says that a list has the words of a command.
func command(name string) bool {
	name = strings.ToLower(strings.ReplaceAll(name, "_", ""))
	return name == "command" || name == "entrypoint" || name == "args" || name == "arguments"
}

// same says that two values don't differ in what they are. What is unknown differs from all.
func same(a, b *value) bool {
	if a.kind != b.kind || a.kind == unknown {
		return false
	}
	switch a.kind {
	case list:
		return slices.EqualFunc(a.elements, b.elements, same)
	case object:
		for key, member := range a.members {
			if !same(member, b.member(key)) {
				return false
			}
		}
		for key, member := range b.members {
			if a.members[key] == nil && member.kind != null {
				return false
			}
		}
		return true
	case secret:
		return identity(a) == identity(b)
	}
	return a.raw == b.raw
}

// empty says that there is nothing in a value.
func (v *value) empty() bool {
	switch v.kind {
	case null:
		return true
	case text:
		return v.raw == ""
	case list, object:
		return len(v.elements) == 0 && len(v.members) == 0
	}
	return false
}

func (v *value) member(key string) *value {
	if member := v.members[key]; member != nil {
		return member
	}
	return nothing
}

// identity is a text that values which are the same have in common, and no others.
func identity(v *value) string {
	switch v.kind {
	case unknown:
		return fmt.Sprintf("unknown %p", v)
	case object, list:
		var b strings.Builder
		v.identify(&b)
		return b.String()
	}
	document, err := json.Marshal(v.raw)
	if err != nil {
		return fmt.Sprintf("%v", v.raw)
	}
	return string(document)
}

func (v *value) identify(b *strings.Builder) {
	switch v.kind {
	case list:
		b.WriteByte('[')
		for _, element := range v.elements {
			element.identify(b)
			b.WriteByte(',')
		}
		b.WriteByte(']')
	case object:
		b.WriteByte('{')
		for _, key := range slices.Sorted(maps.Keys(v.members)) {
			if member := v.members[key]; member.kind != null {
				b.WriteString(strconv.Quote(key))
				b.WriteByte(':')
				member.identify(b)
				b.WriteByte(',')
			}
		}
		b.WriteByte('}')
	default:
		b.WriteString(identity(v))
	}
}
