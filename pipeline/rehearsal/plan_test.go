//go:build rehearsal

package rehearsal

import (
	"encoding/json"
	"os"
	"os/exec"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/backend"
)

func TestAfterApplyTheNextPlanChangesNothing(t *testing.T) {
	environmentOf(t)
	file := shared.file("plan", ".json")
	ended := must(shared.slipway(t.Context(), "plan", "--infrastructure", shared.terraform, "--out", shared.file("plan", ".tfplan"), "--json", file))(t)
	if ended.status != 0 {
		t.Fatalf("plan ended with %d:\n%s", ended.status, ended.output)
	}
	var plan tfjson.Plan
	if err := json.Unmarshal(must(os.ReadFile(file))(t), &plan); err != nil {
		t.Fatal(err)
	}
	unchanged := 0
	for _, resource := range plan.ResourceChanges {
		switch actions := resource.Change.Actions; {
		case resource.Mode == tfjson.DataResourceMode:
		case actions.NoOp():
			unchanged++
		default:
			t.Errorf("%s: %v (-is +will be):\n%s", resource.Address, actions, cmp.Diff(resource.Change.Before, resource.Change.After))
		}
	}
	if unchanged < 30 {
		t.Errorf("only %d resources are unchanged: this is not the environment's plan", unchanged)
	}
	for name, output := range plan.OutputChanges {
		if !output.Actions.NoOp() {
			t.Errorf("output %s: %v", name, output.Actions)
		}
	}
}

// BenchmarkPlan compares slipway plan with the Terraform commands that it stands for, in turns, because the machine's load
// changes. It wants the environment, and so takes as long as a deployment before it begins:
//
//	go test -tags rehearsal -run '^$' -bench Plan -benchtime 5x ./pipeline/rehearsal
func BenchmarkPlan(b *testing.B) {
	environmentOf(b)
	var ours, bare []time.Duration
	for b.Loop() {
		started := time.Now()
		ended := must(shared.slipway(b.Context(), "plan", "--infrastructure", shared.terraform,
			"--out", shared.file("plan", ".tfplan"), "--json", shared.file("plan", ".json")))(b)
		ours = append(ours, time.Since(started))
		if ended.status != 0 {
			b.Fatalf("plan ended with %d:\n%s", ended.status, ended.output)
		}
		started = time.Now()
		barePlan(b)
		bare = append(bare, time.Since(started))
	}
	ratio := median(ours).Seconds() / median(bare).Seconds()
	b.ReportMetric(median(ours).Seconds(), "s/slipway")
	b.ReportMetric(median(bare).Seconds(), "s/terraform")
	b.ReportMetric(ratio, "ratio")
}

// barePlan is what slipway plan does, by hand.
func barePlan(b *testing.B) {
	b.Helper()
	file := shared.file("plan", ".tfplan")
	variables := environ(shared.variables(), nil)
	for _, args := range [][]string{
		{"init", "-input=false", "-reconfigure", "-backend-config=bucket=" + bucket, "-backend-config=key=" + backend.Key(name, environment),
			"-backend-config=region=" + region, "-backend-config=use_lockfile=true", "-backend-config=encrypt=true", "-backend-config=use_path_style=true"},
		{"plan", "-input=false", "-out=" + file, "-var-file=environments/" + environment + ".tfvars",
			"-var=name=" + name, "-var=environment=" + environment, "-var=region=" + region},
		{"show", "-json", file},
	} {
		command := exec.CommandContext(b.Context(), "terraform", args...)
		command.Dir, command.Env = shared.terraform, variables
		if output, err := command.CombinedOutput(); err != nil {
			b.Fatalf("terraform %s: %v\n%s", args[0], err, output)
		}
	}
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}
