package service

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/redact"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// setting is one value of a task definition: as it is, to be compared, and as it may be shown.
type setting struct{ value, shown string }

// settings lists what a task definition sets, by the name of the field; definition is a *types.TaskDefinition or the request
// that would register one. Values that ECS assumes where none is given are left out, since two definitions may differ in
// whether they write them down. What ECS makes itself, tags, and the image of the application's container are no part of it.
//
// The environment, secrets and command of the application's container go by their names alone; anything else of a container
// has the container's name before it.
func settings(definition any, application string) map[string]setting {
	found := map[string]setting{}
	of := reflect.ValueOf(definition).Elem()
	for _, field := range reflect.VisibleFields(reflect.TypeFor[ecs.RegisterTaskDefinitionInput]()) {
		switch {
		case !field.IsExported() || field.Name == "Tags":
		case field.Name == "ContainerDefinitions":
			network := types.NetworkMode(of.FieldByName("NetworkMode").String())
			for _, container := range of.FieldByName(field.Name).Interface().([]types.ContainerDefinition) {
				addContainer(found, container, application, network)
			}
		default:
			add(found, lowerFirst(field.Name), of.FieldByName(field.Name))
		}
	}
	return found
}

func addContainer(found map[string]setting, container types.ContainerDefinition, application string, network types.NetworkMode) {
	name := aws.ToString(container.Name)
	others := "container " + name + ": "
	prefix := others
	if name == application {
		prefix = ""
	} else {
		found[prefix+"image"] = plain(aws.ToString(container.Image))
	}
	for _, variable := range container.Environment {
		key, value := aws.ToString(variable.Name), aws.ToString(variable.Value)
		found[prefix+"environment "+key] = setting{value, legible(redact.Value(key, value))}
	}
	for _, secret := range container.Secrets {
		found[prefix+"secret "+aws.ToString(secret.Name)] = plain(aws.ToString(secret.ValueFrom))
	}
	add(found, prefix+"command", reflect.ValueOf(container.Command))
	add(found, prefix+"entryPoint", reflect.ValueOf(container.EntryPoint))
	container.Name, container.Image, container.Environment, container.Secrets, container.Command, container.EntryPoint = nil, nil, nil, nil, nil, nil

	if aws.ToBool(container.Essential) || container.Essential == nil {
		container.Essential = nil
	} else {
		found[others+"essential"] = plain("false")
	}
	if container.VersionConsistency == types.VersionConsistencyEnabled {
		container.VersionConsistency = ""
	}
	container.PortMappings = slices.Clone(container.PortMappings)
	for i, port := range container.PortMappings {
		if port.Protocol == "" {
			container.PortMappings[i].Protocol = types.TransportProtocolTcp
		}
		// In this mode the two are one, and ECS fills in the one that is missing.
		if network == types.NetworkModeAwsvpc {
			container.PortMappings[i].HostPort = nil
		}
	}
	addStruct(found, others, reflect.ValueOf(container))
}

// add puts down what v sets, under its own name or, for what has parts, under names that begin with it.
func add(found map[string]setting, name string, v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if v.IsNil() {
			return
		}
		// Where a number may be left out, 0 says something else: no swap, not ECS's choice.
		if inner := v.Elem(); inner.CanInt() || inner.CanFloat() {
			found[name] = plain(fmt.Sprint(inner.Interface()))
			return
		}
		add(found, name, v.Elem())
	case reflect.Struct:
		addStruct(found, name+".", v)
	case reflect.Slice:
		addSlice(found, name, v)
	case reflect.Map:
		for _, key := range v.MapKeys() {
			add(found, name+"."+key.String(), v.MapIndex(key))
		}
	case reflect.String:
		if v.String() != "" {
			found[name] = setting{v.String(), legible(redact.Value(lastPart(name), v.String()))}
		}
	default: // numbers and truths
		if !v.IsZero() {
			found[name] = plain(fmt.Sprint(v.Interface()))
		}
	}
}

func addStruct(found map[string]setting, prefix string, v reflect.Value) {
	for _, field := range reflect.VisibleFields(v.Type()) {
		if field.IsExported() {
			add(found, prefix+lowerFirst(field.Name), v.FieldByIndex(field.Index))
		}
	}
}

