package plan_test

import (
	"bytes"
	"errors"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/plan"
	"github.com/slipway-ci/slipway/pipeline/report"
)

var update = flag.Bool("update", false, "write the golden files anew")

func saved(t testing.TB, name string) *tfjson.Plan {
	t.Helper()
	return readFrom(t, filepath.Join("testdata/cases", name, "plan.json"))
}

func readFrom(t testing.TB, file string) *tfjson.Plan {
	t.Helper()
	document, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer document.Close()
	p, err := plan.Read(document)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func summarize(p *tfjson.Plan, hidden ...string) *plan.Summary {
	return plan.Summarize(p, plan.Secrets(p, hidden...))
}

// golden is both ways in which a plan is shown: for a job summary, and for a terminal.
func TestGolden(t *testing.T) {
	cases, err := filepath.Glob("testdata/cases/*") // each has a plan.json, or fails
	if err != nil || len(cases) < 60 {
		t.Fatalf("%d cases, %v", len(cases), err)
	}
	for _, directory := range cases {
		t.Run(filepath.Base(directory), func(t *testing.T) {
			if filepath.Base(directory) == "errored" {
				t.Skip("no plan to show: see TestBadInput")
			}
			s := summarize(saved(t, filepath.Base(directory)))
			for file, got := range map[string]string{
				"plan.md": s.Markdown(plan.SummaryLimit), "plan.txt": s.Text(plan.SummaryLimit),
			} {
				golden := filepath.Join(directory, file)
				if *update {
					if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
						t.Fatal(err)
					}
				}
				want, err := os.ReadFile(golden)
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(string(want), got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", file, diff)
				}
			}
			// The same plan reads the same, whatever the order of a map.
			if again := summarize(saved(t, filepath.Base(directory))).Markdown(plan.SummaryLimit); again != s.Markdown(plan.SummaryLimit) {
				t.Error("a second rendering differs")
			}
		})
	}
}

func failure(t *testing.T, err error) report.Failure {
	t.Helper()
	f, ok := errors.AsType[*report.Failure](err)
	if !ok {
		t.Fatalf("error %v, want a failure", err)
	}
	return *f
}

func TestBadInput(t *testing.T) {
	errored, err := os.ReadFile("testdata/cases/errored/plan.json")
	if err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile("testdata/cases/rds-replace/plan.json")
	if err != nil {
		t.Fatal(err)
	}
	const asItIs = "give the output of terraform show -json as it is"
	const show = "give the output of: terraform show -json PLANFILE"
	tests := map[string]struct{ document, reason, next string }{
		"nothing at all":       {"", "the plan is empty", show},
		"the saved plan":       {"PK\x03\x04 and more", "this is a saved plan, and its JSON is wanted", show},
		"an encrypted plan":    {"age-encryption.org/v1\n-> X25519", "this is an encrypted plan file, and the plan's JSON is wanted", show},
		"text":                 {"Terraform will perform", "the plan is not JSON, at byte 0: invalid character 'T' looking for beginning of value", show},
		"a list":               {`[1]`, "this is no plan: the JSON is no object", show},
		"some other object":    {`{"a": 1}`, "this is no plan of Terraform: the JSON holds neither resource_changes nor planned_values", show},
		"the JSON of a state":  {`{"format_version": "1.0", "terraform_version": "1.11.4", "values": {}}`, "this is the JSON of a state, and that of a plan is wanted", "name the plan: terraform show -json PLANFILE"},
		"a state file":         {`{"version": 4, "terraform_version": "1.11.4", "serial": 1, "lineage": "x"}`, "this is a state file, and a plan is wanted", show},
		"a newer format":       {`{"format_version": "2.0", "terraform_version": "2.1.0", "resource_changes": []}`, "the plan has format version 2.0; versions 1.x are understood", "plan with a Terraform that writes format 1.x, such as 1.11, or use a newer Slipway"},
		"a newer format, said": {`{"terraform_version": "2.1.0", "format_version": "2.0"}`, "the plan has format version 2.0, of Terraform 2.1.0; versions 1.x are understood", "plan with a Terraform that writes format 1.x, such as 1.11, or use a newer Slipway"},
		"an older format":      {`{"format_version": "0.2", "resource_changes": []}`, "the plan has format version 0.2; versions 1.x are understood", "plan with Terraform 1.1 or later"},
		"no format":            {`{"resource_changes": []}`, "the plan has no format_version", show},
		"a format that isn't":  {`{"format_version": "one"}`, "the plan has the format version one, which is none", asItIs},
		"a member twice":       {`{"format_version": "1.2", "resource_changes": [], "resource_changes": []}`, "the plan holds resource_changes twice", asItIs},
		"more behind it":       {`{"format_version": "1.2", "resource_changes": []} {}`, "something follows the plan's JSON", asItIs},
		"a null for a change":  {`{"format_version": "1.2", "resource_changes": [null]}`, "this is no plan of Terraform: resource_changes[0] has no change", asItIs},
		"no list of changes":   {`{"format_version": "1.2", "resource_changes": {}}`, "this is no plan of Terraform: resource_changes is no list", asItIs},
		"a wrong type":         {`{"format_version": "1.2", "resource_changes": [{"address": 4}]}`, "this is no plan of Terraform: resource_changes[0], address is a number", asItIs},
		"a run that failed": {string(errored), "the plan is of a run that failed: Terraform saved only what it had planned by then",
			"mend what the run failed of, and plan again"},
		"cut off": {`{"format_version": "1.2", "resource_changes": [{"address": "a`, "the plan is truncated: it ends after 47 bytes, in resource_changes[0]",
			"make the JSON again, and keep all of it"},
		"brackets without end": {`{"format_version": "1.2", "resource_changes": [{"change": {"before": ` + strings.Repeat("[", 20_000), "the plan is not JSON, at byte 47, in resource_changes[0]: invalid character '[' exceeded max depth", show},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			_, err := plan.Read(strings.NewReader(test.document))
			want := report.Failure{Reason: test.reason, Effect: "nothing was changed", Next: test.next}
			if diff := cmp.Diff(want, failure(t, err), cmp.AllowUnexported(report.Failure{})); diff != "" {
				t.Errorf("failure (-want +got):\n%s", diff)
			}
		})
	}
	t.Run("cut off anywhere", func(t *testing.T) {
		for length := 1; length < len(bytes.TrimSpace(whole)); length += 97 {
			_, err := plan.Read(bytes.NewReader(whole[:length]))
			if f := failure(t, err); !strings.HasPrefix(f.Reason, "the plan is truncated: ") {
				t.Fatalf("after %d bytes: %s", length, f.Reason)
			}
		}
	})
}
