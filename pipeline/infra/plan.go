package infra

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/hashicorp/terraform-exec/tfexec"
)

// Target is the environment that a plan is for. Every root module takes these three variables.
type Target struct {
	Name, Environment, Region string
}

// Plan saves what Terraform would change to file, and returns it as `terraform show -json` writes it. Both hold values that
// Terraform keeps from the screen: they are as secret as the state.
func (t *Terraform) Plan(ctx context.Context, target Target, file string) ([]byte, error) {
	if len(t.created) > 0 {
		return t.planAdopting(ctx, target, file)
	}
	return t.savePlan(ctx, "plan", target, file)
}

// PlanDestroy is Plan of the destruction of everything in the state.
func (t *Terraform) PlanDestroy(ctx context.Context, target Target, file string) ([]byte, error) {
	return t.savePlan(ctx, "plan -destroy", target, file, tfexec.Destroy(true))
}

func (t *Terraform) savePlan(ctx context.Context, name string, target Target, file string, more ...tfexec.PlanOption) ([]byte, error) {
	file, err := filepath.Abs(file)
	if err != nil {
		return nil, fmt.Errorf("save the plan: %w", err)
	}
	if err := t.hideVariables(variables(target.Environment)); err != nil {
		return nil, err
	}
	ctx, cancel := t.within(ctx)
	defer cancel()
	document, _, err := t.planOnce(ctx, name, target, file, more...)
	return document, err
}

// planOnce runs Terraform. Where that fails, it returns the diagnostics beside the failure that is made of them.
func (t *Terraform) planOnce(ctx context.Context, name string, target Target, file string, more ...tfexec.PlanOption) ([]byte, []diagnostic, error) {
	tf, err := t.command()
	if err != nil {
		return nil, nil, err
	}
	ui := newUI(t.say)
	_, err = tf.PlanJSON(ctx, ui, append(planOptions(target, file), more...)...)
	ui.Close()
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return nil, nil, interrupted("plan", cause)
	}
	if err != nil {
		return nil, ui.diagnostics, t.failed(name, ui.diagnostics, err)
	}
	if ui.refreshed > 0 {
		t.say(fmt.Sprintf("refreshed %d resources", ui.refreshed))
	}
	document, err := t.showPlan(ctx, file)
	if cause := context.Cause(ctx); err != nil && cause != nil {
		return nil, nil, interrupted("plan", cause)
	}
	return document, nil, err
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