// addSlice puts a list of words down as one setting, and so a list of things without names. Named things are put down one
// by one, so that a new one doesn't show all.
func addSlice(found map[string]setting, name string, v reflect.Value) {
	if v.Len() == 0 {
		return
	}
	if words, ok := v.Interface().([]string); ok {
		found[name] = setting{list(words), list(redact.Words(words))}
		return
	}
	if v.Type().Elem().Kind() == reflect.String { // an enumeration: its order says nothing
		var words []string
		for i := range v.Len() {
			words = append(words, v.Index(i).String())
		}
		slices.Sort(words)
		found[name] = plain(strings.Join(words, ", "))
		return
	}
	var values, shown []string
	for i := range v.Len() {
		element := v.Index(i)
		if key, ok := keyOf(element); ok {
			named := reflect.New(element.Type()).Elem()
			named.Set(element)
			named.FieldByName("Name").SetZero()
			switch element := named.Interface().(type) {
			case types.Secret:
				found[name+" "+key] = plain(aws.ToString(element.ValueFrom))
			case types.KeyValuePair:
				value := aws.ToString(element.Value)
				found[name+" "+key] = setting{value, legible(redact.Value(key, value))}
			default:
				found[name+" "+key] = setting{} // it is there, although nothing more may be said of it
				addStruct(found, name+" "+key+".", named)
			}
			continue
		}
		parts := map[string]setting{}
		addStruct(parts, "", element)
		var value, show []string
		for _, part := range slices.Sorted(maps.Keys(parts)) {
			value = append(value, part+" "+parts[part].value)
			show = append(show, part+" "+parts[part].shown)
		}
		values = append(values, strings.Join(value, ", "))
		shown = append(shown, strings.Join(show, ", "))
	}
	if len(values) > 0 {
		slices.Sort(values)
		slices.Sort(shown)
		found[name] = setting{strings.Join(values, "; "), strings.Join(shown, "; ")}
	}
}

// keyOf is the name of a named thing, like a volume.
func keyOf(element reflect.Value) (string, bool) {
	field := element.FieldByName("Name")
	if !field.IsValid() {
		return "", false
	}
	name, ok := field.Interface().(*string)
	return aws.ToString(name), ok && name != nil
}

func plain(value string) setting { return setting{value, legible(value)} }

// list writes words so that it can be seen where one ends.
func list(words []string) string {
	text, err := json.Marshal(words)
	if err != nil {
		return fmt.Sprintf("%q", words)
	}
	return string(text)
}

// legible is the value on one line of a terminal. A value that is empty has to differ from one that isn't there.
func legible(value string) string {
	if value == "" || strings.TrimSpace(value) != value || strings.ContainsFunc(value, func(r rune) bool { return !unicode.IsPrint(r) }) {
		return fmt.Sprintf("%q", value)
	}
	return value
}

// lastPart is the end of a setting's name, by which its value may be known to be secret.
func lastPart(name string) string {
	if _, after, found := strings.Cut(name, ": "); found {
		name = after
	}
	return name[strings.LastIndexByte(name, '.')+1:]
}

func lowerFirst(name string) string { return strings.ToLower(name[:1]) + name[1:] }

// compare lists in which settings the second differs from the first, what a release is about first.
func compare(service string, before, after map[string]setting) []report.Change {
	var changes []report.Change
	for field, old := range before {
		now, there := after[field]
		switch {
		case !there:
			changes = append(changes, report.Change{Service: service, Field: field, Old: orName(old.shown)})
		case now.value != old.value:
			change := report.Change{Service: service, Field: field, Old: old.shown, New: now.shown}
			if change.Old == change.New {
				change.Note = "another value, which is hidden"
			}
			changes = append(changes, change)
		}
	}
	for field, now := range after {
		if _, there := before[field]; !there {
			changes = append(changes, report.Change{Service: service, Field: field, New: orName(now.shown)})
		}
	}
	slices.SortFunc(changes, func(a, b report.Change) int {
		if d := rank(a.Field) - rank(b.Field); d != 0 {
			return d
		}
		return strings.Compare(a.Field, b.Field)
	})
	return changes
}

// orName keeps a thing that is there, and has no value of its own, apart from one that isn't there.
func orName(shown string) string {
	if shown == "" {
		return "(there)"
	}
	return shown
}

// rank is where a field stands in a list of changes.
func rank(field string) int {
	order := []string{"environment ", "secret ", "command", "entryPoint", "cpu", "memory"}
	for i, name := range order {
		if field == name || strings.HasSuffix(name, " ") && strings.HasPrefix(field, name) {
			return i
		}
	}
	return len(order)
}
