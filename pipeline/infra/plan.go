package infra

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/hashicorp/terraform-exec/tfexec"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// Target is the environment that a plan is for. Every root module takes these three variables.
type Target struct {
	Name, Environment, Region string
}

// Plan saves what Terraform would change to file, and returns it as `terraform show -json` writes it. Both hold values that
// Terraform keeps from the screen: they are as secret as the state.
func (t *Terraform) Plan(ctx context.Context, target Target, file string) ([]byte, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return nil, fmt.Errorf("save the plan: %w", err)
	}
	tf, err := t.command()
	if err != nil {
		return nil, err
	}
	ctx, cancel := t.within(ctx)
	defer cancel()
	ui := newUI(t.say)
	_, err = tf.PlanJSON(ctx, ui, planOptions(target, file)...)
	ui.Close()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return nil, interrupted("plan", cause)
	}
	if err != nil {
		return nil, t.failed("plan", ui.diagnostics, err)
	}
	if ui.refreshed > 0 {
		t.say(fmt.Sprintf("refreshed %d resources", ui.refreshed))
	}
	return t.showPlan(ctx, file)
}

func planOptions(target Target, file string) []tfexec.PlanOption {
	return []tfexec.PlanOption{
		tfexec.Out(file),
		tfexec.Lock(false), // the lease's holder has it
		tfexec.VarFile(variables(target.Environment)),
		// Behind the file: nobody names an environment in it by mistake.
		tfexec.Var("name=" + target.Name),
		tfexec.Var("environment=" + target.Environment),
		tfexec.Var("region=" + target.Region),
	}
}

// showPlan returns a saved plan as JSON. The program is called directly: terraform-exec hands out only what it has decoded,
// and the document is kept as Terraform wrote it.
func (t *Terraform) showPlan(ctx context.Context, file string) ([]byte, error) {
	command := exec.CommandContext(ctx, t.program, "show", "-json", "-no-color", file)
	var out, errs bytes.Buffer
	command.Dir, command.Stdout, command.Stderr = t.dir, &out, &errs
	if err := command.Run(); err != nil {
		if said := bytes.TrimSpace(errs.Bytes()); len(said) > 0 {
			err = fmt.Errorf("%w: %s", err, said)
		}
		return nil, t.failed("show", nil, err)
	}
	return out.Bytes(), nil
}

// ReadPlan reads a plan that `terraform show -json` wrote.
func ReadPlan(document []byte) (*tfjson.Plan, error) {
	var plan tfjson.Plan
	if err := json.Unmarshal(document, &plan); err != nil {
		return nil, fmt.Errorf("read the plan: %w", err)
	}
	return &plan, nil
}

// Summary counts and lists what a plan changes. It holds addresses and actions, and no value.
func Summary(plan *tfjson.Plan) report.Plan {
	var s report.Plan
	var rows []string
	for _, change := range plan.ResourceChanges {
		if change.Mode == tfjson.DataResourceMode || change.Change == nil {
			continue
		}
		action := change.Change.Actions
		label := ""
		switch {
		case action.Replace():
			s.Add++
			s.Destroy++
			label = "replace"
		case action.Create():
			s.Add++
			label = "create"
		case action.Delete():
			s.Destroy++
			label = "destroy"
		case action.Update():
			s.Change++
			label = "update"
		default:
			continue
		}
		because := ""
		if paths := forcing(change.Change.ReplacePaths); len(paths) > 0 {
			because = "because of " + strings.Join(paths, ", ")
		}
		rows = append(rows, fmt.Sprintf("| %s | `%s` | %s |", label, change.Address, because))
	}
	var b strings.Builder
	fmt.Fprintf(&b, "Plan: %s.\n", s.Counts())
	if len(rows) > 0 {
		fmt.Fprintf(&b, "\n| action | resource | |\n| --- | --- | --- |\n%s\n", strings.Join(rows, "\n"))
	}
	s.Markdown = b.String()
	return s
}

// forcing names the attributes that force a replacement: "engine_version", "root_block_device.0.volume_size".
func forcing(paths []any) []string {
	var names []string
	for _, path := range paths {
		steps, ok := path.([]any)
		if !ok {
			continue
		}
		var parts []string
		for _, step := range steps {
			parts = append(parts, fmt.Sprint(step))
		}
		names = append(names, "`"+strings.Join(parts, ".")+"`")
	}
	return names
}
