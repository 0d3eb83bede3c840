//go:build rehearsal

package rehearsal

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/cost"
)

// docs/cost.md is checked against plans that are kept. These are still the ones that Terraform makes of the environments.
func TestTheKeptPlansOfOurEnvironmentsCostWhatNewOnesDo(t *testing.T) {
	besideOthers(t)
	dir := t.TempDir()
	if err := copyTree(filepath.Join("..", "..", "terraform"), dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "backend_override.tf"), []byte("terraform {\n  backend \"local\" {}\n}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	terraform := func(args ...string) []byte {
		command := exec.CommandContext(t.Context(), "terraform", args...)
		command.Dir, command.Env = dir, environ(shared.variables(), nil)
		output, err := command.Output()
		if err != nil {
			t.Fatalf("terraform %s: %v\n%s", args[0], err, output)
		}
		return output
	}
	estimate := func(document []byte) any {
		var plan tfjson.Plan
		if err := json.Unmarshal(document, &plan); err != nil {
			t.Fatal(err)
		}
		return must(cost.Of(&plan, ""))(t)
	}
	terraform("init", "-input=false")
	for _, environment := range []string{"dev", "prod"} {
		terraform("plan", "-input=false", "-out=saved", "-var-file=environments/"+environment+".tfvars",
			"-var=name="+name, "-var=environment="+environment, "-var=region="+region)
		kept := must(os.ReadFile(filepath.Join("..", "cost", "testdata", environment+".json")))(t)
		if diff := cmp.Diff(estimate(kept), estimate(terraform("show", "-json", "saved"))); diff != "" {
			t.Errorf("%s: make pipeline/cost/testdata anew (-kept +now):\n%s", environment, diff)
		}
	}
}
