package report

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func driftResult() Result {
	moment := time.Date(2026, 11, 24, 21, 13, 5, 0, time.UTC)
	return Result{Operation: "drift", Name: "blog", Environment: "dev", Outcome: Drifted, Drift: &Drift{
		Resources: []DriftedResource{
			{
				Address: `module.edge["a<b"].aws_lb.this`, Kind: "changed", Next: "updates it",
				Changes: []AttributeChange{{Path: "tags.Owner", Before: "", After: "a|b", Next: "sets it back"}, {Path: "idle", Before: "60", After: "400", Next: "sets it to 90"}},
				By:      []TrailEvent{{Time: moment, Name: "AddTags", By: "role admin, session jane", With: "the console"}, {Time: moment, Name: "ModifyLoadBalancerAttributes", By: "user joe"}},
			},
			{Address: "aws_eip.this", Kind: "deleted", Next: "makes it anew"},
			{Address: "aws_security_group.this", Kind: "added", Next: "leaves it", Changes: []AttributeChange{{Path: "ingress", After: "tcp 22 from 0.0.0.0/0"}}},
		},
		Ignored: []KnownDifference{{Address: "aws_lb.old", Change: AttributeChange{Path: "idle", Before: "60", After: "61"}, Reason: "uploads, OPS-1", Expires: "2027-03-31"}},
		Left:    []DriftedResource{{Address: "aws_db_instance.this", Changes: []AttributeChange{{Path: "status", Before: "a", After: "b"}}}},
		Pending: []PendingChange{{Address: "aws_vpc.new", Action: "create"}, {Address: "aws_lb.other", Action: "update", Attributes: []string{"idle", "tags.Name"}}},
		Notes:   []string{"drift.ignore:3: the entry has expired"},
	}}
}

