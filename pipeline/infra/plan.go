package infra

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"path/filepath"

	"github.com/hashicorp/terraform-exec/tfexec"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// Target is the environment that a plan is for. Every root module takes these three variables.
type Target struct {
	Name, Environment, Region string
}

// LockTimeout is how long a plan or an apply waits for another one's lock on the state.
const LockTimeout = "60s"

// Plan saves what Terraform would change to file, and returns it as `terraform show -json` writes it. Both hold values that
// Terraform keeps from the screen: they are as secret as the state.
func (t *Terraform) Plan(ctx context.Context, target Target, file string) ([]byte, error) {
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
	tf, err := t.command()
	if err != nil {
		return nil, err
	}
	ui := newUI(t.say)
	_, err = tf.PlanJSON(ctx, ui, append(planOptions(target, file), more...)...)
	ui.Close()
	if err != nil {
		return nil, t.failed(name, ui.diagnostics, err)
	}
	if ui.refreshed > 0 {
		t.say(fmt.Sprintf("refreshed %d resources", ui.refreshed))
	}
	return t.showPlan(ctx, file)
}

func planOptions(target Target, file string) []tfexec.PlanOption {
	return []tfexec.PlanOption{
		tfexec.Out(file),
		tfexec.LockTimeout(LockTimeout),
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

// Apply applies exactly the saved plan.
func (t *Terraform) Apply(ctx context.Context, file string) error {
	file, err := filepath.Abs(file)
	if err != nil {
		return fmt.Errorf("apply the plan: %w", err)
	}
	tf, err := t.command()
	if err != nil {
		return err
	}
	ui := newUI(t.say)
	err = tf.ApplyJSON(ctx, ui, tfexec.DirOrPlan(file), tfexec.LockTimeout(LockTimeout))
	ui.Close()
	if err != nil {
		err := t.failed("apply", ui.diagnostics, err)
		f := report.AsFailure(err)
		f.Effect = "what is shown above as created, updated or destroyed was; the state has it, and the next plan goes on from there"
		f.Next = "mend the cause and run the same command again"
		return f
	}
	return nil
}
