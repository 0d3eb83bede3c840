package plan

import (
	"encoding/json"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/redact"
)

// Secrets are the values in a plan that are sensitive somewhere: what Terraform marks in resources, data sources and outputs,
// the root module's sensitive variables, and credentials that a container definition holds in plain. They have to be hidden
// wherever they show up, also in what Terraform says while it applies the plan. More are added to them.
func Secrets(p *tfjson.Plan, more ...string) *redact.Values {
	s := secrets{values: more}
	if p.Config != nil && p.Config.RootModule != nil {
		for name, variable := range p.Config.RootModule.Variables {
			if variable != nil && variable.Sensitive && p.Variables[name] != nil {
				s.all(p.Variables[name].Value)
			}
		}
	}
	for _, changes := range [][]*tfjson.ResourceChange{p.ResourceChanges, p.ResourceDrift, deferred(p)} {
		for _, resource := range changes {
			s.change(resource.Change)
		}
	}
	for _, change := range p.OutputChanges {
		s.change(change)
	}
	if p.PriorState != nil && p.PriorState.Values != nil && p.PriorState.Values.RootModule != nil {
		for _, data := range p.PriorState.Values.RootModule.Resources {
			var marks any
			if json.Unmarshal(data.SensitiveValues, &marks) != nil {
				marks = true
			}
			s.marked(data.AttributeValues, marks)
		}
	}
	known := &redact.Values{}
	known.Add(s.values...)
	return known
}

func deferred(p *tfjson.Plan) []*tfjson.ResourceChange {
	var changes []*tfjson.ResourceChange
	for _, change := range p.DeferredChanges {
		changes = append(changes, change.ResourceChange)
	}
	return changes
}

type secrets struct{ values []string }

func (s *secrets) change(change *tfjson.Change) {
	if change == nil {
		return
	}
	s.marked(change.Before, change.BeforeSensitive)
	s.marked(change.After, change.AfterSensitive)
	for _, state := range []any{change.Before, change.After} {
		attributes, _ := state.(map[string]any)
		for _, name := range containerDocuments {
			if document, ok := attributes[name].(string); ok {
				s.credentials(document)
			}
		}
	}
}

// marked adds the values that the marks, which have the value's form, are true for.
func (s *secrets) marked(value, marks any) {
	switch marks := marks.(type) {
	case bool:
		if marks {
			s.all(value)
		}
	case map[string]any:
		if members, ok := value.(map[string]any); ok {
			for key, mark := range marks {
				s.marked(members[key], mark)
			}
		}
	case []any:
		if elements, ok := value.([]any); ok {
			for i, mark := range marks {
				if i < len(elements) {
					s.marked(elements[i], mark)
				}
			}
		}
	}
}

// all adds a sensitive value, and what is in it.
func (s *secrets) all(value any) {
	switch value := value.(type) {
	case string:
		s.add(value)
		// A secret is often a document, and its values are what an application shows. Of those only what looks like a
		// credential is taken: the region in a document that is sensitive as a whole would be hidden everywhere.
		if document := embedded(value); document != nil {
			s.lookalikes("", document)
		}
	case json.Number:
		s.number(value.String())
	case float64:
		s.number(number(value))
	case []any:
		for _, element := range value {
			s.all(element)
		}
	case map[string]any:
		for _, member := range value {
			s.all(member)
		}
	}
}

// number adds a number that is long enough to be told from others.
func (s *secrets) number(digits string) {
	if len(digits) >= 6 {
		s.add(digits)
	}
}

func (s *secrets) add(value string) {
	switch strings.ToLower(value) {
	case "true", "false", "null": // as secret as a bit is
	default:
		s.values = append(s.values, value)
	}
}

func (s *secrets) lookalikes(name string, value any) {
	switch value := value.(type) {
	case string:
		if redact.Value(name, value) == redact.Hidden {
			s.add(value)
		}
	case json.Number:
		if redact.Value(name, value.String()) == redact.Hidden {
			s.number(value.String())
		}
	case []any:
		for _, element := range value {
			s.lookalikes(name, element)
		}
	case map[string]any:
		for key, member := range value {
			s.lookalikes(key, member)
		}
	}
}

// containerDocuments are the attributes that hold container definitions as JSON.
//
// https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/ecs_task_definition
// https://registry.terraform.io/providers/hashicorp/aws/latest/docs/resources/batch_job_definition
var containerDocuments = []string{"container_definitions", "container_properties"}

// credentials adds the values of variables that are credentials by their names.
func (s *secrets) credentials(document string) {
	switch containers := embedded(document).(type) {
	case []any:
		for _, container := range containers {
			s.environment(container)
		}
	default:
		s.environment(containers)
	}
}

func (s *secrets) environment(container any) {
	members, _ := container.(map[string]any)
	variables, _ := members["environment"].([]any)
	for _, variable := range variables {
		pair, _ := variable.(map[string]any)
		name, _ := pair["name"].(string)
		value, _ := pair["value"].(string)
		if redact.Value(name, value) == redact.Hidden {
			s.add(value)
		}
	}
}

// embedded is the JSON document in a string, if it is an object or a list that has something in it; else nil.
func embedded(text string) any {
	trimmed := strings.TrimSpace(text)
	if len(trimmed) < len(`[1]`) || trimmed[0] != '{' && trimmed[0] != '[' {
		return nil
	}
	var document any
	decoder := json.NewDecoder(strings.NewReader(trimmed))
	decoder.UseNumber()
	if decoder.Decode(&document) != nil || decoder.More() {
		return nil
	}
	switch document := document.(type) {
	case map[string]any:
		if len(document) > 0 {
			return document
		}
	case []any:
		if len(document) > 0 {
			return document
		}
	}
	return nil
}
