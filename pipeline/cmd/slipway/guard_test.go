package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// somebodysPlan destroys a bucket, and changes what a service runs.
const somebodysPlan = `{"format_version": "1.2", "terraform_version": "1.11.4", "resource_changes": [
	{"address": "aws_s3_bucket.this[\"a,b\"]", "mode": "managed", "type": "aws_s3_bucket", "name": "this", "index": "a,b",
		"change": {"actions": ["delete"], "before": {"id": "x"}, "after": null}, "action_reason": "delete_because_each_key"},
	{"address": "aws_ecs_service.this", "mode": "managed", "type": "aws_ecs_service", "name": "this",
		"change": {"actions": ["update"], "before": {"task_definition": "blog:1"}, "after": {"task_definition": "blog:2"}}}]}`

const (
	lostBucket = `destroy: a bucket: its objects go, and its name is free for anybody; its key "a,b" is no longer in for_each`
	anotherRun = `update: the service would run what Terraform says, and not what was deployed (task_definition: "blog:1" → "blog:2")`
)

func TestGuardRefusesAPlan(t *testing.T) {
	bare(t)
	dir := t.TempDir()
	file, result := filepath.Join(dir, "plan.json"), filepath.Join(dir, "result.json")
	if err := os.WriteFile(file, []byte(somebodysPlan), 0o600); err != nil {
		t.Fatal(err)
	}
	status, out, progress := slipway(t, "guard", "--plan", file, "--result", result)
	if status != 1 || out != "" {
		t.Errorf("exit status %d, output %q", status, out)
	}
	want := `– noted    aws_ecs_service.this
    ` + anotherRun + `
guard failed: the guard refuses the plan: it destroys or replaces 1 resource that holds data
    aws_s3_bucket.this["a,b"]: ` + lostBucket + `
  nothing was applied
  next: if that is meant, name each one: --allow-destroy 'aws_s3_bucket.this["a,b"]'
`
	if !strings.HasSuffix(progress, want) {
		t.Errorf("progress:\n%s\nwant at its end:\n%s", progress, want)
	}
	got := readResult(t, result)
	if got.Outcome != report.Failed || got.Plan == nil || len(got.Plan.Findings) != 2 || !cmp.Equal(got.Plan.Guarded, []string{`aws_s3_bucket.this["a,b"]`}) {
		t.Errorf("result %+v", got)
	}
	status, markdown, _ := slipway(t, "report", result, "--format", "markdown")
	if row := "| ✗ stops | `aws_s3_bucket.this[\"a,b\"]` | destroy | "; status != 0 || !strings.Contains(markdown, row) {
		t.Errorf("Markdown without %q:\n%s", row, markdown)
	}
}

func TestGuardLetsAPlanPass(t *testing.T) {
	tests := map[string]struct {
		plan string
		args []string
		want string // at the end of what is printed, less the step's line
	}{
		"what it loses is named": {somebodysPlan, []string{"--allow-destroy", `aws_s3_bucket.this["a,b"]`}, `
✓ allowed  aws_s3_bucket.this["a,b"]
    ` + lostBucket + `
– noted    aws_ecs_service.this
    ` + anotherRun + `
guard succeeded: 0 to add, 1 to change, 1 to destroy
`},
		"a name allows nothing": {`{"format_version": "1.2", "resource_changes": []}`, []string{"--allow-destroy=aws_s3_bucket.this"}, `
--allow-destroy aws_s3_bucket.this allows nothing: the guard stops at no such address; leave it out, or correct it
guard succeeded: 0 to add, 0 to change, 0 to destroy
`},
		"nothing changes": {`{"format_version": "1.2", "planned_values": {"root_module": {}}}`, nil, `
guard succeeded: 0 to add, 0 to change, 0 to destroy
`},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			bare(t)
			file := filepath.Join(t.TempDir(), "plan.json")
			if err := os.WriteFile(file, []byte(test.plan), 0o600); err != nil {
				t.Fatal(err)
			}
			stdin, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer func(was *os.File) { os.Stdin = was }(os.Stdin)
			os.Stdin = stdin
			defer stdin.Close()
			for _, from := range []string{file, "-"} {
				status, _, progress := slipway(t, append([]string{"guard", "--plan", from}, test.args...)...)
				if status != 0 {
					t.Errorf("exit status %d", status)
				}
				if !strings.HasSuffix(progress, test.want) {
					t.Errorf("plan of %s, progress:\n%s\nwant at its end:%s", from, progress, test.want)
				}
			}
		})
	}
}

