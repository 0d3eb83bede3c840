package infra

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/report"
)

func TestImportID(t *testing.T) {
	tests := map[string]struct {
		kind  string
		after map[string]any
		known string
		want  string
	}{
		"a name is enough":                              {"aws_ssm_parameter", map[string]any{"name": "/blog/dev/contract"}, "", "/blog/dev/contract"},
		"an id that was reported":                       {"aws_vpc", map[string]any{"cidr_block": "10.0.0.0/16"}, "vpc-1", "vpc-1"},
		"an id that nobody knows":                       {"aws_vpc", map[string]any{"cidr_block": "10.0.0.0/16"}, "", ""},
		"the import's form takes the place of the id":   {"aws_s3_object", map[string]any{"bucket": "b", "key": "k"}, "k", "b/k"},
		"a part isn't known yet":                        {"aws_route", map[string]any{"destination_cidr_block": "0.0.0.0/0"}, "r-rtb-1", ""},
		"a second form":                                 {"aws_route", map[string]any{"route_table_id": "rtb-1", "destination_ipv6_cidr_block": "::/0"}, "", "rtb-1_::/0"},
		"a cluster by its ARN":                          {"aws_ecs_service", map[string]any{"cluster": "arn:aws:ecs:eu-central-1:1:cluster/blog-dev", "name": "web"}, "arn", "blog-dev/web"},
		"a secret's version, whose value it would show": {"aws_secretsmanager_secret_version", map[string]any{}, "arn|1", ""},
		"a parameter whose value is in no state":        {"aws_ssm_parameter", map[string]any{"name": "/a", "value_wo_version": 1.0}, "", ""},
		"a revision, which stands in nobody's way":      {"aws_ecs_task_definition", map[string]any{"family": "blog"}, "blog", ""},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			change := &tfjson.ResourceChange{Type: test.kind, Change: &tfjson.Change{After: test.after}}
			if got := importID(change, test.known); got != test.want {
				t.Errorf("imported by %q, want %q", got, test.want)
			}
		})
	}
}

// adopting is a plan that wants to create three resources of ours.
const adopting = `{"format_version":"1.2","terraform_version":"1.11.4","resource_changes":[
{"address":"aws_ssm_parameter.a","mode":"managed","type":"aws_ssm_parameter","name":"a","change":{"actions":["create"],"before":null,"after":{"name":"/a"}}},
{"address":"aws_ssm_parameter.new","mode":"managed","type":"aws_ssm_parameter","name":"new","change":{"actions":["create"],"before":null,"after":{"name":"/new"}}},
{"address":"aws_vpc.this","mode":"managed","type":"aws_vpc","name":"this","change":{"actions":["create"],"before":null,"after":{}}}]}`

// importing is a terraform that keeps each plan's imports, and whose plan fails while one of them is of what MISSING names.
const importing = `#!/bin/sh
printf '%s\n' "$*" >>"$RECORD"
case "$1" in
plan)
    imports=
    while IFS= read -r line; do imports="$imports $line"; done <slipway-imports.tf
    printf '%s\n' "imports$imports" >>"$RECORD"
    case "$imports $MISSING" in *"${MISSING:-none}"*" $MISSING" | *" ALL")
        printf '%s\n' "$DIAGNOSTIC"
        exit 1 ;;
    esac
    exit 2 ;;
show) printf '%s\n' "$PLAN" ;;
version) echo '{"terraform_version": "1.11.4"}' ;;
esac
`

