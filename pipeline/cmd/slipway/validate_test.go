package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// configuration writes a root module that needs no provider.
func configuration(t *testing.T, more string) string {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skip("SKIPPED: terraform is not on PATH, so that nothing was validated")
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte("terraform {\n  required_version = \">= 1.11\"\n}\n\n"+more), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}

func TestValidate(t *testing.T) {
	tests := map[string]struct {
		more string
		want int
		last string // of what is printed
		rows []string
	}{
		"nothing to find": {"variable \"name\" {\n  type = string\n}\n", 0, "validate succeeded", nil},
		"something to look at stops nothing": {"variable \"spare\" {\n  type = string\n}\n", 0, "validate succeeded",
			[]string{"! WARN     unused-variable  main.tf:5: nothing uses the variable spare\n"}},
		"something that must not stay": {"locals {\n  image    = \"nginx:latest\"\n  password = \"canary-value\"\n}\n", 1,
			"  next: mend them, or accept one with a comment on the line before: # slipway:ignore RULE why",
			[]string{
				"✗ FAILED   latest-image  main.tf:6: the image nginx:latest has the tag latest",
				"validate failed: the Terraform has 2 findings that must not stay\n",
				"    main.tf:7: password is given here as text: it belongs into Secrets Manager (plain-secret)\n",
			}},
		"something that is accepted": {"locals {\n  # slipway:ignore latest-image the newest is wanted here\n  image = \"nginx:latest\"\n}\n", 0, "validate succeeded", nil},
		"what Terraform refuses comes first": {"output \"x\" {\n  value = var.password\n}\nlocals {\n  image = \"nginx\"\n}\n", 1, "",
			[]string{"validate failed: terraform validate: Reference to undeclared input variable at main.tf:6\n"}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			bare(t)
			dir := configuration(t, test.more)
			terraform, err := exec.LookPath("terraform")
			if err != nil {
				t.Fatal(err)
			}
			t.Setenv("PATH", filepath.Dir(terraform)+":/usr/bin:/bin") // without tflint, on most machines
			status, _, progress := slipway(t, "validate", "--infrastructure", dir)
			if status != test.want {
				t.Errorf("exit status %d, want %d", status, test.want)
			}
			if !strings.HasSuffix(strings.TrimRight(progress, "\n"), test.last) {
				t.Errorf("printed\n%s\nwant at its end %q", progress, test.last)
			}
			for _, row := range test.rows {
				if !strings.Contains(progress, row) {
					t.Errorf("printed\n%s\nwant %q in it", progress, row)
				}
			}
			if strings.Contains(progress, "canary-value") {
				t.Errorf("a secret is printed:\n%s", progress)
			}
		})
	}
}

func TestTheTableOfValidateIsInItsResult(t *testing.T) {
	bare(t)
	dir, result := configuration(t, ""), filepath.Join(t.TempDir(), "result.json")
	if status, _, progress := slipway(t, "validate", "--infrastructure", dir, "--result", result); status != 0 {
		t.Fatalf("exit status %d:\n%s", status, progress)
	}
	rows := map[string]report.CheckOutcome{}
	for _, check := range readResult(t, result).Checks {
		rows[check.Subject] = check.Outcome
	}
	for _, subject := range []string{"unpinned-provider", "required-version", "latest-image", "plain-secret", "literal-credential", "unused-variable", "account-id", "region"} {
		if rows[subject] != report.OK {
			t.Errorf("%s is %q, want OK", subject, rows[subject])
		}
	}
	if rows["tflint"] == "" {
		t.Error("tflint isn't mentioned")
	}
}
