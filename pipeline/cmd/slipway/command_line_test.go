package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// bare takes away what the program reads from the environment.
func bare(t *testing.T) {
	t.Helper()
	for _, name := range []string{
		"AWS_REGION", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN",
		"AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
		"SLIPWAY_NAME", "SLIPWAY_ENVIRONMENT", "SLIPWAY_COMMIT", "SLIPWAY_STATE_BUCKET", "SLIPWAY_PLAN_KEY", "GITHUB_STEP_SUMMARY",
	} {
		t.Setenv(name, "") // so that it is put back afterwards
		os.Unsetenv(name)
	}
	t.Setenv("AWS_EC2_METADATA_DISABLED", "true")
	t.Setenv("AWS_CONFIG_FILE", filepath.Join(t.TempDir(), "none"))
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", filepath.Join(t.TempDir(), "none"))
}

// slipway runs the program.
func slipway(t *testing.T, args ...string) (status int, out, progress string) {
	t.Helper()
	var o, p strings.Builder
	status = run(t.Context(), args, &o, &p)
	return status, o.String(), p.String()
}

func TestMistakesOnTheCommandLineExitWith64(t *testing.T) {
	const target = " --name blog --environment dev --region eu-central-1"
	tests := map[string]struct {
		args string
		want string // in the message
	}{
		"no command":                      {"", `expected one of`},
		"a command that isn't there":      {"deploi", `unexpected argument deploi`},
		"a flag that isn't there":         {"validate --quick", `unknown flag --quick`},
		"no region":                       {"bootstrap", `missing flags: --region`},
		"versions that are kept no day":   {"bootstrap --region eu-central-1 --keep-days 0", `--keep-days is at least 1`},
		"more versions than S3 keeps":     {"bootstrap --region eu-central-1 --keep-versions 101", `--keep-versions is a number from 1 to 100`},
		"no name":                         {"contract --environment dev --region eu-central-1", `missing flags: --name`},
		"a plan that isn't saved":         {"plan" + target, `missing flags: --out`},
		"a guard of no plan":              {"guard", `missing flags: --plan`},
		"an apply of no plan":             {"apply" + target, `missing flags: --plan`},
		"a redeployment of nothing":       {"redeploy --commit 6fc2d10" + target, `--archive`},
		"a redeployment of two images":    {"redeploy --commit 6fc2d10 --archive a.tar --digest sha256:1" + target, `--archive and --digest can't be used together`},
		"a redeployment of no commit":     {"redeploy --archive a.tar" + target, `missing flags: --commit`},
		"a report of no file":             {"report", `expected "<file>"`},
		"a report in a format of its own": {"report result.json --format html", `--format must be one of "terminal","markdown","json","github"`},
		"a migration of no commit":        {"migrate --digest sha256:1" + target, `--digest and --commit must be used together`},
		"a run of no command":             {"run" + target, `expected "<command> ..."`},
		"a flag without its value":        {"validate --infrastructure", `--infrastructure`},
		"a second argument to a report":   {"report a b", `unexpected argument b`},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			bare(t)
			status, out, progress := slipway(t, strings.Fields(test.args)...)
			if status != 64 || out != "" {
				t.Errorf("exit status %d, output %q, want 64 and none", status, out)
			}
			if !strings.HasPrefix(progress, "slipway: ") || !strings.Contains(progress, test.want) || strings.Count(progress, "\n") != 1 {
				t.Errorf("message %q, want one line with %q", progress, test.want)
			}
		})
	}
}

func TestHelpExitsWith0(t *testing.T) {
	bare(t)
	parser, err := kong.New(&commands{})
	if err != nil {
		t.Fatal(err)
	}
	status, out, progress := slipway(t, "--help")
	if status != 0 || progress != "" {
		t.Errorf("exit status %d, on standard error %q", status, progress)
	}
	for _, command := range parser.Model.Children {
		if named := regexp.MustCompile(`(?m)^  ` + command.Name + `( |$)`); named.MatchString(out) == command.Hidden {
			t.Errorf("the help names %s: %t", command.Name, command.Hidden)
		}
		if command.Help == "" {
			t.Errorf("%s has no help", command.Name)
		}
		// Even with required flags missing.
		if status, out, _ := slipway(t, command.Name, "--help"); status != 0 || !strings.Contains(out, "Usage: slipway "+command.Name) {
			t.Errorf("%s --help: exit status %d, output %q", command.Name, status, out)
		}
		for _, flag := range command.Flags {
			if flag.Help == "" {
				t.Errorf("%s --%s has no help", command.Name, flag.Name)
			}
		}
	}
}

