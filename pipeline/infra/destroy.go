package infra

import (
	"context"
	"encoding/json"
	"fmt"
)

// StateResource is one managed resource as the state has it.
type StateResource struct {
	Address, Type string
	Attributes    map[string]any
}

// State lists the managed resources in the state, as it lies in its bucket: nothing is refreshed.
func (t *Terraform) State(ctx context.Context) ([]StateResource, error) {
	tf, err := t.command()
	if err != nil {
		return nil, err
	}
	document, err := tf.StatePull(ctx)
	if err != nil {
		return nil, t.failed("state pull", nil, err)
	}
	return readState([]byte(document))
}

// readState reads the form that `terraform state pull` writes, version 4, which is smaller and quicker to have than what
// `terraform show -json` makes of it with every provider's schema.
func readState(document []byte) ([]StateResource, error) {
	if len(document) == 0 {
		return nil, nil // there is no state yet
	}
	var state struct {
		Version   int `json:"version"`
		Resources []struct {
			Module, Mode, Type, Name string
			Instances                []struct {
				Key        any            `json:"index_key"`
				Deposed    string         `json:"deposed"`
				Attributes map[string]any `json:"attributes"`
			}
		}
	}
	if err := json.Unmarshal(document, &state); err != nil {
		return nil, fmt.Errorf("read the state: %w", err)
	}
	if state.Version != 4 {
		return nil, fmt.Errorf("read the state: its format is version %d, and this program knows version 4", state.Version)
	}
	var resources []StateResource
	for _, resource := range state.Resources {
		if resource.Mode != "managed" {
			continue
		}
		for _, instance := range resource.Instances {
			address := resource.Type + "." + resource.Name
			if resource.Module != "" {
				address = resource.Module + "." + address
			}
			switch key := instance.Key.(type) {
			case string:
				quoted, err := json.Marshal(key)
				if err != nil {
					return nil, fmt.Errorf("read the state: %w", err)
				}
				address += "[" + string(quoted) + "]"
			case float64:
				address += fmt.Sprintf("[%d]", int(key))
			}
			if instance.Deposed != "" {
				address += " (deposed " + instance.Deposed + ")"
			}
			resources = append(resources, StateResource{Address: address, Type: resource.Type, Attributes: instance.Attributes})
		}
	}
	return resources, nil
}
