package lint

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// program stands for tflint: it keeps its arguments and the configuration, and answers as the test says.
const program = `#!/bin/sh
printf '%s\n' "$*" >"$RECORD"
for argument; do case $argument in --config=*) while IFS= read -r line; do printf '%s\n' "$line"; done <"${argument#--config=}" >"$RECORD.config";; esac; done
printf '%s\n' "$ANSWER"
exit "$STATUS"
`

func fake(t *testing.T, answer, status string) (record string) {
	t.Helper()
	bin := t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "tflint"), []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	record = filepath.Join(t.TempDir(), "record")
	for name, value := range map[string]string{"PATH": bin, "RECORD": record, "ANSWER": answer, "STATUS": status, "TFLINT_PLUGIN_DIR": t.TempDir()} {
		t.Setenv(name, value)
	}
	return record
}

func content(t *testing.T, name string) string {
	t.Helper()
	bytes, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	return string(bytes)
}

func TestWithoutTFLintTheCheckIsSkipped(t *testing.T) {
	t.Setenv("PATH", t.TempDir())
	checks, err := TFLint(t.Context(), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	want := []report.Check{{Subject: "tflint", Outcome: report.Skipped, Reason: "there is no tflint on the PATH"}}
	if diff := cmp.Diff(want, checks); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
}

func TestWhatTFLintSays(t *testing.T) {
	const issue = `{"rule": {"name": "aws_db_instance_invalid_type", "severity": "error"}, "message": "\"db.t9.x\" is an invalid value", "range": {"filename": "modules/database/main.tf", "start": {"line": 78}}}`
	const notice = `{"rule": {"name": "terraform_typed_variables", "severity": "warning"}, "message": "no type", "range": {"filename": "main.tf", "start": {"line": 1}}}`
	skipped := report.Check{Subject: "tflint for AWS", Outcome: report.Skipped, Reason: "tflint-ruleset-aws is not installed, and there is no .tflint.hcl"}
	tests := map[string]struct {
		answer, status string
		want           []report.Check
	}{
		"nothing": {`{"issues": [], "errors": []}`, "0", []report.Check{{Subject: "tflint", Outcome: report.OK}, skipped}},
		"an error and a warning": {`{"issues": [` + issue + `,` + notice + `], "errors": []}`, "2", []report.Check{
			{Subject: "tflint", Outcome: report.Warned, Reason: "main.tf:1: no type (terraform_typed_variables)"},
			{Subject: "tflint", Outcome: report.Refused, Reason: `modules/database/main.tf:78: "db.t9.x" is an invalid value (aws_db_instance_invalid_type)`},
			skipped,
		}},
		"that it could not look": {`{"issues": [], "errors": [{"message": "Failed to run in .; exit status 1\n\nno config\n", "severity": "error"}]}`, "1", []report.Check{
			{Subject: "tflint", Outcome: report.Refused, Reason: "Failed to run in .; exit status 1 no config"}, skipped,
		}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			record := fake(t, test.answer, test.status)
			checks, err := TFLint(t.Context(), t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(test.want, checks); diff != "" {
				t.Errorf("checks (-want +got):\n%s", diff)
			}
			if got := content(t, record); got != "--recursive --format=json --no-color\n" {
				t.Errorf("arguments %q", got)
			}
		})
	}
}

func TestTFLintThatSaysNothingThatCanBeRead(t *testing.T) {
	fake(t, "panic: no", "2")
	_, err := TFLint(t.Context(), t.TempDir())
	if failure, ok := errors.AsType[*report.Failure](err); !ok || failure.Reason != "tflint didn't say what it found" {
		t.Errorf("error %v", err)
	}
}

func TestTheRulesForAWS(t *testing.T) {
	t.Run("are turned on where they are installed", func(t *testing.T) {
		record := fake(t, `{"issues": [], "errors": []}`, "0")
		if err := os.WriteFile(filepath.Join(os.Getenv("TFLINT_PLUGIN_DIR"), awsRules), nil, 0o755); err != nil {
			t.Fatal(err)
		}
		checks, err := TFLint(t.Context(), t.TempDir())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]report.Check{{Subject: "tflint", Outcome: report.OK}}, checks); diff != "" {
			t.Errorf("checks (-want +got):\n%s", diff)
		}
		if got := content(t, record+".config"); got != ownRules {
			t.Errorf("configuration:\n%s", got)
		}
	})
	t.Run("are the project's own choice where it has a configuration", func(t *testing.T) {
		record := fake(t, `{"issues": [], "errors": []}`, "0")
		dir := write(t, map[string]string{".tflint.hcl": "# ours\n"})
		checks, err := TFLint(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]report.Check{{Subject: "tflint", Outcome: report.OK}}, checks); diff != "" {
			t.Errorf("checks (-want +got):\n%s", diff)
		}
		if got := content(t, record+".config"); got != "# ours\n" {
			t.Errorf("configuration:\n%s", got)
		}
	})
}

func TestTheRealTFLint(t *testing.T) {
	if _, err := exec.LookPath("tflint"); err != nil {
		t.Skip("SKIPPED: tflint is not on PATH, so that its real output was not read")
	}
	dir := write(t, map[string]string{"versions.tf": pinned, "modules/a/main.tf": "variable \"spare\" {\n  type = string\n}\n"})
	checks, err := TFLint(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	found := ""
	for _, c := range checks {
		found += string(c.Outcome) + " " + c.Reason + "\n"
	}
	if want := "WARN modules/a/main.tf:1: variable \"spare\" is declared but not used (terraform_unused_declarations)\n"; !strings.Contains(found, want) {
		t.Errorf("found\n%swant\n%s", found, want)
	}
}
