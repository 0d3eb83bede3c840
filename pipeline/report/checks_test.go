package report

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// verified is an operation of two checks that passed, one that failed and one that was skipped.
func verified(operation string) Result {
	return Result{
		Operation: operation, Name: "blog", Environment: "dev", Outcome: Succeeded,
		Checks: []Check{
			{Subject: "cluster blog-dev", Outcome: OK, Reason: "ACTIVE"},
			{Subject: "größe", Outcome: Refused, Reason: "Fargate has no\ntasks | of 3 CPU units"},
			{Subject: "image sha256:43ba9e3d8f1c…", Outcome: Skipped, Reason: "the caller lacks ecr:BatchGetImage"},
			{Subject: "service blog-dev-web", Outcome: OK},
		},
	}
}

func TestChecksOnATerminal(t *testing.T) {
	without := verified("redeploy")
	without.Checks = nil
	fine := verified("redeploy")
	fine.Checks = fine.Checks[:1]
	set := Result{Operation: "bootstrap", Outcome: Succeeded, Checks: []Check{
		{Subject: "bucket states", Outcome: Created, Reason: "in eu-central-1"},
		{Subject: "versioning", Outcome: Repaired, Reason: "was off, is on"},
		{Subject: "tags", Outcome: OK},
	}}
	tests := map[string]struct {
		result Result
		want   string
	}{
		"bootstrap shows every row, and what it changed": {set, `
+ CREATED   bucket states  in eu-central-1
+ REPAIRED  versioning     was off, is on
✓ OK        tags
bootstrap succeeded
`},
		"verify shows every row": {verified("verify"), `
✓ OK       cluster blog-dev            ACTIVE
✗ FAILED   größe                       Fargate has no tasks | of 3 CPU units
– SKIPPED  image sha256:43ba9e3d8f1c…  the caller lacks ecr:BatchGetImage
✓ OK       service blog-dev-web
verify succeeded: blog-dev
`},
		"any other operation shows what wants a look": {verified("redeploy"), `
✗ FAILED   größe                       Fargate has no tasks | of 3 CPU units
– SKIPPED  image sha256:43ba9e3d8f1c…  the caller lacks ecr:BatchGetImage
✓ OK       2 checks
redeploy succeeded: blog-dev
`},
		"nothing wants a look": {fine, `
✓ OK       1 check
redeploy succeeded: blog-dev
`},
		"no checks were made": {without, `
redeploy succeeded: blog-dev
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

func TestChecksInMarkdown(t *testing.T) {
	want := `## ✓ redeploy: blog-dev

| check | outcome | |
| --- | --- | --- |
| cluster blog-dev | ✓ OK | ACTIVE |
| größe | ✗ FAILED | Fargate has no tasks \| of 3 CPU units |
| image sha256:43ba9e3d8f1c… | – SKIPPED | the caller lacks ecr:BatchGetImage |
| service blog-dev-web | ✓ OK |  |
`
	if diff := cmp.Diff(want, Markdown(verified("redeploy"))); diff != "" {
		t.Errorf("Markdown (-want +got):\n%s", diff)
	}
}

func TestCountChecks(t *testing.T) {
	checks := append(verified("verify").Checks, Check{Outcome: Repaired}, Check{Outcome: Created})
	if diff := cmp.Diff("2 OK, 1 CREATED, 1 REPAIRED, 1 FAILED, 1 SKIPPED", CountChecks(checks)); diff != "" {
		t.Errorf("counts (-want +got):\n%s", diff)
	}
}
