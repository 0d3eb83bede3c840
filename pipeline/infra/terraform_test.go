package infra

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// program stands for terraform: it records its arguments, one line a call, and answers as the test says.
const program = `#!/bin/sh
printf '%s\n' "$*" >>"$RECORD"
if [ -f "$ANSWERS/$1" ]; then while IFS= read -r line; do printf '%s\n' "$line"; done <"$ANSWERS/$1"; fi
status=0
if [ -f "$ANSWERS/$1.status" ]; then read -r status <"$ANSWERS/$1.status"; fi
exit "$status"
`

// answer is what a command of the fake program prints, and its exit status.
type answer struct {
	output string
	status int
}

// fake returns a Terraform on the program above, and what tells the calls and the lines that were said.
func fake(t *testing.T, answers map[string]answer) (tf *Terraform, calls func() []string, lines *[]string) {
	t.Helper()
	dir, bin, out := t.TempDir(), t.TempDir(), t.TempDir()
	record := filepath.Join(out, "record")
	if err := os.WriteFile(filepath.Join(bin, "terraform"), []byte(program), 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", bin)
	t.Setenv("RECORD", record)
	t.Setenv("ANSWERS", out)
	// These change what terraform-exec allows or passes on.
	for _, name := range []string{"TF_LOG", "TF_CLI_ARGS", "TF_CLI_ARGS_plan", "TF_WORKSPACE"} {
		if value, set := os.LookupEnv(name); set {
			os.Unsetenv(name)
			t.Cleanup(func() { os.Setenv(name, value) })
		}
	}
	if _, set := answers["version"]; !set {
		answers["version"] = answer{output: `{"terraform_version": "1.11.4", "platform": "linux_amd64", "provider_selections": {}}`}
	}
	for command, answer := range answers {
		content := answer.output
		if content != "" && !strings.HasSuffix(content, "\n") {
			content += "\n"
		}
		for file, content := range map[string]string{command: content, command + ".status": strconv.Itoa(answer.status) + "\n"} {
			if err := os.WriteFile(filepath.Join(out, file), []byte(content), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	lines = &[]string{}
	tf, err := New(dir, func(line string) { *lines = append(*lines, line) })
	if err != nil {
		t.Fatal(err)
	}
	return tf, func() []string {
		content, err := os.ReadFile(record)
		if err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
		var calls []string
		for line := range strings.Lines(string(content)) {
			if !strings.HasPrefix(line, "version") {
				calls = append(calls, strings.TrimRight(line, "\n"))
			}
		}
		return calls
	}, lines
}

func wantCalls(t *testing.T, calls func() []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, calls()); diff != "" {
		t.Errorf("calls of terraform (-want +got):\n%s", diff)
	}
}

func wantFailure(t *testing.T, want *report.Failure, err error) {
	t.Helper()
	failure, ok := errors.AsType[*report.Failure](err)
	if !ok {
		t.Fatalf("error %v, want a failure", err)
	}
	// Compared as a person reads it.
	if diff := cmp.Diff(want.Text("it"), failure.Text("it")); diff != "" {
		t.Errorf("failure (-want +got):\n%s", diff)
	}
}

func TestNewWithoutWhatItNeeds(t *testing.T) {
	dir := t.TempDir()
	_, err := New(filepath.Join(dir, "gone"), nil)
	wantFailure(t, &report.Failure{
		Reason: "there is no Terraform directory " + filepath.Join(dir, "gone"),
		Effect: "nothing was changed", Next: "give the root module's directory with --infrastructure",
	}, err)

	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, nil, 0o644); err != nil {
		t.Fatal(err)
	}
	if _, err := New(file, nil); err == nil {
		t.Error("a file is taken for a directory")
	}

	t.Setenv("PATH", dir)
	_, err = New(dir, nil)
	if failure, ok := errors.AsType[*report.Failure](err); !ok || failure.Reason != "terraform is not installed" || !errors.Is(err, exec.ErrNotFound) {
		t.Errorf("error %v", err)
	}
}

func TestEnvironments(t *testing.T) {
	tf, _, _ := fake(t, map[string]answer{})
	for _, file := range []string{"environments/prod.tfvars", "environments/dev.tfvars", "environments/README.md", "other.tfvars"} {
		file = filepath.Join(tf.dir, file)
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	got, err := tf.Environments()
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"dev", "prod"}, got); diff != "" {
		t.Errorf("environments (-want +got):\n%s", diff)
	}
	if err := tf.Knows("dev"); err != nil {
		t.Error(err)
	}
	wantFailure(t, &report.Failure{
		Reason: `there is no environment "staging"; there are: dev, prod`, Effect: "nothing was changed",
		Next: "add environments/staging.tfvars to the Terraform, or give one of these with --environment",
	}, tf.Knows("staging"))
}

func TestInit(t *testing.T) {
	tests := map[string]struct {
		backend *Backend
		want    string
	}{
		"the state in a bucket, whatever the directory was used for before": {
			&Backend{Bucket: "states", Key: "blog/dev/terraform.tfstate", Region: "eu-central-1"},
			"init -json -no-color -input=false -backend=true -get=true -upgrade=false -reconfigure " +
				"-backend-config=bucket=states -backend-config=key=blog/dev/terraform.tfstate -backend-config=region=eu-central-1 " +
				"-backend-config=use_lockfile=true",
		},
		"the state in a bucket of an emulator": {
			&Backend{Bucket: "states", Key: "k", Region: "r", PathStyle: true},
			"init -json -no-color -input=false -backend=true -get=true -upgrade=false -reconfigure " +
				"-backend-config=bucket=states -backend-config=key=k -backend-config=region=r " +
				"-backend-config=use_lockfile=true -backend-config=use_path_style=true",
		},
		"no state": {nil, "init -json -no-color -input=false -backend=false -get=true -upgrade=false"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			tf, calls, _ := fake(t, map[string]answer{})
			if err := tf.Init(t.Context(), test.backend); err != nil {
				t.Fatal(err)
			}
			got := calls()
			if len(got) != 1 {
				t.Fatalf("calls %q, want one", got)
			}
			// The order of the flags is terraform-exec's.
			if diff := cmp.Diff(flags(test.want), flags(got[0])); diff != "" {
				t.Errorf("flags (-want +got):\n%s", diff)
			}
		})
	}
}

