package report

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// guarded is a plan with two findings at one address, one that was allowed and a note.
func guarded(operation string) Result {
	return Result{
		Operation: operation, Outcome: Succeeded,
		Plan: &Plan{Add: 1, Destroy: 1, Markdown: "Plan: 1 to add.\n", Findings: []Finding{
			{Address: `aws_db_instance.this["a|b"]`, Action: "update", What: "deletion protection is switched off", Verdict: Stops,
				Values: []FindingValue{{"deletion_protection", "true", "false"}, {"engine", `"<b>"`, "(none)"}}},
			{Address: `aws_db_instance.this["a|b"]`, Action: "update", What: "automated backups end", Verdict: Stops},
			{Address: "aws_kms_key.this", Action: "destroy", What: "a key: nothing can be\nread", Why: `its key "<i>" is no longer in for_each`, Verdict: Allowed},
			{Address: "aws_s3_bucket.old", Action: "forget", What: "it stays", Verdict: Noted},
		}},
	}
}

func TestFindingsOnATerminal(t *testing.T) {
	refused := guarded("apply")
	refused.Outcome, refused.Failure = Failed, &Failure{Step: "guard", Reason: "the guard refuses the plan"}
	tests := map[string]struct {
		result Result
		want   string
	}{
		"those of an address stand together": {guarded("plan"), `
✗ stops    aws_db_instance.this["a|b"]
    update: deletion protection is switched off (deletion_protection: true → false, engine: "<b>" → (none))
    update: automated backups end
✓ allowed  aws_kms_key.this
    destroy: a key: nothing can be read; its key "<i>" is no longer in for_each
– noted    aws_s3_bucket.old
    forget: it stays
plan succeeded: 1 to add, 0 to change, 1 to destroy
`},
		"what the failure names isn't repeated": {refused, `
✓ allowed  aws_kms_key.this
    destroy: a key: nothing can be read; its key "<i>" is no longer in for_each
– noted    aws_s3_bucket.old
    forget: it stays
apply failed at guard: the guard refuses the plan
`},
		"a plan in which nothing was found": {Result{Operation: "plan", Outcome: Succeeded, Plan: &Plan{}}, `
plan succeeded: 0 to add, 0 to change, 0 to destroy
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

func TestFindingsInMarkdown(t *testing.T) {
	want := "## ✓ plan\n\n| | |\n| --- | --- |\n| plan | 1 to add, 0 to change, 1 to destroy |\n\n" + `### What the guard found

| guard | resource | action | what and why |
| --- | --- | --- | --- |
| ✗ stops | ` + "`aws_db_instance.this[\"a\\|b\"]`" + ` | update | deletion protection is switched off<br>` + "`deletion_protection: true → false`<br>`engine: \"<b>\" → (none)`" + ` |
| ✗ stops | ` + "`aws_db_instance.this[\"a\\|b\"]`" + ` | update | automated backups end |
| ✓ allowed | ` + "`aws_kms_key.this`" + ` | destroy | a key: nothing can be read; its key "&lt;i&gt;" is no longer in for_each |
| – noted | ` + "`aws_s3_bucket.old`" + ` | forget | it stays |

Plan: 1 to add.
`
	if diff := cmp.Diff(want, Markdown(guarded("plan"))); diff != "" {
		t.Errorf("Markdown (-want +got):\n%s", diff)
	}
	if got := FindingsMarkdown(nil); got != "" {
		t.Errorf("nothing was found, and the table is %q", got)
	}
}

func TestManyFindingsAreCut(t *testing.T) {
	result := Result{Operation: "plan", Outcome: Succeeded, Plan: &Plan{}}
	for i := range 130 {
		result.Plan.Findings = append(result.Plan.Findings, Finding{Address: fmt.Sprintf("aws_kms_key.this[%d]", i), Verdict: Stops})
	}
	var b strings.Builder
	if err := WriteTerminal(&b, result); err != nil {
		t.Fatal(err)
	}
	for where, text := range map[string]string{"terminal": b.String(), "Markdown": Markdown(result)} {
		if !strings.Contains(text, "and 30 findings more\n") || strings.Contains(text, "this[100]") || !strings.Contains(text, "this[99]") {
			t.Errorf("%s:\n%s", where, text)
		}
	}
}