func TestAnAddressWithACommaIsOneAddress(t *testing.T) {
	bare(t)
	var c commands
	parser, err := kong.New(&c)
	if err != nil {
		t.Fatal(err)
	}
	_, err = parser.Parse([]string{
		"apply", "--name=blog", "--environment=dev", "--region=eu-central-1", "--plan=saved",
		"--allow-destroy", `aws_s3_bucket.this["a,b"]`, "--allow-destroy=aws_db_instance.this",
	})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{`aws_s3_bucket.this["a,b"]`, "aws_db_instance.this"}, c.Apply.AllowDestroy); diff != "" {
		t.Errorf("addresses (-want +got):\n%s", diff)
	}
}

func readResult(t *testing.T, file string) report.Result {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var result report.Result
	if err := json.Unmarshal(content, &result); err != nil {
		t.Fatal(err)
	}
	return result
}

var withoutTimes = cmp.Options{
	cmpopts.IgnoreUnexported(report.Failure{}), cmpopts.IgnoreFields(report.Step{}, "Started", "Finished"),
}

func TestAFailureExitsWith1AndIsInTheResultFile(t *testing.T) {
	const target = " --environment dev --region eu-central-1"
	release := func(operation string, steps ...string) report.Result {
		r := report.Result{Operation: operation, Name: "Blog", Environment: "dev", Outcome: report.Failed}
		for i, name := range steps {
			step := report.Step{Name: name, Outcome: report.NotStarted}
			if i == 0 {
				step.Outcome = report.Failed
			} else {
				step.Needs = steps[i-1 : i]
			}
			r.Steps = append(r.Steps, step)
		}
		r.Failure = &report.Failure{
			Step: steps[0], Reason: `--name "Blog" can't name anything in ECR, ECS and RDS`, Effect: "nothing was changed",
			Next: "use lower-case letters, digits and single hyphens between them, beginning with a letter",
		}
		return r
	}
	tests := map[string]struct {
		args string
		want report.Result
	}{
		"a plan for a name that AWS would refuse": {"plan --name Blog --out saved" + target, release("plan", "plan")},
		"a push": {"push --name Blog --archive a.tar --commit 6fc2d10" + target, release("push", "contract", "push")},
		"a redeployment shows what did not begin": {"redeploy --name Blog --digest sha256:1 --commit 6fc2d10" + target, release("redeploy", "contract", "push", "verify", "diff", "migrate", "update", "wait", "smoke")},
		"a verification": {"verify --name Blog" + target, release("verify", "contract", "verify")},
		"a run":          {"run --name Blog" + target + " -- manage.py --check", release("run", "contract", "task")},
		"a Terraform directory that isn't there": {"validate --infrastructure gone", report.Result{
			Operation: "validate", Outcome: report.Failed, Steps: []report.Step{{Name: "validate", Outcome: report.Failed}},
			Failure: &report.Failure{
				Step: "validate", Reason: "there is no Terraform directory HERE/gone", Effect: "nothing was changed",
				Next: "give the root module's directory with --infrastructure",
			},
		}},
		"an apply of a plan that wasn't saved": {"apply --name blog --plan gone" + target, report.Result{
			Operation: "apply", Name: "blog", Environment: "dev", Outcome: report.Failed,
			Steps: []report.Step{{Name: "guard", Outcome: report.Failed}, {Name: "apply", Needs: []string{"guard"}, Outcome: report.NotStarted}},
			Failure: &report.Failure{
				Step: "guard", Reason: "there is no plan file HERE/gone", Effect: "nothing was changed",
				Next: "plan first; apply takes exactly what plan saved",
			},
		}},
		"a region that is none": {"bootstrap --region frankfurt", report.Result{
			Operation: "bootstrap", Outcome: report.Failed, Steps: []report.Step{{Name: "bootstrap", Outcome: report.Failed}},
			Failure: &report.Failure{
				Step: "bootstrap", Reason: `"frankfurt" is not an AWS region`, Effect: "nothing was changed", Next: `give --region one like "eu-central-1"`,
			},
		}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			bare(t)
			dir := t.TempDir()
			t.Chdir(dir)
			file := filepath.Join(dir, "result.json")
			args := strings.Fields(test.args)
			args = append([]string{args[0], "--result", file}, args[1:]...)
			status, out, progress := slipway(t, args...)
			if status != 1 || out != "" {
				t.Errorf("exit status %d, output %q, want 1 and none", status, out)
			}
			want := test.want
			want.Failure.Reason = strings.ReplaceAll(want.Failure.Reason, "HERE", dir)
			got := readResult(t, file)
			if diff := cmp.Diff(want, got, withoutTimes); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if !strings.HasSuffix(progress, want.Failure.Text(want.Operation)) {
				t.Errorf("the failure is not the last that is read:\n%s", progress)
			}
		})
	}
}

