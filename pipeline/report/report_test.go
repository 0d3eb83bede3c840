package report

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/sethvargo/go-githubactions"
)

// start is when the operations of these tests began.
var start = time.Date(2026, time.March, 1, 12, 0, 0, 0, time.UTC)

// step ran from one second of the operation to another.
func step(name, summary string, from, to float64, needs ...string) Step {
	at := func(seconds float64) time.Time { return start.Add(time.Duration(seconds * float64(time.Second))) }
	return Step{Name: name, Outcome: Succeeded, Summary: summary, Needs: needs, Started: at(from), Finished: at(to)}
}

func failed(s Step) Step {
	s.Outcome, s.Summary = Failed, ""
	return s
}

func notStarted(name string, needs ...string) Step {
	return Step{Name: name, Outcome: NotStarted, Needs: needs}
}

const digest = "sha256:43ba9e3d8f1c5a6b7c8d9e0f112233445566778899aabbccddeeff0011223344"

// deployed is a deployment that went well.
func deployed() Result {
	return Result{
		Operation: "deploy", Name: "blog", Environment: "dev", Outcome: Succeeded,
		Steps: []Step{
			step("validate", "formatted and valid", 0, 1.5),
			step("build", "", 0, 30),
			step("plan", "1 to add, 0 to change, 0 to destroy", 1.5, 9.25, "validate"),
			step("apply", "done", 30, 125, "plan", "build"),
		},
		Release: Release{
			Commit: "6fc2d10aa11bb22cc33dd44ee55ff6677889900a", Digest: digest,
			Revisions: []string{"blog-dev-web:41", "blog-dev-worker:12"}, URL: "http://blog.example.com",
		},
		Plan: &Plan{Add: 1, Markdown: "Plan: 1 to add, 0 to change, 0 to destroy.\n\n| action | resource | |\n| --- | --- | --- |\n| create | `aws_vpc.this` |  |\n"},
	}
}

// broken is a deployment whose migration failed.
func broken() Result {
	return Result{
		Operation: "redeploy", Name: "blog", Environment: "dev", Outcome: Failed,
		Steps: []Step{
			step("push", "nothing pushed", 0, 0.04),
			failed(step("migrate", "", 0.04, 12, "push")),
			notStarted("update", "migrate"),
		},
		Release: Release{Commit: "6fc2d10", Digest: digest},
		Failure: (&Failure{
			Step: "migrate", Reason: "the migration exited with status 3 (task 6e0d2a5c)",
			Evidence: []string{"Traceback:", "  OperationalError: (1045, 50% | done)"},
			Effect:   "no service was updated",
			Next:     "mend the migration and deploy again",
		}).Because(errors.New("first line\nsecond line")),
	}
}

func TestWriteTerminal(t *testing.T) {
	tests := map[string]struct {
		result Result
		want   string
	}{
		"a deployment that went well ends with what is in service": {deployed(), `
✓ validate     1.5 s  formatted and valid
✓ build         30 s
✓ plan         7.8 s  1 to add, 0 to change, 0 to destroy
✓ apply         95 s  done
125 s in all; critical path 125 s (build → apply), ratio 1.00
deploy succeeded: blog-dev, commit 6fc2d10aa11b, sha256:43ba9e3d8f1c…, blog-dev-web:41, blog-dev-worker:12, http://blog.example.com, 1 to add, 0 to change, 0 to destroy
`},
		"a failure is the last thing that is read": {broken(), `
✓ push         0.0 s  nothing pushed
✗ migrate       12 s
· update
12 s in all; critical path 12 s (push → migrate), ratio 1.00
redeploy failed at migrate: the migration exited with status 3 (task 6e0d2a5c)
  first line
  second line
    Traceback:
      OperationalError: (1045, 50% | done)
  no service was updated
  next: mend the migration and deploy again
`},
		"a single step needs no word on the critical path, nor a failure on its step": {
			Result{
				Operation: "plan", Name: "blog", Environment: "dev", Outcome: Failed,
				Steps: []Step{failed(step("plan", "", 0, 2))}, Failure: &Failure{Step: "plan", Reason: "no credentials"},
			}, `
✗ plan         2.0 s
plan failed: no credentials
`},
		"an operation of no environment": {Result{Operation: "validate", Outcome: Succeeded}, `
validate succeeded
`},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			var b strings.Builder
			if err := WriteTerminal(&b, test.result); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), b.String()); diff != "" {
				t.Errorf("terminal (-want +got):\n%s", diff)
			}
		})
	}
}

