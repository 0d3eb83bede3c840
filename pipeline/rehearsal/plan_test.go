//go:build rehearsal

package rehearsal

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
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
	ended := must(shared.slipway(t.Context(), "plan", "--infrastructure", shared.terraform, "--out", shared.file("plan", ".plan"), "--json", file))(t)
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

// A plan may travel, and what it was made for may be another by the time it arrives.
func TestAPlanIsAppliedOnlyToWhatItWasMadeFor(t *testing.T) {
	environmentOf(t)
	output := filepath.Join(shared.terraform, "rehearsal_output.tf")
	planned, other := commit("planned "+shared.id), commit("other "+shared.id)
	run := func(command string, more ...string) ran {
		t.Helper()
		return must(shared.slipway(t.Context(), append([]string{command, "--infrastructure", shared.terraform, "--commit", planned}, more...)...))(t)
	}
	plan := func() string {
		t.Helper()
		file := shared.file("plan", ".plan")
		if ended := run("plan", "--out", file); ended.status != 0 {
			t.Fatalf("plan ended with %d:\n%s", ended.status, ended.output)
		}
		return file
	}
	file := plan()
	tests := map[string]struct {
		args  []string
		files map[string]string
		spoil func([]byte) []byte
		want  []string
	}{
		"another commit": {args: []string{"--commit", other},
			want: []string{"the plan is of commit " + planned + ", and this is " + other}},
		"another environment": {args: []string{"--environment", "dev"},
			want: []string{"the plan is of environment blog-rehearsal, and this is blog-dev"}},
		"other Terraform files": {files: map[string]string{output: "output \"rehearsal\" {\n  value = 1\n}\n"},
			want: []string{"the Terraform files are not those that were planned, though the commit is the same"}},
		"changed content": {spoil: func(content []byte) []byte {
			content[len(content)/2] ^= 1
			return content
		}, want: []string{"something in it was changed"}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			for name, content := range test.files {
				write(t, name, content)
			}
			given := file
			if test.spoil != nil {
				given = shared.file("spoilt", ".bin")
				if err := os.WriteFile(given, test.spoil(must(os.ReadFile(file))(t)), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			mark := shared.record.now(t)
			ended := run("apply", append([]string{"--plan", given}, test.args...)...)
			if ended.status != 1 {
				t.Errorf("exit status %d", ended.status)
			}
			holds(t, ended.output, append(test.want, "apply failed at guard", "nothing was changed")...)
			if changes := changing(shared.record.since(t, mark)); len(changes) > 0 {
				t.Errorf("something was changed: %q", changes)
			}
		})
	}

	// The state moves with any apply: here an output comes, and goes again.
	if err := os.WriteFile(output, []byte("output \"rehearsal\" {\n  value = 1\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(output) })
	if ended := run("apply", "--plan", plan()); ended.status != 0 {
		t.Fatalf("apply ended with %d:\n%s", ended.status, ended.output)
	}
	if err := os.Remove(output); err != nil {
		t.Fatal(err)
	}
	ended := run("apply", "--plan", file)
	if ended.status != 1 {
		t.Errorf("a plan of a state that has moved: exit status %d", ended.status)
	}
	holds(t, ended.output, "the state has moved: the plan is of serial ", "plan anew")
	if ended := run("apply", "--plan", plan()); ended.status != 0 {
		t.Fatalf("apply ended with %d:\n%s", ended.status, ended.output)
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
			"--out", shared.file("plan", ".plan"), "--json", shared.file("plan", ".json")))(b)
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
			"-backend-config=region=" + region, "-backend-config=use_lockfile=true", "-backend-config=use_path_style=true"},
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