func TestNoCredentials(t *testing.T) {
	bare(t)
	status, _, progress := slipway(t, "bootstrap", "--region", "eu-central-1")
	if status != 1 || !strings.Contains(progress, "bootstrap failed: there are no AWS credentials\n") {
		t.Errorf("exit status %d, message:\n%s", status, progress)
	}
}

func TestACancelledCommandDoesNothing(t *testing.T) {
	bare(t)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var progress strings.Builder
	if status := run(ctx, []string{"bootstrap", "--region", "eu-central-1"}, io.Discard, &progress); status != 1 {
		t.Errorf("exit status %d", status)
	}
	if !strings.Contains(progress.String(), "bootstrap failed: the run was cancelled") {
		t.Errorf("message:\n%s", progress.String())
	}
}

// cloud stands for AWS: STS, S3 and SSM.
func cloud(t *testing.T, parameter string) (url string, calls *[]string) {
	t.Helper()
	calls = &[]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		switch target := r.Header.Get("X-Amz-Target"); {
		case strings.Contains(string(body), "Action=GetCallerIdentity"):
			*calls = append(*calls, "GetCallerIdentity")
			io.WriteString(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Account>111111111111</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
		case target != "":
			*calls = append(*calls, target)
			w.Header().Set("Content-Type", "application/x-amz-json-1.1")
			if parameter == "" {
				w.WriteHeader(http.StatusBadRequest)
				io.WriteString(w, `{"__type": "ParameterNotFound"}`)
				return
			}
			json.NewEncoder(w).Encode(map[string]any{"Parameter": map[string]any{"Value": parameter}})
		default:
			*calls = append(*calls, strings.TrimSuffix(r.Method+" "+r.URL.Path+"?"+r.URL.RawQuery, "?"))
		}
	}))
	t.Cleanup(server.Close)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	return server.URL, calls
}

func TestBootstrap(t *testing.T) {
	bare(t)
	url, calls := cloud(t, "")
	file := filepath.Join(t.TempDir(), "result.json")
	status, _, progress := slipway(t, "bootstrap", "--region", "eu-central-1", "--endpoint", url, "--result", file)
	if status != 0 {
		t.Fatalf("exit status %d, message:\n%s", status, progress)
	}
	got := readResult(t, file)
	want := report.Result{Operation: "bootstrap", Outcome: report.Succeeded, Steps: []report.Step{{
		Name: "bootstrap", Outcome: report.Succeeded,
		Summary: "state bucket slipway-state-111111111111-eu-central-1 was there; set what was missing or deviated: 1 OK, 2 CREATED, 5 REPAIRED",
	}}}
	if diff := cmp.Diff(want, got, withoutTimes, cmpopts.IgnoreFields(report.Result{}, "Checks")); diff != "" {
		t.Errorf("result (-want +got):\n%s", diff)
	}
	for _, check := range got.Checks {
		if row := string(check.Outcome) + " "; !strings.Contains(progress, row) || !strings.Contains(progress, check.Subject) {
			t.Errorf("%s %s isn't shown:\n%s", check.Outcome, check.Subject, progress)
		}
	}
	if (*calls)[0] != "GetCallerIdentity" {
		t.Errorf("first call %s", (*calls)[0])
	}
	for _, call := range (*calls)[1:] {
		if !strings.Contains(call, "/slipway-state-111111111111-eu-central-1") {
			t.Errorf("call %s of another bucket", call)
		}
	}
}

func TestContractIsPrinted(t *testing.T) {
	bare(t)
	url, _ := cloud(t, `{"version": 1, "name": "blog", "environment": "dev", "region": "eu-central-1", "cluster": "c", "repository_url": "r", "log_group": "l",
		"execution_role_arn": "e", "url": "http://blog.example.com", "health_path": "/readyz", "tasks": {"subnets": ["s"], "security_groups": ["g"]},
		"services": [{"name": "web", "service": "blog-dev-web", "template": "t", "container": "app"}]}`)
	t.Setenv("SLIPWAY_NAME", "blog")
	t.Setenv("SLIPWAY_ENVIRONMENT", "dev")
	t.Setenv("AWS_REGION", "eu-central-1")
	t.Setenv("AWS_ENDPOINT_URL", url)
	status, out, progress := slipway(t, "contract")
	var got struct {
		Cluster  string
		Services []struct{ Service string }
	}
	if err := json.Unmarshal([]byte(out), &got); err != nil {
		t.Fatalf("standard output is not the contract alone: %v\n%s", err, out)
	}
	if status != 0 || got.Cluster != "c" || len(got.Services) != 1 || got.Services[0].Service != "blog-dev-web" {
		t.Errorf("exit status %d, output %q, message:\n%s", status, out, progress)
	}
}