// flags are the arguments of a call, each counted.
func flags(call string) map[string]int {
	found := map[string]int{}
	for argument := range strings.FieldsSeq(call) {
		found[argument]++
	}
	return found
}

const planJSON = `{"format_version":"1.2","terraform_version":"1.11.4","resource_changes":[{"address":"aws_vpc.this","mode":"managed","type":"aws_vpc","name":"this","change":{"actions":["create"]}}]}`

func TestPlan(t *testing.T) {
	for sentence, status := range map[string]int{"something changes": 2, "nothing changes": 0} {
		t.Run(sentence, func(t *testing.T) {
			tf, calls, lines := fake(t, map[string]answer{
				"plan": {output: hook("refresh_complete", "aws_vpc.this", "", 0) + hook("refresh_complete", "aws_lb.this", "", 0), status: status},
				"show": {output: planJSON},
			})
			file := filepath.Join(t.TempDir(), "saved.tfplan")
			document, err := tf.Plan(t.Context(), Target{Name: "blog", Environment: "dev", Region: "eu-central-1"}, file)
			if err != nil {
				t.Fatal(err)
			}
			if strings.TrimSpace(string(document)) != planJSON {
				t.Errorf("plan %s", document)
			}
			got := calls()
			if len(got) != 2 {
				t.Fatalf("calls %q, want plan and show", got)
			}
			want := "plan -no-color -input=false -detailed-exitcode -lock=false -out=" + file +
				" -var-file=environments/dev.tfvars -lock-timeout=0s -parallelism=10 -refresh=true" +
				" -var name=blog -var environment=dev -var region=eu-central-1 -json"
			if diff := cmp.Diff(flags(want), flags(got[0])); diff != "" {
				t.Errorf("flags of plan (-want +got):\n%s", diff)
			}
			// A later one wins.
			if strings.Index(got[0], "-var-file") > strings.Index(got[0], "-var name=") {
				t.Errorf("the file could name another environment: %s", got[0])
			}
			if diff := cmp.Diff("show -json -no-color "+file, got[1]); diff != "" {
				t.Errorf("show (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"refreshed 2 resources"}, *lines); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
		})
	}
}

func TestApplyTakesExactlyTheSavedPlan(t *testing.T) {
	tf, calls, lines := fake(t, map[string]answer{"apply": {output: strings.Replace(hook("apply_complete", "aws_vpc.this", "create", 2), `"elapsed`, `"id_value":"vpc-1","elapsed`, 1)}})
	file := filepath.Join(t.TempDir(), "saved.tfplan")
	var created []string
	if _, err := tf.Apply(t.Context(), file, nil, func(address, id string) { created = append(created, address+" "+id) }); err != nil {
		t.Fatal(err)
	}
	got := calls()
	if len(got) != 1 {
		t.Fatalf("calls %q, want one", got)
	}
	want := "apply -json -input=false -lock=false " + file
	if diff := cmp.Diff(flags(want), flags(got[0])); diff != "" {
		t.Errorf("flags (-want +got):\n%s", diff)
	}
	if !strings.HasSuffix(got[0], " "+file) || strings.Contains(got[0], "-var") {
		t.Errorf("apply does not take the saved plan alone: %s", got[0])
	}
	if diff := cmp.Diff([]string{"aws_vpc.this vpc-1"}, created); diff != "" {
		t.Errorf("created (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"aws_vpc.this: created in 2 s"}, *lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestCommandsThatFail(t *testing.T) {
	diagnosed := `{"type":"diagnostic","diagnostic":{"severity":"warning","summary":"Deprecated"}}
{"type":"diagnostic","diagnostic":{"severity":"error","summary":"Invalid reference","detail":"There is no\naws_vpc.that.","range":{"filename":"main.tf","start":{"line":3}},"snippet":{"code":"  vpc_id = aws_vpc.that.id"}}}
{"type":"diagnostic","diagnostic":{"severity":"error","summary":"AccessDenied","address":"aws_lb.this"}}`
	evidence := []string{"  vpc_id = aws_vpc.that.id", "There is no", "aws_vpc.that.", "AccessDenied (aws_lb.this)"}
	target := Target{Name: "blog", Environment: "dev", Region: "eu-central-1"}
	tests := map[string]struct {
		answers map[string]answer
		do      func(*testing.T, *Terraform) error
		want    *report.Failure
	}{
		"an init with diagnostics": {
			map[string]answer{"init": {diagnosed, 1}},
			func(t *testing.T, tf *Terraform) error { return tf.Init(t.Context(), nil) },
			&report.Failure{Reason: "terraform init: Invalid reference at main.tf:3", Evidence: evidence},
		},
		"a plan with diagnostics: nothing is read of what it saved": {
			map[string]answer{"plan": {diagnosed, 1}, "show": {planJSON, 0}},
			func(t *testing.T, tf *Terraform) error {
				document, err := tf.Plan(t.Context(), target, "saved.tfplan")
				if document != nil {
					t.Errorf("plan %s beside an error", document)
				}
				return err
			},
			&report.Failure{Reason: "terraform plan: Invalid reference at main.tf:3", Evidence: evidence},
		},
		"a plan that says nothing": {
			map[string]answer{"plan": {"", 1}},
			func(t *testing.T, tf *Terraform) error {
				_, err := tf.Plan(t.Context(), target, "saved.tfplan")
				return err
			},
			(&report.Failure{Reason: "terraform plan failed"}).Because(errors.New("exit status 1")),
		},
		"a saved plan that can't be read": {
			map[string]answer{"plan": {"", 2}, "show": {"", 1}},
			func(t *testing.T, tf *Terraform) error {
				_, err := tf.Plan(t.Context(), target, "saved.tfplan")
				return err
			},
			(&report.Failure{Reason: "terraform show failed"}).Because(errors.New("exit status 1")),
		},
		"an apply that stops half-way": {
			map[string]answer{"apply": {diagnosed, 1}},
			func(t *testing.T, tf *Terraform) error {
				_, err := tf.Apply(t.Context(), "saved.tfplan", nil, nil)
				return err
			},
			&report.Failure{
				Reason: "terraform apply: Invalid reference at main.tf:3", Evidence: evidence,
				Effect: "what is shown above as created, updated or destroyed was; the state has it, and the next plan goes on from there",
				Next:   "mend the cause and run the same command again",
			},
		},
		"an apply that finds a name taken": {
			map[string]answer{"apply": {`{"type":"diagnostic","diagnostic":{"severity":"warning","summary":"it already exists","address":"aws_ssm_parameter.this[0]"}}
{"type":"diagnostic","diagnostic":{"severity":"error","summary":"creating SSM Parameter (/a): ParameterAlreadyExists: The parameter already exists.","address":"aws_ssm_parameter.this[1]"}}`, 1}},
			func(t *testing.T, tf *Terraform) error {
				plan := &tfjson.Plan{ResourceChanges: []*tfjson.ResourceChange{
					{Address: "aws_ssm_parameter.this[0]", Type: "aws_ssm_parameter", Change: &tfjson.Change{After: map[string]any{"name": "/b"}}},
					{Address: "aws_ssm_parameter.this[1]", Type: "aws_ssm_parameter", Change: &tfjson.Change{After: map[string]any{"name": "/a"}}},
				}}
				_, err := tf.Apply(t.Context(), "saved.tfplan", plan, nil)
				return err
			},
			&report.Failure{
				Reason: "terraform apply: creating SSM Parameter (/a): ParameterAlreadyExists: The parameter already exists. (aws_ssm_parameter.this[1])",
				Effect: "what is shown above as created, updated or destroyed was; the state has it, and the next plan goes on from there",
				Next: "something of that name exists and is in no state. If it is this environment's, take it in with an import block " +
					`(to = aws_ssm_parameter.this[1], id = "/a") and plan anew; if not, give yours another name`,
			},
		},
		"a Terraform that isn't valid": {
			map[string]answer{"validate": {`{"format_version":"1.0","valid":false,"error_count":1,"diagnostics":[{"severity":"error","summary":"Unsupported argument","detail":"There is none.","range":{"filename":"main.tf","start":{"line":7,"column":3,"byte":1},"end":{"line":7,"column":7,"byte":5}},"snippet":{"code":"  nope = 1"}}]}`, 1}},
			func(t *testing.T, tf *Terraform) error { return tf.Validate(t.Context()) },
			&report.Failure{Reason: "terraform validate: Unsupported argument at main.tf:7", Evidence: []string{"  nope = 1", "There is none."}},
		},
		"a Terraform whose init fails is not validated": {
			map[string]answer{"init": {diagnosed, 1}, "validate": {`{"format_version":"1.0","valid":true}`, 0}},
			func(t *testing.T, tf *Terraform) error { return tf.Validate(t.Context()) },
			&report.Failure{Reason: "terraform init: Invalid reference at main.tf:3", Evidence: evidence},
		},
		"files that aren't formatted": {
			map[string]answer{"fmt": {"main.tf\nmodules/network/main.tf", 3}},
			func(t *testing.T, tf *Terraform) error { return tf.Validate(t.Context()) },
			&report.Failure{
				Reason: "2 Terraform files are not formatted", Evidence: []string{"main.tf", "modules/network/main.tf"},
				Effect: "no file was rewritten", Next: "run terraform fmt -recursive and look at what it changed",
			},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			tf, _, _ := fake(t, test.answers)
			wantFailure(t, test.want, test.do(t, tf))
		})
	}
}

func TestValidate(t *testing.T) {
	tf, calls, lines := fake(t, map[string]answer{
		"validate": {`{"format_version":"1.0","valid":true,"warning_count":1,"diagnostics":[{"severity":"warning","summary":"Deprecated","detail":"x","range":{"filename":"main.tf","start":{"line":2,"column":1,"byte":1},"end":{"line":2,"column":2,"byte":2}}}]}`, 0},
	})
	if err := tf.Validate(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantCalls(t, calls,
		"fmt -no-color -write=false -list=true -diff=false -check=true -recursive",
		"init -no-color -input=false -backend=false -get=true -upgrade=false -json",
		"validate -no-color -json",
	)
	if diff := cmp.Diff([]string{"warning: Deprecated at main.tf:2"}, *lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

// installed is a Terraform on the installed program, in a module without providers.
func installed(t *testing.T, files map[string]string) *Terraform {
	t.Helper()
	if _, err := exec.LookPath("terraform"); err != nil {
		t.Skip("SKIPPED: terraform is not on PATH, so that its real output was not read")
	}
	dir := t.TempDir()
	for name, content := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	tf, err := New(dir, func(string) {})
	if err != nil {
		t.Fatal(err)
	}
	return tf
}

func TestTheRealTerraform(t *testing.T) {
	const good = "variable \"name\" {\n  type = string\n}\n"
	const ugly = "variable \"name\" {\n type   =   string\n}\n"
	tests := map[string]struct {
		files map[string]string
		want  string // the reason
	}{
		"valid":                               {map[string]string{"main.tf": good}, ""},
		"not formatted, here and in a module": {map[string]string{"main.tf": ugly, "modules/a/main.tf": ugly}, "2 Terraform files are not formatted"},
		"not valid": {
			map[string]string{"main.tf": good + "\noutput \"x\" {\n  value = var.gone\n}\n"},
			"terraform validate: Reference to undeclared input variable at main.tf:6",
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			tf := installed(t, test.files)
			err := tf.Validate(t.Context())
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			failure, ok := errors.AsType[*report.Failure](err)
			if !ok || failure.Reason != test.want {
				t.Errorf("error %v, want %q", err, test.want)
			}
			for name, content := range test.files {
				if got, err := os.ReadFile(filepath.Join(tf.dir, name)); err != nil || string(got) != content {
					t.Errorf("%s was rewritten to %q, %v", name, got, err)
				}
			}
		})
	}
}

func TestATerraformThatIsTooOld(t *testing.T) {
	tests := map[string]struct{ version, want string }{
		"older":         {"1.10.5", "Terraform is version 1.10.5, and 1.11 or later is wanted"},
		"of long ago":   {"0.14.0", "Terraform is version 0.14.0, and 1.11 or later is wanted"},
		"the least":     {"1.11.0", ""},
		"a later one":   {"1.14.6", ""},
		"a later major": {"2.0.0", ""},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			tf, calls, _ := fake(t, map[string]answer{"version": {output: `{"terraform_version": "` + test.version + `", "platform": "linux_amd64", "provider_selections": {}}`}})
			err := tf.Init(t.Context(), nil)
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			wantFailure(t, &report.Failure{
				Reason: test.want, Evidence: []string{tf.program}, Effect: "nothing was changed", Next: "install a later Terraform, or put one earlier on the PATH",
			}, err)
			if len(calls()) > 0 {
				t.Errorf("it was run all the same: %q", calls())
			}
		})
	}
}

func TestATerraformThatSaysNoVersion(t *testing.T) {
	tf, _, _ := fake(t, map[string]answer{"version": {output: "not me", status: 1}})
	err := tf.Init(t.Context(), nil)
	if failure, ok := errors.AsType[*report.Failure](err); !ok || failure.Reason != "terraform doesn't say which version it is" || failure.Cause == "" {
		t.Errorf("error %v", err)
	}
}

// What a person gets wrong, and what the real Terraform says about it: the first line tells what, with the name or the value, and
// where.
func TestBadInputToTheRealTerraform(t *testing.T) {
	const variables = "variable \"name\" {\n  type = string\n}\nvariable \"environment\" {\n  type = string\n}\nvariable \"region\" {\n  type = string\n}\nvariable \"count_of_tasks\" {\n  type    = number\n  default = 1\n}\n"
	validate := func(t *testing.T, tf *Terraform) error { return tf.Validate(t.Context()) }
	plan := func(t *testing.T, tf *Terraform) error {
		if err := tf.Init(t.Context(), nil); err != nil {
			return err
		}
		_, err := tf.Plan(t.Context(), Target{Name: "blog", Environment: "dev", Region: "eu-central-1"}, filepath.Join(t.TempDir(), "saved"))
		return err
	}
	// An empty mirror, and no way to the registry.
	noProviders := func(t *testing.T) {
		config := filepath.Join(t.TempDir(), "terraformrc")
		if err := os.WriteFile(config, []byte("provider_installation {\n  filesystem_mirror {\n    path = \""+t.TempDir()+"\"\n  }\n}\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		t.Setenv("TF_CLI_CONFIG_FILE", config)
	}
	tests := map[string]struct {
		files    map[string]string
		prepare  func(*testing.T)
		do       func(*testing.T, *Terraform) error
		reason   string
		evidence string // in it
		next     string // in it
	}{
		"invalid HCL": {
			files: map[string]string{"main.tf": variables, "broken.tf": "resource \"terraform_data\" \"this\" {\n  input = [1, 2\n}\n"}, do: validate,
			reason: "terraform init: Missing item separator at broken.tf:3", evidence: "Expected a comma to mark the beginning of the next item.",
		},
		"an undeclared variable": {
			files: map[string]string{"main.tf": variables + "output \"x\" {\n  value = var.gone\n}\n"}, do: validate,
			reason: "terraform validate: Reference to undeclared input variable at main.tf:15", evidence: `An input variable with the name "gone" has not been declared.`,
		},
		"a default of the wrong type": {
			files: map[string]string{"main.tf": variables + "variable \"ports\" {\n  type    = list(number)\n  default = \"many\"\n}\n"}, do: validate,
			reason: "terraform init: Invalid default value for variable at main.tf:16", evidence: "list of number required",
		},
		"a value of the wrong type": {
			files: map[string]string{"main.tf": variables, "environments/dev.tfvars": "count_of_tasks = \"three\"\n"}, do: plan,
			reason: "terraform plan: Invalid value for input variable at environments/dev.tfvars:1", evidence: "a number is required",
		},
		"a value that the variable refuses": {
			files: map[string]string{
				"main.tf":                 variables + "variable \"nat\" {\n  type = string\n\n  validation {\n    condition     = var.nat == \"none\"\n    error_message = \"nat is none.\"\n  }\n}\n",
				"environments/dev.tfvars": "nat = \"some\"\n",
			}, do: plan,
			reason: "terraform plan: Invalid value for variable at environments/dev.tfvars:1", evidence: "nat is none.",
		},
		"a variable without a value": {
			files: map[string]string{"main.tf": variables + "variable \"domain\" {\n  type = string\n}\n", "environments/dev.tfvars": ""}, do: plan,
			reason: "terraform plan: No value for required variable at main.tf:14", evidence: `The root module input variable "domain" is not set`,
		},
		"variables that aren't HCL": {
			files: map[string]string{"main.tf": variables, "environments/dev.tfvars": "count_of_tasks = [\n"}, do: plan,
			reason: "terraform plan: Missing expression at environments/dev.tfvars:2",
		},
		"a provider that can't be had": {
			files: map[string]string{"main.tf": "terraform {\n  required_providers {\n    aws = {\n      source  = \"hashicorp/aws\"\n      version = \"6.34.0\"\n    }\n  }\n}\n"}, prepare: noProviders, do: validate,
			reason: "terraform init: Failed to query available provider packages", evidence: "hashicorp/aws", next: "provider mirror",
		},
		"a Terraform that the configuration refuses": {
			files: map[string]string{"main.tf": "terraform {\n  required_version = \">= 99.0\"\n}\n"}, do: validate,
			reason: "terraform init: Unsupported Terraform Core version at main.tf:2",
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			if test.prepare != nil {
				test.prepare(t)
			}
			failure, ok := errors.AsType[*report.Failure](test.do(t, installed(t, test.files)))
			if !ok {
				t.Fatal("no failure")
			}
			if failure.Reason != test.reason {
				t.Errorf("reason %q, want %q", failure.Reason, test.reason)
			}
			if all := strings.Join(strings.Fields(strings.Join(failure.Evidence, " ")), " "); !strings.Contains(all, test.evidence) {
				t.Errorf("evidence %q, want %q in it", all, test.evidence)
			}
			if !strings.Contains(failure.Next, test.next) || test.next == "" && strings.Contains(failure.Next, "mirror") {
				t.Errorf("next %q, want %q in it", failure.Next, test.next)
			}
		})
	}
}
