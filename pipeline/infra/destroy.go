package infra

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"path/filepath"

	"github.com/hashicorp/terraform-exec/tfexec"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/plan"
)

// PlanDestroy saves a plan that destroys everything in the state to file, and returns it.
func (t *Terraform) PlanDestroy(ctx context.Context, target Target, file string) (*tfjson.Plan, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return nil, fmt.Errorf("save the plan: %w", err)
	}
	tf, err := t.command()
	if err != nil {
		return nil, err
	}
	ui := newUI(t.say)
	_, err = tf.PlanJSON(ctx, ui, append(planOptions(target, file), tfexec.Destroy(true))...)
	ui.Close()
	if err != nil {
		return nil, t.failed("plan -destroy", ui.diagnostics, err)
	}
	document, err := t.showPlan(ctx, file)
	if err != nil {
		return nil, err
	}
	return plan.Read(bytes.NewReader(document))
}

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