func TestAPlanImportsWhatAKilledApplyCreated(t *testing.T) {
	const about = `{"type":"diagnostic","diagnostic":{"severity":"error","summary":"Cannot import non-existent remote object",` +
		`"detail":"While attempting to import an existing object to \"aws_ssm_parameter.a\", the provider detected that no object exists with the given id."}}`
	const unclear = `{"type":"diagnostic","diagnostic":{"severity":"error","summary":"couldn't find resource"}}`
	const a, vpc = `import {   to = aws_ssm_parameter.a   id = "/a" }`, `import {   to = aws_vpc.this   id = "vpc-1" }`
	tests := map[string]struct {
		missing, diagnostic string
		drift               string
		imports             []string // of each plan
		forgotten           []string
		lines               []string
		fails               bool
	}{
		"one was to replace another, which the state has and which is gone": {
			drift:     `{"address":"aws_ssm_parameter.a","mode":"managed","type":"aws_ssm_parameter","name":"a","change":{"actions":["delete"],"before":{"name":"/old"},"after":null}}`,
			imports:   []string{"", a + " " + vpc},
			forgotten: []string{"state rm -no-color -lock-timeout=0s -lock=false aws_ssm_parameter.a"},
			lines:     []string{"aws_ssm_parameter.a: exists since then, and is to be imported", "aws_vpc.this: exists since then, and is to be imported"},
		},
		"all of it exists": {
			imports: []string{"", a + " " + vpc},
			lines:   []string{"aws_ssm_parameter.a: exists since then, and is to be imported", "aws_vpc.this: exists since then, and is to be imported"},
		},
		"one doesn't": {
			missing: "ssm_parameter", diagnostic: about, imports: []string{"", a + " " + vpc, vpc},
			lines: []string{"aws_vpc.this: exists since then, and is to be imported"},
		},
		"nobody says which doesn't: not that which Terraform reported": {
			missing: "ssm_parameter", diagnostic: unclear, imports: []string{"", a + " " + vpc, vpc},
			lines: []string{"aws_vpc.this: exists since then, and is to be imported"},
		},
		"nor can that be imported": {
			missing: "vpc", diagnostic: unclear, imports: []string{"", a + " " + vpc, vpc, ""},
			lines: []string{"warning: aws_vpc.this: vpc-1 was created, and can't be imported; look whether it is there still, and import or delete it"},
		},
		"the configuration is broken": {missing: "ALL", diagnostic: unclear, imports: []string{""}, fails: true},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			tf, calls, said := fake(t, map[string]answer{})
			if err := os.WriteFile(filepath.Join(os.Getenv("PATH"), "terraform"), []byte(importing), 0o755); err != nil {
				t.Fatal(err)
			}
			t.Setenv("PLAN", strings.Replace(strings.ReplaceAll(adopting, "\n", ""), `"resource_changes"`, `"resource_drift":[`+test.drift+`],"resource_changes"`, 1))
			t.Setenv("DIAGNOSTIC", test.diagnostic)
			t.Setenv("MISSING", test.missing)
			tf.Adopt(map[string]string{"aws_ssm_parameter.a": "", "aws_vpc.this": "vpc-1"}, nil)
			_, err := tf.Plan(t.Context(), Target{Name: "blog", Environment: "dev", Region: "eu-central-1"}, filepath.Join(t.TempDir(), "plan"))
			if (err != nil) != test.fails {
				t.Errorf("error %v", err)
			}
			var imports, forgotten []string
			for _, call := range calls() {
				if found, ok := strings.CutPrefix(call, "imports"); ok {
					imports = append(imports, strings.TrimSpace(found))
				}
				if strings.HasPrefix(call, "state ") {
					forgotten = append(forgotten, call)
				}
			}
			if diff := cmp.Diff(test.forgotten, forgotten); diff != "" {
				t.Errorf("taken out of the state (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(test.imports, imports); diff != "" {
				t.Errorf("imports of each plan (-want +got):\n%s", diff)
			}
			var lines []string
			lines = append(lines, *said...)
			if diff := cmp.Diff(test.lines, lines); diff != "" {
				t.Errorf("lines (-want +got):\n%s", diff)
			}
			if _, err := os.Stat(filepath.Join(tf.dir, ImportsFile)); err == nil {
				t.Error("the imports are left in the root module")
			}
		})
	}
}

// Of what has no id as yet, one alone is imported that no other resource has.
func TestWhatIsFoundIsImportedWhereItIsOneAlone(t *testing.T) {
	denied := errors.New("AccessDenied")
	read := &tfjson.Plan{PriorState: &tfjson.State{Values: &tfjson.StateValues{RootModule: &tfjson.StateModule{Resources: []*tfjson.StateResource{
		{Address: "aws_vpc.other", AttributeValues: map[string]any{"id": "vpc-state"}},
	}}}}}
	tests := map[string]struct {
		kind, known string
		found       []string
		err         error
		want        string
		exists      bool
	}{
		"one":                                {"aws_vpc", "", []string{"vpc-1"}, nil, "vpc-1", true},
		"none":                               {"aws_vpc", "", nil, nil, "", false},
		"two":                                {"aws_vpc", "", []string{"vpc-1", "vpc-2"}, nil, "", false},
		"one beside that of the state":       {"aws_vpc", "", []string{"vpc-1", "vpc-state"}, nil, "vpc-1", true},
		"one beside those that are imported": {"aws_vpc", "", []string{"vpc-import", "vpc-reported", "vpc-1"}, nil, "vpc-1", true},
		"that of the state alone":            {"aws_vpc", "", []string{"vpc-state"}, nil, "", false},
		"it can't be asked for":              {"aws_vpc", "", nil, denied, "", false},
		"its id was reported":                {"aws_vpc", "vpc-0", []string{"vpc-1"}, nil, "vpc-0", true},
		"nobody looks for such":              {"aws_ssm_parameter", "", nil, nil, "/a", false},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			tf, _, _ := fake(t, map[string]answer{})
			tf.Adopt(map[string]string{"aws_vpc.reported": "vpc-reported", "aws_vpc.this": test.known}, func(_ context.Context, kind string, attributes map[string]any) ([]string, bool, error) {
				if attributes["name"] != "/a" {
					t.Errorf("attributes %v", attributes)
				}
				return test.found, kind == "aws_vpc", test.err
			})
			change := &tfjson.ResourceChange{Type: test.kind, Change: &tfjson.Change{After: map[string]any{"name": "/a"}}}
			id, exists, err := tf.importBy(t.Context(), change, test.known, tf.others(read, map[string]string{"aws_vpc.imported": "vpc-import"}))
			if id != test.want || exists != test.exists || !errors.Is(err, test.err) {
				t.Errorf("%q, exists %t, %v; want %q", id, exists, err, test.want)
			}
		})
	}
}