func TestAContractThatIsNotThere(t *testing.T) {
	bare(t)
	url, calls := cloud(t, "")
	status, out, progress := slipway(t, "redeploy", "--name", "blog", "--environment", "dev", "--region", "eu-central-1", "--endpoint", url,
		"--digest", "sha256:1", "--commit", "6fc2d10")
	if status != 1 || out != "" || !strings.Contains(progress, "redeploy failed at contract: there is no contract /slipway/blog/dev/contract in eu-central-1") {
		t.Errorf("exit status %d, output %q, message:\n%s", status, out, progress)
	}
	if diff := cmp.Diff([]string{"GetCallerIdentity", "AmazonSSM.GetParameter"}, *calls); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
}

func TestAResultThatCanNotBeWrittenIsAFailure(t *testing.T) {
	bare(t)
	url, _ := cloud(t, "")
	status, _, progress := slipway(t, "bootstrap", "--region", "eu-central-1", "--endpoint", url, "--result", filepath.Join(t.TempDir(), "gone", "result.json"))
	if status != 1 || !strings.Contains(progress, "slipway: write ") {
		t.Errorf("exit status %d, message:\n%s", status, progress)
	}
}

const resultFile = `{"operation": "push", "name": "blog", "environment": "dev", "outcome": "succeeded",
 "steps": [{"name": "push", "outcome": "succeeded", "summary": "nothing pushed", "started": "2026-03-01T12:00:00Z", "finished": "2026-03-01T12:00:02Z"}]}
`

func TestReport(t *testing.T) {
	bare(t)
	file := filepath.Join(t.TempDir(), "result.json")
	if err := os.WriteFile(file, []byte(resultFile), 0o644); err != nil {
		t.Fatal(err)
	}
	terminal := "✓ push         2.0 s  nothing pushed\npush succeeded: blog-dev\n"
	markdown := "## ✓ push: blog-dev\n\n| step | outcome | time | |\n| --- | --- | ---: | --- |\n| push | succeeded | 2.0 s | nothing pushed |\n"
	for format, want := range map[string]string{
		"":                  terminal,
		"--format=terminal": terminal,
		"--format=markdown": markdown,
		"--format=json":     resultFile,
		"--format=github":   "::notice title=push blog-dev::blog-dev\n",
	} {
		t.Run(format, func(t *testing.T) {
			status, out, progress := slipway(t, append([]string{"report", file}, strings.Fields(format)...)...)
			if status != 0 || progress != "" {
				t.Errorf("exit status %d, message %q", status, progress)
			}
			if diff := cmp.Diff(want, out); diff != "" {
				t.Errorf("output (-want +got):\n%s", diff)
			}
		})
	}

	summary := filepath.Join(t.TempDir(), "summary.md")
	t.Setenv("GITHUB_STEP_SUMMARY", summary)
	if status, _, _ := slipway(t, "report", file, "--format=github"); status != 0 {
		t.Errorf("exit status %d", status)
	}
	content, err := os.ReadFile(summary)
	if err != nil || strings.TrimSpace(string(content)) != strings.TrimSpace(markdown) {
		t.Errorf("job summary %q, %v", content, err)
	}
}

func TestReportOfAFileThatIsNoResult(t *testing.T) {
	bare(t)
	file := filepath.Join(t.TempDir(), "result.json")
	if err := os.WriteFile(file, []byte("not JSON"), 0o644); err != nil {
		t.Fatal(err)
	}
	for sentence, test := range map[string]struct{ file, want string }{
		"not there": {filepath.Join(t.TempDir(), "gone.json"), "slipway: read the result: "},
		"no JSON":   {file, "it is not a result of slipway"},
	} {
		t.Run(sentence, func(t *testing.T) {
			status, out, progress := slipway(t, "report", test.file)
			if status != 1 || out != "" || !strings.Contains(progress, test.want) {
				t.Errorf("exit status %d, output %q, message %q, want 1 and %q", status, out, progress, test.want)
			}
		})
	}
}
