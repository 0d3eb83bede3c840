package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestTeardown(t *testing.T) {
	result := Result{Operation: "destroy", Name: "blog", Environment: "dev", Outcome: Succeeded, Teardown: &Teardown{
		Holdings:  []Holding{{"aws_db_instance.this", "mysql, 20 GiB; final snapshot f"}, {"aws_eip.this", ""}},
		Snapshots: []Snapshot{{"f", "available", 20}},
		Leftovers: []Leftover{{"database snapshot", "arn:f", "available", "backup storage"}, {"secret", "s", "vanishes on 2026-12-24", ""}},
		Warnings:  []string{"could not look for VPCs"},
	}}
	var b strings.Builder
	if err := WriteTerminal(&b, result); err != nil {
		t.Fatal(err)
	}
	want := `holds data            what
aws_db_instance.this  mysql, 20 GiB; final snapshot f
aws_eip.this          -
left               name   state                   costs
database snapshot  arn:f  available               backup storage
secret             s      vanishes on 2026-12-24  nothing
could not look for VPCs
final snapshot f: available, of a database with 20 GiB
destroy succeeded: blog-dev
`
	if diff := cmp.Diff(want, b.String()); diff != "" {
		t.Errorf("terminal (-want +got):\n%s", diff)
	}
	want = "## ✓ destroy: blog-dev\n\n| holds data | what |\n| --- | --- |\n| aws_db_instance.this | mysql, 20 GiB; final snapshot f |\n| aws_eip.this | - |\n\n" +
		"| left | name | state | costs |\n| --- | --- | --- | --- |\n| database snapshot | arn:f | available | backup storage |\n| secret | s | vanishes on 2026-12-24 | nothing |\n\n" +
		"- could not look for VPCs\n- final snapshot f: available, of a database with 20 GiB\n"
	if diff := cmp.Diff(want, Markdown(result)); diff != "" {
		t.Errorf("Markdown (-want +got):\n%s", diff)
	}
	half := &Teardown{Gone: 3, Stays: []string{"aws_a.b", "aws_c.d"}}
	if diff := cmp.Diff([]string{"gone: 3 resources; staying: 2, aws_a.b, aws_c.d"}, half.lines()); diff != "" {
		t.Errorf("half-way (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"nothing is left of the environment"}, (&Teardown{Checked: true}).lines()); diff != "" {
		t.Errorf("all gone (-want +got):\n%s", diff)
	}
}