func TestAStateThatCouldNotBeWritten(t *testing.T) {
	state := func(lineage string, serial string) string {
		return `{"version":4,"lineage":"` + lineage + `","serial":` + serial + `}`
	}
	current := Snapshot{Lineage: "ours", Serial: 7}
	tests := map[string]struct {
		kept, errored string
		current       Snapshot
		pushed        bool
		line          string
		left          bool
	}{
		"it follows the state":                               {errored: state("ours", "8"), current: current, pushed: true, line: "put the state that an apply could not write (serial 8) in its place"},
		"it follows, and was kept":                           {kept: state("ours", "9"), current: current, pushed: true, line: "(serial 9)"},
		"it is older":                                        {errored: state("ours", "7"), current: current, left: true, line: "is older than the state (serial 7, the state has 7)"},
		"it is another environment's":                        {errored: state("theirs", "8"), current: current, left: true, line: "of another environment could not write (lineage theirs)"},
		"it is half a state":                                 {errored: state("ours", "8")[:20], current: current, left: true, line: "is not a whole state"},
		"there is no state, and it was kept":                 {kept: state("ours", "1"), pushed: true, line: "(serial 1)"},
		"there is no state, and it may be any environment's": {errored: state("ours", "1"), left: true, line: "may be another environment's"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			tf, calls, lines := fake(t, map[string]answer{})
			kept, errored := filepath.Join(t.TempDir(), "kept"), filepath.Join(tf.dir, "errored.tfstate")
			for file, content := range map[string]string{kept: test.kept, errored: test.errored} {
				if content != "" {
					if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
						t.Fatal(err)
					}
				}
			}
			if !tf.Errored(kept) {
				t.Error("it isn't seen")
			}
			if err := tf.PushErrored(t.Context(), kept, test.current); err != nil {
				t.Fatal(err)
			}
			pushed := false
			for _, call := range calls() {
				pushed = pushed || strings.HasPrefix(call, "state push ") && strings.Contains(call, "-lock=false")
			}
			if pushed != test.pushed {
				t.Errorf("pushed: %t, calls %q", pushed, calls())
			}
			if len(*lines) != 1 || !strings.Contains((*lines)[0], test.line) {
				t.Errorf("lines %q, want one with %q", *lines, test.line)
			}
			if got := tf.Errored(kept); got != test.left {
				t.Errorf("still there: %t, want %t", got, test.left)
			}
		})
	}
}

func TestAStateIsKeptWhereItOutlivesTheRun(t *testing.T) {
	tf, _, _ := fake(t, map[string]answer{})
	kept := filepath.Join(t.TempDir(), "rescue", "blog-dev.tfstate")
	if moved, err := tf.Keep(kept); moved || err != nil {
		t.Errorf("moved %t, %v without a state", moved, err)
	}
	if err := os.WriteFile(tf.errored(), []byte("state"), 0o600); err != nil {
		t.Fatal(err)
	}
	if moved, err := tf.Keep(kept); !moved || err != nil {
		t.Errorf("moved %t, %v", moved, err)
	}
	if content, err := os.ReadFile(kept); string(content) != "state" || err != nil {
		t.Errorf("kept %q, %v", content, err)
	}
	if tf.Errored("") {
		t.Error("it is still in the root module")
	}
}