func TestDriftOnATerminal(t *testing.T) {
	var b strings.Builder
	if err := WriteTerminal(&b, driftResult()); err != nil {
		t.Fatal(err)
	}
	want := `blog-dev, drift: 1 changed, 1 deleted, 1 added outside of Terraform
~ module.edge["a<b"].aws_lb.this: changed outside
    tags.Owner: + a|b; the next apply sets it back
    idle: 60 → 400; the next apply sets it to 90
    next apply: updates it
    AddTags by role admin, session jane, 2026-11-24 21:13 UTC, with the console
    ModifyLoadBalancerAttributes by user joe, 2026-11-24 21:13 UTC
- aws_eip.this: deleted outside
    next apply: makes it anew
+ aws_security_group.this: something was added to it outside
    ingress: + tcp 22 from 0.0.0.0/0
    next apply: leaves it
not applied yet, and no drift:
    create aws_vpc.new
    update aws_lb.other (idle, tags.Name)
known until 2027-03-31: aws_lb.old idle: 60 → 61 (uploads, OPS-1)
left alone by the next apply, and no drift: aws_db_instance.this (status)
drift.ignore:3: the entry has expired
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("terminal (-want +got):\n%s", diff)
	}
	b.Reset()
	if err := WriteTerminal(&b, Result{Operation: "drift", Name: "blog", Environment: "dev", Outcome: Succeeded, Drift: &Drift{}}); err != nil {
		t.Fatal(err)
	}
	if want := "blog-dev, no drift\n"; b.String() != want {
		t.Errorf("without drift: %q, want %q", b.String(), want)
	}
}

func TestDriftAsAnIssue(t *testing.T) {
	want := "## ≠ drift: blog-dev\n\n**Drift: 1 changed, 1 deleted, 1 added outside of Terraform.**\n\n- drift.ignore:3: the entry has expired\n\n" +
		"|  | resource | what | next apply | by |\n| --- | --- | --- | --- | --- |\n" +
		"| ~ | `module.edge[\"a<b\"].aws_lb.this` | changed: `tags.Owner`, `idle` | updates it | role admin, session jane, 2026-11-24 21:13 UTC |\n" +
		"| - | `aws_eip.this` | deleted | makes it anew | unknown |\n" +
		"| + | `aws_security_group.this` | added: `ingress` | leaves it | unknown |\n\n" +
		"<details><summary><code>module.edge[\"a&lt;b\"].aws_lb.this</code>: changed outside</summary>\n\n" +
		"| attribute | before | after | next apply |\n| --- | --- | --- | --- |\n| `tags.Owner` |  | `a\\|b` | sets it back |\n| `idle` | `60` | `400` | sets it to 90 |\n\n" +
		"Next apply: updates it.\n\n- AddTags by role admin, session jane, 2026-11-24 21:13 UTC, with the console\n" +
		"- ModifyLoadBalancerAttributes by user joe, 2026-11-24 21:13 UTC\n\n</details>\n\n" +
		"<details><summary><code>aws_eip.this</code>: deleted outside</summary>\n\nNext apply: makes it anew.\n\n\n</details>\n\n" +
		"<details><summary><code>aws_security_group.this</code>: something was added to it outside</summary>\n\n" +
		"| attribute | before | after | next apply |\n| --- | --- | --- | --- |\n| `ingress` |  | `tcp 22 from 0.0.0.0/0` |  |\n\nNext apply: leaves it.\n\n\n</details>\n\n" +
		"Not applied yet, and no drift:\n\n| action | resource | attributes |\n| --- | --- | --- |\n| create | `aws_vpc.new` |  |\n| update | `aws_lb.other` | idle, tags.Name |\n\n" +
		"Known differences:\n\n| resource | attribute | reason | until |\n| --- | --- | --- | --- |\n| `aws_lb.old` | `idle` | uploads, OPS-1 | 2027-03-31 |\n\n" +
		"<details><summary>1 resources have other values that the next apply leaves alone</summary>\n\n" +
		"| resource | attribute | before | after |\n| --- | --- | --- | --- |\n| `aws_db_instance.this` | `status` | `a` | `b` |\n\n</details>\n"
	if diff := cmp.Diff(want, Markdown(driftResult())); diff != "" {
		t.Errorf("Markdown (-want +got):\n%s", diff)
	}
}

func TestDriftFitsIntoAnIssue(t *testing.T) {
	const limit = 65536
	tests := map[string]struct {
		drift func() *Drift
		want  string
	}{
		"a thousand changed resources": {func() *Drift {
			d := &Drift{}
			for i := range 1000 {
				d.Resources = append(d.Resources, DriftedResource{Address: fmt.Sprintf("aws_vpc.this[%d]", i), Kind: "changed", Next: "updates it", Changes: []AttributeChange{{Path: "tags.Name", Before: strings.Repeat("a", 100), After: "b"}}})
			}
			return d
		}, "1000 more resources without their details, which there is no room for here"},
		"a hundred changed resources with long values": {func() *Drift {
			d := &Drift{}
			for i := range 200 {
				d.Resources = append(d.Resources, DriftedResource{Address: fmt.Sprintf("aws_vpc.this[%d]", i), Kind: "changed", Next: "updates it", Changes: []AttributeChange{{Path: "tags.Name", Before: strings.Repeat("a", 300), After: "b"}}})
			}
			return d
		}, "more resources without their details, which there is no room for here"},
		"ten thousand that are not applied yet": {func() *Drift {
			d := &Drift{}
			for i := range 10000 {
				d.Pending = append(d.Pending, PendingChange{Address: fmt.Sprintf("aws_vpc.this[%d]", i), Action: "create"})
			}
			return d
		}, "more rows, which there is no room for here"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			got := Markdown(Result{Operation: "drift", Name: "blog", Environment: "dev", Outcome: Drifted, Drift: test.drift()})
			if len(got) > limit {
				t.Errorf("%d bytes, and an issue takes %d", len(got), limit)
			}
			if len(got) < limit/2 || !strings.Contains(got, test.want) {
				t.Errorf("%d bytes without %q:\n…%s", len(got), test.want, got[max(0, len(got)-400):])
			}
		})
	}
}

func TestWhatIsHiddenInDrift(t *testing.T) {
	result := driftResult()
	result.Drift.Replace(strings.NewReplacer("400", "***", "61", "***", "tcp 22", "***", "90", "***", "b", "***").Replace)
	var b strings.Builder
	if err := WriteTerminal(&b, result); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"idle: 60 → ***; the next apply sets it to ***", "ingress: + *** from 0.0.0.0/0", "aws_lb.old idle: 60 → ***"} {
		if !strings.Contains(b.String(), line) {
			t.Errorf("it lacks %q:\n%s", line, b.String())
		}
	}
	if after := result.Drift.Left[0].Changes[0].After; after != "***" {
		t.Errorf("what is left alone has %q", after)
	}
}
