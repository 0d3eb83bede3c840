package drift

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/plan"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// planOf is a plan with these parts, as terraform show -json writes them and the program reads them.
func planOf(t *testing.T, drift, changes []string, rest ...string) *tfjson.Plan {
	t.Helper()
	document := fmt.Sprintf(`{"format_version": "1.2", "terraform_version": "1.11.4", "resource_drift": [%s], "resource_changes": [%s]%s}`,
		strings.Join(drift, ","), strings.Join(changes, ","), strings.Join(rest, ""))
	read, err := plan.Read(strings.NewReader(document))
	if err != nil {
		t.Fatalf("%v\n%s", err, document)
	}
	return read
}

// entry is one resource in either list.
func entry(address, actions, before, after string, more ...string) string {
	return fmt.Sprintf(`{"address": %q, "mode": "managed", "type": %q, "name": "this", "change": {"actions": [%s], "before": %s, "after": %s%s}}`,
		address, kind(address), actions, before, after, strings.Join(more, ""))
}

const (
	group    = "module.service.aws_cloudwatch_log_group.this"
	database = "module.database.aws_db_instance.this"
)

func TestCompare(t *testing.T) {
	changed := func(address, next string, changes ...report.AttributeChange) report.DriftedResource {
		return report.DriftedResource{Address: address, Kind: "changed", Changes: changes, Next: next}
	}
	tests := map[string]struct {
		drift, changes []string
		want           report.Drift
	}{
		"nothing": {changes: []string{entry(group, `"no-op"`, `{"a": 1}`, `{"a": 1}`)}},
		"a value that the next apply sets back": {
			drift:   []string{entry(group, `"update"`, `{"id": "/slipway", "retention": 14}`, `{"id": "/slipway", "retention": 3}`)},
			changes: []string{entry(group, `"update"`, `{"id": "/slipway", "retention": 3}`, `{"id": "/slipway", "retention": 14}`)},
			want: report.Drift{Resources: []report.DriftedResource{{
				Address: group, Kind: "changed", Identifiers: []string{"/slipway"}, Next: "updates it",
				Changes: []report.AttributeChange{{Path: "retention", Before: "14", After: "3", Next: "sets it back"}},
			}}},
		},
		"a value that the configuration sets to a third by now": {
			drift:   []string{entry(group, `"update"`, `{"retention": 14}`, `{"retention": 3}`)},
			changes: []string{entry(group, `"update"`, `{"retention": 3}`, `{"retention": 30}`)},
			want: report.Drift{Resources: []report.DriftedResource{
				changed(group, "updates it", report.AttributeChange{Path: "retention", Before: "14", After: "3", Next: "sets it to 30"}),
			}},
		},
		"a value that the configuration agrees with by now, or ignores, or says nothing on": {
			drift:   []string{entry(group, `"update"`, `{"retention": 14}`, `{"retention": 3}`)},
			changes: []string{entry(group, `"no-op"`, `{"retention": 3}`, `{"retention": 3}`)},
			want: report.Drift{Left: []report.DriftedResource{
				changed(group, "leaves it", report.AttributeChange{Path: "retention", Before: "14", After: "3"}),
			}},
		},
		"a value set back, a computed one, and one that we change, in one resource": {
			drift:   []string{entry(group, `"update"`, `{"retention": 14, "seen": "1", "class": "A"}`, `{"retention": 3, "seen": "2", "class": "A"}`)},
			changes: []string{entry(group, `"update"`, `{"retention": 3, "seen": "2", "class": "A"}`, `{"retention": 14, "class": "B"}`, `, "after_unknown": {"seen": true}`)},
			want: report.Drift{
				Resources: []report.DriftedResource{changed(group, "updates it", report.AttributeChange{Path: "retention", Before: "14", After: "3", Next: "sets it back"})},
				Left:      []report.DriftedResource{changed(group, "leaves it", report.AttributeChange{Path: "seen", Before: "1", After: "2"})},
				Pending:   []report.PendingChange{{Address: group, Action: "update", Attributes: []string{"class"}}},
			},
		},
		"only our own changes": {
			changes: []string{
				entry("aws_vpc.a", `"create"`, `null`, `{"cidr": "10.0.0.0/16"}`),
				entry("aws_vpc.b", `"delete"`, `{"cidr": "10.0.0.0/16"}`, `null`),
				entry("aws_vpc.c", `"delete", "create"`, `{"cidr": "10.0.0.0/16"}`, `{"cidr": "10.1.0.0/16"}`, `, "replace_paths": [["cidr"]]`),
				entry("aws_vpc.d", `"update"`, `{"tags": {"Owner": "a"}}`, `{"tags": {"Owner": "b"}}`),
			},
			want: report.Drift{Pending: []report.PendingChange{
				{Address: "aws_vpc.a", Action: "create"}, {Address: "aws_vpc.b", Action: "destroy"},
				{Address: "aws_vpc.c", Action: "replace", Attributes: []string{"cidr"}},
				{Address: "aws_vpc.d", Action: "update", Attributes: []string{"tags.Owner"}},
			}},
		},
		"what was deleted is made anew": {
			drift:   []string{entry(group, `"delete"`, `{"id": "g", "name": "n", "arn": "arn:g"}`, `null`)},
			changes: []string{entry(group, `"create"`, `null`, `{"name": "n"}`)},
			want: report.Drift{Resources: []report.DriftedResource{
				{Address: group, Kind: "deleted", Identifiers: []string{"g", "arn:g", "n"}, Next: "makes it anew"},
			}},
		},
		"what was deleted has left the configuration too": {
			drift: []string{entry(group, `"delete"`, `{"id": "g"}`, `null`)},
			want: report.Drift{Resources: []report.DriftedResource{
				{Address: group, Kind: "deleted", Identifiers: []string{"g"}, Next: "forgets it: the configuration doesn't have it any more"},
			}},
		},
		"a value whose repair replaces the resource": {
			drift:   []string{entry(database, `"update"`, `{"az": "a", "id": "x"}`, `{"az": "b", "id": "x"}`)},
			changes: []string{entry(database, `"delete", "create"`, `{"az": "b", "id": "x"}`, `{"az": "a"}`, `, "after_unknown": {"id": true}, "replace_paths": [["az"]]`)},
			want: report.Drift{Resources: []report.DriftedResource{
				{Address: database, Kind: "changed", Identifiers: []string{"x"}, Next: "REPLACES it", Changes: []report.AttributeChange{{Path: "az", Before: "a", After: "b", Next: "sets it back"}}},
			}},
		},
		"a sensitive value, and one whose name gives it away": {
			drift: []string{entry(database, `"update"`,
				`{"master": "old-value", "settings": {"api_token": "old-value", "mode": "a"}}`, `{"master": "new-value", "settings": {"api_token": "new-value", "mode": "b"}}`,
				`, "before_sensitive": {"master": true}, "after_sensitive": {}`)},
			changes: []string{entry(database, `"update"`, `{"master": "new-value", "settings": {"api_token": "new-value", "mode": "b"}}`, `{"master": "third-value", "settings": {"api_token": "third-value", "mode": "a"}}`, `, "after_sensitive": {"master": true}`)},
			want: report.Drift{
				Resources: []report.DriftedResource{changed(database, "updates it",
					report.AttributeChange{Path: "master", Before: "(sensitive)", After: "(sensitive)", Next: "sets it to (sensitive)"},
					report.AttributeChange{Path: "settings.api_token", Before: "(sensitive)", After: "(sensitive)", Next: "sets it to (sensitive)"},
					report.AttributeChange{Path: "settings.mode", Before: "a", After: "b", Next: "sets it back"},
				)},
			},
		},
		"a tag that was added, in a map that the next apply sets as a whole": {
			drift:   []string{entry("aws_vpc.a", `"update"`, `{"tags": {"Name": "x"}}`, `{"tags": {"Name": "x", "Owner": "jane"}}`)},
			changes: []string{entry("aws_vpc.a", `"update"`, `{"tags": {"Name": "x", "Owner": "jane"}}`, `{"tags": {"Name": "x"}}`)},
			want: report.Drift{Resources: []report.DriftedResource{
				changed("aws_vpc.a", "updates it", report.AttributeChange{Path: "tags.Owner", After: "jane", Next: "sets it back"}),
			}},
		},
		"a resource whose configuration is gone": {
			drift:   []string{entry("aws_vpc.a", `"update"`, `{"mode": "x"}`, `{"mode": "y"}`)},
			changes: []string{entry("aws_vpc.a", `"delete"`, `{"mode": "y"}`, `null`)},
			want: report.Drift{Resources: []report.DriftedResource{
				changed("aws_vpc.a", "destroys it: the configuration doesn't have it any more", report.AttributeChange{Path: "mode", Before: "x", After: "y", Next: "destroys the resource"}),
			}},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			got := Compare(planOf(t, test.drift, test.changes))
			if diff := cmp.Diff(&test.want, got); diff != "" {
				t.Errorf("drift (-want +got):\n%s", diff)
			}
			if text := fmt.Sprint(got); strings.Contains(text, "-value") {
				t.Errorf("a sensitive value is shown: %s", text)
			}
		})
	}
}