type full struct{}

func (full) Write([]byte) (int, error) { return 0, errors.New("the disk is full") }

func TestWriteTerminalReturnsWhatTheWriterSays(t *testing.T) {
	if err := WriteTerminal(full{}, deployed()); err == nil {
		t.Error("no error")
	}
}

func TestMarkdown(t *testing.T) {
	tests := map[string]struct {
		result Result
		want   string
	}{
		"a deployment that went well": {deployed(), `
## ✓ deploy: blog-dev

| | |
| --- | --- |
| commit | '6fc2d10aa11bb22cc33dd44ee55ff6677889900a' |
| image | 'sha256:43ba9e3d8f1c5a6b7c8d9e0f112233445566778899aabbccddeeff0011223344' |
| revisions | 'blog-dev-web:41, blog-dev-worker:12' |
| URL | http://blog.example.com |
| plan | 1 to add, 0 to change, 0 to destroy |

| step | outcome | time | |
| --- | --- | ---: | --- |
| validate | succeeded | 1.5 s | formatted and valid |
| build | succeeded | 30 s |  |
| plan | succeeded | 7.8 s | 1 to add, 0 to change, 0 to destroy |
| apply | succeeded | 95 s | done |

Plan: 1 to add, 0 to change, 0 to destroy.

| action | resource | |
| --- | --- | --- |
| create | 'aws_vpc.this' |  |
`},
		"a failure stands on top": {broken(), `
## ✗ redeploy: blog-dev

'''text
redeploy failed at migrate: the migration exited with status 3 (task 6e0d2a5c)
  first line
  second line
    Traceback:
      OperationalError: (1045, 50% | done)
  no service was updated
  next: mend the migration and deploy again
'''

| | |
| --- | --- |
| commit | '6fc2d10' |
| image | 'sha256:43ba9e3d8f1c5a6b7c8d9e0f112233445566778899aabbccddeeff0011223344' |

| step | outcome | time | |
| --- | --- | ---: | --- |
| push | succeeded | 0.0 s | nothing pushed |
| migrate | failed | 12 s |  |
| update | not started |  |  |
`},
		"an operation of no environment": {Result{Operation: "validate", Outcome: Succeeded}, `
## ✓ validate
`},
		"a summary with a newline and a pipe stays in its cell": {
			Result{Operation: "push", Outcome: Succeeded, Steps: []Step{step("push", "one | two\nthree", 0, 1)}}, `
## ✓ push

| step | outcome | time | |
| --- | --- | ---: | --- |
| push | succeeded | 1.0 s | one \| two three |
`},
		"a log line of backticks does not end the block": {
			Result{Operation: "push", Outcome: Failed, Failure: &Failure{Reason: "it failed", Evidence: []string{"'''", "# not a heading"}}}, `
## ✗ push

''''text
push failed: it failed
    '''
    # not a heading
''''
`},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			if test.result.Failure != nil {
				for i, line := range test.result.Failure.Evidence {
					test.result.Failure.Evidence[i] = strings.ReplaceAll(line, "'", "`")
				}
			}
			want := strings.ReplaceAll(strings.TrimPrefix(test.want, "\n"), "'", "`")
			if diff := cmp.Diff(want, Markdown(test.result)); diff != "" {
				t.Errorf("Markdown (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWriteGitHub(t *testing.T) {
	tests := map[string]struct {
		result Result
		want   string
	}{
		"a success is one notice": {deployed(),
			"::notice title=deploy blog-dev::blog-dev, commit 6fc2d10aa11b, sha256:43ba9e3d8f1c…, blog-dev-web:41, blog-dev-worker:12, http://blog.example.com, 1 to add, 0 to change, 0 to destroy\n"},
		"a failure is one error, on one line, whatever the log holds": {broken(),
			"::error title=redeploy blog-dev failed::redeploy failed at migrate: the migration exited with status 3 (task 6e0d2a5c)%0A" +
				"  first line%0A  second line%0A    Traceback:%0A      OperationalError: (1045, 50%25 | done)%0A" +
				"  no service was updated%0A  next: mend the migration and deploy again\n"},
		"a log that looks like a command is none": {
			Result{Operation: "run", Name: "blog", Environment: "dev", Outcome: Failed, Failure: &Failure{Reason: "it failed", Evidence: []string{"\r\n::set-env name=PATH::x"}}},
			"::error title=run blog-dev failed::run failed: it failed%0A    %0D%0A::set-env name=PATH::x\n"},
		"a deployment that another replaced did not fail": {
			Result{Operation: "redeploy", Name: "blog", Environment: "dev", Outcome: Superseded, Failure: &Failure{Step: "wait", Reason: "another took its place"}},
			"::error title=redeploy blog-dev superseded::redeploy superseded at wait: another took its place\n"},
		"an operation of no environment": {Result{Operation: "validate", Outcome: Succeeded}, "::notice title=validate::succeeded\n"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			summary := filepath.Join(t.TempDir(), "summary.md")
			var b strings.Builder
			WriteGitHub(githubactions.New(githubactions.WithWriter(&b), githubactions.WithGetenv(func(name string) string {
				return map[string]string{"GITHUB_STEP_SUMMARY": summary}[name]
			})), test.result)
			if diff := cmp.Diff(test.want, b.String()); diff != "" {
				t.Errorf("commands (-want +got):\n%s", diff)
			}
			content, err := os.ReadFile(summary)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(Markdown(test.result), strings.TrimSuffix(string(content), githubactions.EOF)); diff != "" {
				t.Errorf("summary (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWriteGitHubWithoutASummaryFileStillAnnotates(t *testing.T) {
	var b strings.Builder
	WriteGitHub(githubactions.New(githubactions.WithWriter(&b), githubactions.WithGetenv(func(string) string { return "" })), deployed())
	if !strings.HasPrefix(b.String(), "::notice title=deploy blog-dev::") {
		t.Errorf("commands: %q", b.String())
	}
}

func TestRunNamesTheWorkflowRun(t *testing.T) {
	tests := map[string]struct {
		env  map[string]string
		want string
	}{
		"in a workflow": {
			map[string]string{"GITHUB_SERVER_URL": "https://git.example.com", "GITHUB_REPOSITORY": "o/r", "GITHUB_RUN_ID": "17", "GITHUB_ACTOR": "octocat"},
			"https://git.example.com/o/r/actions/runs/17 by octocat",
		},
		"elsewhere": {nil, ""},
		"in a workflow whose context can't be read": {map[string]string{"GITHUB_RUN_ID": "seventeen"}, ""},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			got := Run(githubactions.New(githubactions.WithGetenv(func(name string) string { return test.env[name] })))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("run (-want +got):\n%s", diff)
			}
		})
	}
}

func TestWallAndCriticalPath(t *testing.T) {
	tests := map[string]struct {
		steps     []Step
		wantWall  time.Duration
		wantPath  []string
		wantTotal time.Duration
	}{
		"no steps": {},
		"nothing started": {
			steps: []Step{notStarted("a"), notStarted("b", "a")},
		},
		"two branches: the longer one counts, whichever need is named first": {
			steps: []Step{
				step("long", "", 0, 20), step("short", "", 0, 5),
				step("join", "", 20, 30, "short", "long"),
				step("other", "", 20, 21, "long", "short"),
			},
			wantWall: 30 * time.Second, wantPath: []string{"long", "join"}, wantTotal: 30 * time.Second,
		},
		"waiting between the steps is in the wall time alone": {
			steps:    []Step{step("a", "", 0, 10), step("b", "", 15, 20, "a")},
			wantWall: 20 * time.Second, wantPath: []string{"a", "b"}, wantTotal: 15 * time.Second,
		},
		"a path that ends early can be the longest": {
			steps:    []Step{step("a", "", 0, 1), step("b", "", 1, 2, "a"), step("alone", "", 0, 9)},
			wantWall: 9 * time.Second, wantPath: []string{"alone"}, wantTotal: 9 * time.Second,
		},
		"steps that didn't start don't lengthen it": {
			steps:    []Step{failed(step("a", "", 1, 3)), notStarted("b", "a"), notStarted("c", "b")},
			wantWall: 2 * time.Second, wantPath: []string{"a"}, wantTotal: 2 * time.Second,
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			r := Result{Steps: test.steps}
			if got := r.Wall(); got != test.wantWall {
				t.Errorf("wall %s, want %s", got, test.wantWall)
			}
			path, total := r.CriticalPath()
			if diff := cmp.Diff(test.wantPath, path); diff != "" {
				t.Errorf("critical path (-want +got):\n%s", diff)
			}
			if total != test.wantTotal {
				t.Errorf("its time %s, want %s", total, test.wantTotal)
			}
		})
	}
}

func TestAResultSurvivesJSON(t *testing.T) {
	for sentence, want := range map[string]Result{
		"a success": deployed(), "a failure": broken(), "next to nothing": {Operation: "validate", Outcome: Succeeded},
	} {
		t.Run(sentence, func(t *testing.T) {
			document, err := json.Marshal(want)
			if err != nil {
				t.Fatal(err)
			}
			var got Result
			if err := json.Unmarshal(document, &got); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(want, got, cmpopts.IgnoreUnexported(Failure{})); diff != "" {
				t.Errorf("result (-want +got):\n%s", diff)
			}
			if want.Failure != nil && got.Failure.Text("x") != want.Failure.Text("x") {
				t.Error("the failure reads otherwise")
			}
		})
	}
}

// The Dagger functions and workflows read these names.
func TestTheNamesInTheJSON(t *testing.T) {
	document, err := json.Marshal(broken())
	if err != nil {
		t.Fatal(err)
	}
	want := `{"operation":"redeploy","name":"blog","environment":"dev","outcome":"failed","steps":[` +
		`{"name":"push","outcome":"succeeded","summary":"nothing pushed","started":"2026-03-01T12:00:00Z","finished":"2026-03-01T12:00:00.04Z"},` +
		`{"name":"migrate","outcome":"failed","needs":["push"],"started":"2026-03-01T12:00:00.04Z","finished":"2026-03-01T12:00:12Z"},` +
		`{"name":"update","outcome":"not started","needs":["migrate"]}],` +
		`"release":{"commit":"6fc2d10","digest":"` + digest + `"},` +
		`"failure":{"step":"migrate","reason":"the migration exited with status 3 (task 6e0d2a5c)","cause":"first line\nsecond line",` +
		`"evidence":["Traceback:","  OperationalError: (1045, 50% | done)"],"effect":"no service was updated","next":"mend the migration and deploy again"}}`
	if diff := cmp.Diff(want, string(document)); diff != "" {
		t.Errorf("JSON (-want +got):\n%s", diff)
	}
}

func TestFailure(t *testing.T) {
	cause := errors.New("connection refused")
	f := (&Failure{Reason: "AWS does not answer"}).Because(cause)
	if got, want := f.Error(), "AWS does not answer: connection refused"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	if got, want := (&Failure{Reason: "no"}).Because(errors.New("exit status 1\n\n")).Cause, "exit status 1"; got != want {
		t.Errorf("cause %q, want %q", got, want)
	}
	if got, want := (&Failure{Reason: "no"}).Error(), "no"; got != want {
		t.Errorf("error %q, want %q", got, want)
	}
	if !errors.Is(f, cause) {
		t.Error("the failure hides the error behind it")
	}
	if got := AsFailure(fmt.Errorf("wrapped: %w", f)); got != f {
		t.Errorf("AsFailure of a wrapped failure returns %v", got)
	}
	want := &Failure{Reason: "connection refused"}
	if diff := cmp.Diff(want, AsFailure(cause), cmpopts.IgnoreUnexported(Failure{})); diff != "" {
		t.Errorf("failure of another error (-want +got):\n%s", diff)
	}
}

func TestSecondsAndShortDigest(t *testing.T) {
	for want, d := range map[string]time.Duration{
		"0.0 s": 0, "0.4 s": 420 * time.Millisecond, "9.5 s": 9500 * time.Millisecond, "10 s": 10 * time.Second, "95 s": 95300 * time.Millisecond, "600 s": 10 * time.Minute,
	} {
		if got := Seconds(d); got != want {
			t.Errorf("Seconds(%s) = %q, want %q", d, got, want)
		}
	}
	for in, want := range map[string]string{digest: "sha256:43ba9e3d8f1c…", "not a digest": "not a digest", "": ""} {
		if got := ShortDigest(in); got != want {
			t.Errorf("ShortDigest(%q) = %q, want %q", in, got, want)
		}
	}
}

func TestTheDetailOfAFailureStandsBeforeIt(t *testing.T) {
	r := Result{Operation: "deploy", Failure: &Failure{Reason: "it exits", Evidence: []string{"the last line"}, Detail: []string{"line 1", "a ``` in it"}, Next: "mend it"}}
	var b strings.Builder
	if err := WriteTerminal(&b, r); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("line 1\na ``` in it\ndeploy failed: it exits\n    the last line\n  next: mend it\n", b.String()); diff != "" {
		t.Errorf("terminal (-want +got):\n%s", diff)
	}
	want := "<details><summary>all that was found</summary>\n\n````text\nline 1\na ``` in it\n````\n\n</details>"
	if markdown := Markdown(r); !strings.Contains(markdown, want) {
		t.Errorf("Markdown lacks the detail:\n%s", markdown)
	}
}
