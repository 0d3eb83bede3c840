package infra

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-ci/slipway/pipeline/redact"
	"github.com/slipway-ci/slipway/pipeline/report"
)

func TestNothingSensitiveIsSaid(t *testing.T) {
	dir := t.TempDir()
	for file, content := range map[string]string{
		"main.tf": `
variable "password" {
  type      = string
  sensitive = true
}
variable "tokens" {
  type      = map(string)
  sensitive = true
  default   = { a = "canary-of-the-default" }
}
variable "given" {
  sensitive = true
}
variable "open" {
  default = "may-be-seen"
}
`,
		"broken.tf":               `variable "x" {`,
		"environments/dev.tfvars": `given = ["canary-of-the-file"]`,
	} {
		path := filepath.Join(dir, file)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	t.Setenv("TF_VAR_password", "canary-of-the-environment")
	t.Setenv("PATH", dir)
	if err := os.WriteFile(filepath.Join(dir, "terraform"), nil, 0o755); err != nil {
		t.Fatal(err)
	}
	var said []string
	tf, err := New(dir, func(line string) { said = append(said, line) })
	if err != nil {
		t.Fatal(err)
	}
	if err := tf.hideVariables(variables("dev")); err != nil {
		t.Fatal(err)
	}
	given := &redact.Values{}
	given.Add("canary-of-the-option")
	tf.Hide(given)
	all := "canary-of-the-default canary-of-the-file canary-of-the-environment canary-of-the-option may-be-seen"
	tf.say(all)
	failed := tf.failed("plan", []diagnostic{{Severity: "error", Summary: all, Detail: all, Snippet: &snippet{Code: all}}}, errors.New(all))
	f := report.AsFailure(failed)
	other := report.AsFailure(tf.failed("plan", nil, errors.New(all)))
	for _, text := range append(said, f.Reason, strings.Join(f.Evidence, "\n"), other.Cause) {
		if strings.Contains(text, "canary") || !strings.Contains(text, "may-be-seen") {
			t.Errorf("said: %s", text)
		}
	}
}