func TestDifferences(t *testing.T) {
	policy := func(action string) string {
		return `{"p": "{\"Statement\": [{\"Action\": \"` + action + `\", \"Effect\": \"Allow\"}]}"}`
	}
	definition := func(value string) string {
		return `{"d": "[{\"name\":\"web\",\"cpu\":` + value + `,\"environment\":[{\"name\":\"MODE\",\"value\":\"canary` + value + `\"}],\"command\":[\"canary\"]}]"}`
	}
	tests := map[string]struct {
		before, after string
		want          []string
	}{
		"a number, a flag, a text":                           {`{"a": 1, "b": true, "c": "x"}`, `{"a": 2.5, "b": false, "c": "y"}`, []string{"a: 1 → 2.5", "b: true → false", "c: x → y"}},
		"null, an empty text and an empty list are the same": {`{"a": null, "b": "", "c": []}`, `{"a": "", "b": null, "c": null}`, nil},
		"a value that comes, and one that goes":              {`{"a": "x"}`, `{"b": "y"}`, []string{"a: x → ", "b:  → y"}},
		"one block, attribute by attribute":                  {`{"check": [{"path": "/a", "port": 80}]}`, `{"check": [{"path": "/b", "port": 80}]}`, []string{"check[0].path: /a → /b"}},
		"a set in another order":                             {`{"groups": ["a", "b"]}`, `{"groups": ["b", "a"]}`, nil},
		"a set with another member":                          {`{"groups": ["a", "b"]}`, `{"groups": ["c", "a"]}`, []string{"groups: [a, b] → [a, c]"}},
		"several blocks, as a whole":                         {`{"r": [{"p": 1}, {"p": 2}]}`, `{"r": [{"p": 2}]}`, []string{`r: [{"p":1}, {"p":2}] → [{"p":2}]`}},
		"a JSON document with other spaces":                  {`{"p": "{\"a\": 1}"}`, `{"p": "{\"a\":1}"}`, nil},
		"a JSON document with another value":                 {policy("s3:Get"), policy("s3:*"), []string{`p: {"Statement":[{"Action":"s3:Get","Effect":"Allow"}]} → {"Statement":[{"Action":"s3:*","Effect":"Allow"}]}`}},
		"a container's environment and command are hidden": {definition("1"), definition("2"), []string{
			`d: [{"command":"(sensitive)","cpu":1,"environment":"(sensitive)","name":"web"}] → [{"command":"(sensitive)","cpu":2,"environment":"(sensitive)","name":"web"}]`,
		}},
		"several lines":                     {`{"a": "x\ny"}`, `{"a": "x"}`, []string{`a: x\ny → x`}},
		"a long text":                       {`{"a": "` + strings.Repeat("x", 400) + `"}`, `{"a": "y"}`, []string{"a: " + strings.Repeat("x", 300) + "… → y"}},
		"long texts that differ at the end": {`{"a": "` + strings.Repeat("x", 400) + `1"}`, `{"a": "` + strings.Repeat("x", 400) + `2"}`, []string{"a: (too long to show) → (too long to show, and different)"}},
		"names that look like a secret's":   {`{"db_password": "a", "secret_arn": "a", "password_wo_version": 1}`, `{"db_password": "b", "secret_arn": "b", "password_wo_version": 2}`, []string{"db_password: (sensitive) → (sensitive)", "password_wo_version: 1 → 2", "secret_arn: a → b"}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			var before, after any
			for text, value := range map[string]*any{test.before: &before, test.after: &after} {
				if err := json.Unmarshal([]byte(text), value); err != nil {
					t.Fatal(err)
				}
			}
			var got []string
			for _, d := range differences(before, after, nil, nil) {
				got = append(got, d.path.String()+": "+d.before+" → "+d.after)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("differences (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAValueInASensitiveBlockIsHidden(t *testing.T) {
	before := map[string]any{"auth": []any{map[string]any{"user": "canary-a"}}, "list": []any{"canary-a", "b"}}
	after := map[string]any{"auth": []any{map[string]any{"user": "canary-b"}}, "list": []any{"canary-c", "b"}}
	mask := map[string]any{"auth": true, "list": []any{true, false}}
	for _, d := range differences(before, after, mask, map[string]any{}) {
		if d.before != hidden || d.after != hidden {
			t.Errorf("%s is shown as %q and %q", d.path, d.before, d.after)
		}
	}
}

func TestKind(t *testing.T) {
	for address, want := range map[string]string{
		"aws_lb.this":          "aws_lb",
		"module.a.aws_lb.this": "aws_lb",
		`module.a["x.y[0]"].module.b[1].aws_lb.c["d"]`: "aws_lb",
		"module.module.aws_lb.module":                  "aws_lb",
		`module.a["\"aws_x.y"].aws_lb.this`:            "aws_lb",
		"nonsense":                                     "",
	} {
		if got := kind(address); got != want {
			t.Errorf("kind of %s: %q, want %q", address, got, want)
		}
	}
}

// configuration is that of a module's resources.
func configuration(configured string) string {
	return `, "configuration": {"root_module": {"module_calls": {"m": {"module": {"resources": [` + configured + `]}}}}}`
}

// there is a resource as a plan that changes nothing of it found it.
func there(kind, name, values string) string {
	return entry("module.m."+kind+"."+name, `"no-op"`, values, values)
}

func TestAdditions(t *testing.T) {
	plain := `{"address": "aws_security_group.this", "mode": "managed", "type": "aws_security_group", "expressions": {"name": {"constant_value": "x"}}}`
	inline := `{"address": "aws_security_group.this", "mode": "managed", "type": "aws_security_group", "expressions": {"ingress": {}}}`
	securityGroup := func(ingress, egress string) string {
		return there("aws_security_group", "this", `{"id": "sg-1", "ingress": [`+ingress+`], "egress": [`+egress+`]}`)
	}
	block := func(protocol string, port int, more string) string {
		return fmt.Sprintf(`{"protocol": "%s", "from_port": %d, "to_port": %[2]d, %s}`, protocol, port, more)
	}
	visitors := there("aws_vpc_security_group_ingress_rule", "visitors", `{"security_group_id": "sg-1", "ip_protocol": "tcp", "from_port": 80, "to_port": 80, "cidr_ipv4": "0.0.0.0/0"}`)
	tests := map[string]struct {
		resources  []string
		configured string
		want       []string
	}{
		"a rule that a resource holds":                  {[]string{securityGroup(block("tcp", 80, `"cidr_blocks": ["0.0.0.0/0"]`), ""), visitors}, plain, nil},
		"a rule that nobody holds":                      {[]string{securityGroup(block("tcp", 22, `"cidr_blocks": ["0.0.0.0/0"]`), ""), visitors}, plain, []string{"ingress: tcp 22 from 0.0.0.0/0"}},
		"a range beside one that is held, in one block": {[]string{securityGroup(block("tcp", 80, `"cidr_blocks": ["0.0.0.0/0", "10.0.0.0/8"]`), ""), visitors}, plain, []string{"ingress: tcp 80 from 10.0.0.0/8"}},
		"the same rule in the other direction":          {[]string{securityGroup("", block("tcp", 80, `"cidr_blocks": ["0.0.0.0/0"]`)), visitors}, plain, []string{"egress: tcp 80 to 0.0.0.0/0"}},
		"everything, which has no ports": {
			[]string{securityGroup("", block("-1", 0, `"cidr_blocks": ["0.0.0.0/0"]`)), there("aws_vpc_security_group_egress_rule", "all", `{"security_group_id": "sg-1", "ip_protocol": "-1", "from_port": null, "to_port": null, "cidr_ipv4": "0.0.0.0/0"}`)},
			plain, nil,
		},
		"the group itself, and one of another account": {
			[]string{
				securityGroup(block("tcp", 80, `"self": true, "security_groups": ["111122223333/sg-2"]`), ""),
				there("aws_vpc_security_group_ingress_rule", "self", `{"security_group_id": "sg-1", "ip_protocol": "tcp", "from_port": 80, "to_port": 80, "referenced_security_group_id": "sg-1"}`),
				there("aws_vpc_security_group_ingress_rule", "other", `{"security_group_id": "sg-1", "ip_protocol": "6", "from_port": 80, "to_port": 80, "referenced_security_group_id": "sg-2"}`),
			}, plain, nil,
		},
		"the older resource for a rule": {
			[]string{securityGroup(block("tcp", 80, `"ipv6_cidr_blocks": ["::/0"]`), ""), there("aws_security_group_rule", "x", `{"security_group_id": "sg-1", "type": "ingress", "protocol": "tcp", "from_port": 80, "to_port": 80, "ipv6_cidr_blocks": ["::/0"]}`)},
			plain, nil,
		},
		"a rule that is only going to be made": {
			[]string{securityGroup(block("tcp", 80, `"cidr_blocks": ["0.0.0.0/0"]`), ""), entry("module.m.aws_vpc_security_group_ingress_rule.visitors", `"create"`, "null", `{"security_group_id": "sg-1"}`)},
			plain, []string{"ingress: tcp 80 from 0.0.0.0/0"},
		},
		"rules that the group's configuration holds itself": {[]string{securityGroup(block("tcp", 22, `"cidr_blocks": ["0.0.0.0/0"]`), "")}, inline, nil},
		"policies of a role": {
			[]string{
				there("aws_iam_role", "task", `{"id": "task", "name": "task", "inline_policy": [{"name": "ours"}, {"name": "theirs"}], "managed_policy_arns": ["arn:ours", "arn:admin"]}`),
				there("aws_iam_role_policy", "ours", `{"role": "task", "name": "ours"}`),
				there("aws_iam_role_policy_attachment", "ours", `{"role": "task", "policy_arn": "arn:ours"}`),
			}, "", []string{"inline_policy: the inline policy theirs", "managed_policy_arns: arn:admin"},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			var got []string
			for _, resource := range Compare(planOf(t, nil, test.resources, configuration(test.configured))).Resources {
				if resource.Kind != "added" {
					t.Errorf("%s is %s, not added", resource.Address, resource.Kind)
				}
				for _, change := range resource.Changes {
					got = append(got, change.Path+": "+change.After)
				}
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("additions (-want +got):\n%s", diff)
			}
		})
	}
}

// The state that an apply leaves has groups as they were before their rules were made, and the next plan finds the rules.
func TestRulesThatWereMadeAfterTheirGroupAreNoDrift(t *testing.T) {
	changed := planOf(t,
		[]string{entry("module.m.aws_security_group.this", `"update"`, `{"id": "sg-1", "ingress": []}`, `{"id": "sg-1", "ingress": [{"protocol": "tcp"}]}`)},
		[]string{entry("module.m.aws_security_group.this", `"no-op"`, `{}`, `{}`)},
	)
	if diff := cmp.Diff(&report.Drift{}, Compare(changed)); diff != "" {
		t.Errorf("drift (-want +got):\n%s", diff)
	}
}
