package guard

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ci/slipway/pipeline/plan"
	"github.com/slipway-ci/slipway/pipeline/report"
)

var write = flag.Bool("update", false, "write what the guard finds in the plans of package plan's tests")

// Plans that Terraform made: what the guard finds in each, and how it refuses it.
func TestPlansOfTerraform(t *testing.T) {
	files, err := filepath.Glob("../plan/testdata/cases/*/plan.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("no plans: %v", err)
	}
	for _, file := range files {
		name := filepath.Base(filepath.Dir(file))
		t.Run(name, func(t *testing.T) {
			got := judgement(t, file)
			golden := filepath.Join("testdata", name+".txt")
			if *write {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("judgement (-want +got):\n%s", diff)
			}
		})
	}
}

// judgement is all that the guard says of a plan, and that all of it passes when it is named.
func judgement(t *testing.T, file string) string {
	t.Helper()
	opened, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer opened.Close()
	p, err := plan.Read(opened)
	if err != nil {
		return "not a plan: " + err.Error() + "\n"
	}
	findings := Check(p)
	if len(findings) == 0 {
		return "nothing found\n"
	}
	var b strings.Builder
	b.WriteString(strings.Join(told(findings), "\n") + "\n")
	if err := Refuse(findings, nil); err != nil {
		b.WriteString("\n" + report.AsFailure(err).Text("apply"))
		if err := Refuse(findings, Addresses(findings)); err != nil && !strings.Contains(b.String(), "[running task definition]") {
			t.Errorf("all is named, and yet: %v", err)
		}
	}
	return b.String()
}