func TestGuardOfWhatIsNoPlan(t *testing.T) {
	tests := map[string]struct{ content, want string }{
		"a saved plan":        {"PK\x03\x04\x00\x00", "guard failed: this is a saved plan, and its JSON is wanted\n"},
		"nothing":             {"", "guard failed: the plan is empty\n"},
		"text":                {"Terraform will perform the following actions", "guard failed: the plan is not JSON"},
		"half of a plan":      {somebodysPlan[:200], "guard failed: the plan is truncated"},
		"a state file":        {`{"version": 4, "terraform_version": "1.11.4", "serial": 3, "lineage": "x", "resources": []}`, "guard failed: this is a state file, and a plan is wanted\n"},
		"a state's JSON":      {`{"format_version": "1.0", "terraform_version": "1.11.4", "values": {"root_module": {}}}`, "guard failed: this is the JSON of a state"},
		"a plan that failed":  {`{"format_version": "1.2", "resource_changes": [], "errored": true}`, "guard failed: the plan is of a run that failed"},
		"a format of its own": {`{"format_version": "2.0", "resource_changes": []}`, "guard failed: the plan has format version 2.0"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			bare(t)
			file := filepath.Join(t.TempDir(), "plan.json")
			if err := os.WriteFile(file, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			status, _, progress := slipway(t, "guard", "--plan", file)
			if status != 1 || !strings.Contains(progress, test.want) || !strings.Contains(progress, "\n  next: ") {
				t.Errorf("exit status %d, want %q and what is next in:\n%s", status, test.want, progress)
			}
		})
	}
	bare(t)
	status, _, progress := slipway(t, "guard", "--plan", filepath.Join(t.TempDir(), "gone"))
	if status != 1 || !strings.Contains(progress, "guard failed: the plan can't be read\n  open ") {
		t.Errorf("exit status %d, of a file that is gone:\n%s", status, progress)
	}
	if status, _, progress := slipway(t, "guard"); status != usage || !strings.Contains(progress, "missing flags: --plan") {
		t.Errorf("exit status %d, without a plan:\n%s", status, progress)
	}
}

func TestWhatIsSensitiveIsHiddenInFindings(t *testing.T) {
	const elsewhere = `,
		{"address": "aws_ssm_parameter.this", "mode": "managed", "type": "aws_ssm_parameter", "name": "this",
			"change": {"actions": ["create"], "before": null, "after": {"value": "canary-5e1f"}, "after_sensitive": {"value": true}}}`
	for sentence, test := range map[string]struct {
		more  string // resources of the plan
		flags []string
	}{
		"marked at another resource": {elsewhere, nil},
		"given":                      {"", []string{"--redact", "CANARY"}},
	} {
		t.Run(sentence, func(t *testing.T) {
			bare(t)
			t.Setenv("CANARY", "canary-5e1f")
			dir := t.TempDir()
			file, result := filepath.Join(dir, "plan.json"), filepath.Join(dir, "result.json")
			plan := `{"format_version": "1.2", "resource_changes": [
				{"address": "aws_db_instance.this", "mode": "managed", "type": "aws_db_instance", "name": "this", "action_reason": "replace_because_cannot_update",
					"change": {"actions": ["delete", "create"], "before": {"username": "blog"}, "after": {"username": "canary-5e1f"}, "replace_paths": [["username"]]}}` +
				test.more + `]}`
			if err := os.WriteFile(file, []byte(plan), 0o600); err != nil {
				t.Fatal(err)
			}
			status, _, progress := slipway(t, append([]string{"guard", "--plan", file, "--result", result}, test.flags...)...)
			written, err := os.ReadFile(result)
			if err != nil {
				t.Fatal(err)
			}
			if status != 1 || !strings.Contains(progress, `username: "blog" → `) {
				t.Errorf("exit status %d:\n%s", status, progress)
			}
			if strings.Contains(progress+string(written), "canary") {
				t.Errorf("the value is shown:\n%s\n%s", progress, written)
			}
		})
	}
}