// stubborn is a terraform that says what it does, and ends after it when it is interrupted.
const stubborn = `#!/bin/sh
trap 'interrupted=1' INT
printf '%s\n' '{"type":"apply_complete","hook":{"resource":{"addr":"aws_vpc.this"},"action":"create","id_value":"vpc-1"}}'
printf '%s\n' '{"type":"apply_start","hook":{"resource":{"addr":"aws_lb.this"},"action":"create"}}'
: >"$READY"
i=0
while [ -z "$interrupted" ] && [ "$i" -lt 600 ]; do "$SLEEP" 0.1; i=$((i+1)); done
exit 1
`

func TestAnApplyThatIsEndedEarly(t *testing.T) {
	plan := &tfjson.Plan{}
	for _, address := range []string{"aws_vpc.this", "aws_lb.this", "aws_ecs_cluster.this"} {
		plan.ResourceChanges = append(plan.ResourceChanges, &tfjson.ResourceChange{
			Address: address, Mode: tfjson.ManagedResourceMode, Change: &tfjson.Change{Actions: tfjson.Actions{tfjson.ActionCreate}},
		})
	}
	taken := errors.New("taken over by bob")
	tests := map[string]struct {
		end    func(interrupt, take func())
		killed bool
		effect string
	}{
		"interrupted": {func(interrupt, _ func()) { interrupt() }, false,
			"of 3 resources, 1 were done and are in the state, 1 were begun and not done, 1 were not begun; the next plan goes on from there"},
		"the lease is taken": {func(_, take func()) { take() }, true, "what Terraform was doing when it was killed may be in no state; the next run looks for it"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			sleep := "/bin/sleep"
			tf, _, _ := fake(t, map[string]answer{})
			ready := filepath.Join(t.TempDir(), "ready")
			t.Setenv("READY", ready)
			t.Setenv("SLEEP", sleep)
			if err := os.WriteFile(filepath.Join(os.Getenv("PATH"), "terraform"), []byte(stubborn), 0o755); err != nil {
				t.Fatal(err)
			}
			ctx, interrupt := context.WithCancel(t.Context())
			defer interrupt()
			lost, take := context.WithCancelCause(t.Context())
			tf.Hold(t.Context(), lost)
			go func() {
				for {
					if _, err := os.Stat(ready); err == nil {
						break
					}
					time.Sleep(10 * time.Millisecond)
				}
				test.end(interrupt, func() { take(taken) })
			}()
			cut, err := tf.Apply(ctx, "saved", plan, nil)
			failure, _ := errors.AsType[*report.Failure](err)
			if failure == nil || failure.Effect != test.effect {
				t.Fatalf("error %#v", err)
			}
			if errors.Is(err, ErrKilled) != test.killed {
				t.Errorf("killed: %t", errors.Is(err, ErrKilled))
			}
			if test.killed {
				return
			}
			if diff := cmp.Diff(map[string]string{"aws_lb.this": ""}, cut); diff != "" {
				t.Errorf("cut off (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff([]string{"done: aws_vpc.this", "begun, and not done: aws_lb.this", "not begun: aws_ecs_cluster.this"}, failure.Detail); diff != "" {
				t.Errorf("detail (-want +got):\n%s", diff)
			}
		})
	}
}

// The lease may be lost while the plan is shown; that, and not a cancelled context, is why it failed.
func TestAPlanWhoseLeaseIsLostSaysSo(t *testing.T) {
	tf, _, _ := fake(t, map[string]answer{"plan": {status: 2}})
	held, lose := context.WithCancelCause(t.Context())
	tf.Hold(held, t.Context())
	script := "#!/bin/sh\nif [ \"$1\" = show ]; then : >\"$READY\"; exec /bin/sleep 60; fi\nif [ \"$1\" = version ]; then echo '{\"terraform_version\": \"1.11.4\"}'; fi\n"
	ready := filepath.Join(t.TempDir(), "ready")
	t.Setenv("READY", ready)
	if err := os.WriteFile(filepath.Join(os.Getenv("PATH"), "terraform"), []byte(script), 0o755); err != nil {
		t.Fatal(err)
	}
	go func() {
		for {
			if _, err := os.Stat(ready); err == nil {
				break
			}
			time.Sleep(10 * time.Millisecond)
		}
		lose(&report.Failure{Reason: "the lease was taken over by bob"})
	}()
	_, err := tf.Plan(t.Context(), Target{Name: "blog", Environment: "dev", Region: "eu-central-1"}, filepath.Join(t.TempDir(), "plan"))
	failure, _ := errors.AsType[*report.Failure](err)
	if failure == nil || failure.Reason != "the lease was taken over by bob" {
		t.Errorf("error %v", err)
	}
}
