//go:build rehearsal

package rehearsal

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// outcomes are how the steps of a failed deployment ended, by their names.
func outcomes(d *deployment) map[string]report.Outcome {
	ended := map[string]report.Outcome{}
	for _, step := range d.result.Steps {
		ended[step.Name] = step.Outcome
	}
	return ended
}

func TestInfrastructureThatFailsLeavesTheApplicationAlone(t *testing.T) {
	environmentOf(t)
	tests := map[string]struct {
		// files are added to the Terraform.
		files  map[string]string
		step   string
		output []string
		// applied says that Terraform begins to change something before it fails.
		applied bool
	}{
		"a Terraform error at plan": {
			files:  map[string]string{"rehearsal.tf": "data \"aws_ssm_parameter\" \"rehearsal\" {\n  name = \"/nobody/made/this\"\n}\n"},
			step:   "plan",
			output: []string{"deploy failed at plan: terraform plan: ", "rehearsal.tf:1", "/nobody/made/this"},
		},
		"a Terraform error at apply": {
			files: map[string]string{"rehearsal.tf": `resource "aws_ssm_parameter" "rehearsal" {
  name  = "/slipway/blog/rehearsal/contract"
  type  = "String"
  value = "there is one of this name"
}
`},
			step:    "apply",
			output:  []string{"deploy failed at apply: terraform apply: ", "ParameterAlreadyExists", "aws_ssm_parameter.rehearsal: not created"},
			applied: true,
		},
		"a refused plan": {
			files: map[string]string{
				"modules/database/rehearsal_override.tf": "resource \"aws_db_instance\" \"this\" {\n  username = \"somebody\"\n}\n",
				"modules/secrets/rehearsal_override.tf":  "resource \"aws_secretsmanager_secret\" \"this\" {\n  name = \"another\"\n}\n",
			},
			step: "guard",
			output: []string{
				"deploy failed at guard: the guard refuses the plan", "nothing was applied",
				"--allow-destroy 'module.database.aws_db_instance.this'", "--allow-destroy 'module.secrets.aws_secretsmanager_secret.this'",
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			for file, content := range test.files {
				write(t, filepath.Join(shared.terraform, file), content)
			}
			before, mark := shared.look(t), shared.record.now(t)
			failed := shared.deploy(change{commit: commit(name + shared.id), tests: quick, validated: true})
			calls, after := shared.record.since(t, mark), shared.look(t)

			if failed.result.Failure == nil {
				t.Fatalf("the deployment succeeded:\n%s", failed.output)
			}
			holds(t, failed.output, test.output...)
			ended := outcomes(failed)
			want := map[string]report.Outcome{"build": report.Succeeded, "test": report.Succeeded, test.step: report.Failed, "release": report.NotStarted}
			for step := range want {
				if ended[step] != want[step] {
					t.Errorf("step %s: %s, not %s", step, ended[step], want[step])
				}
			}
			// Terraform's own calls are in the record, so the record is of this deployment.
			if count(calls, "terraform", "DescribeServices") == 0 {
				t.Errorf("the record holds nothing of Terraform's: %v", calls)
			}
			forbidden := []string{"RegisterTaskDefinition", "UpdateService", "CreateService", "RunTask", "GetAuthorizationToken", "PutImage"}
			for _, by := range []string{"slipway", "terraform"} {
				for _, name := range forbidden {
					if n := count(calls, by, name); n != 0 {
						t.Errorf("%s made %d calls of %s", by, n, name)
					}
				}
			}
			if !test.applied {
				if changes := changing(calls); len(changes) > 0 {
					t.Errorf("something was changed: %q", changes)
				}
			} else {
				before.State, after.State = "", ""
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("the environment (-before +after):\n%s", diff)
			}
		})
	}
}

func TestAnApplicationThatDoesNotBuildOrPassStartsNoApply(t *testing.T) {
	environmentOf(t)
	broken := func(t *testing.T, file, content string) string {
		dir := filepath.Join(t.TempDir(), "blog")
		if err := copyTree(shared.blog, dir); err != nil {
			t.Fatal(err)
		}
		write(t, filepath.Join(dir, file), content)
		return dir
	}
	tests := map[string]struct {
		context func(t *testing.T) string
		tests   []string
		step    string
		output  []string
	}{
		"a test of the blog that fails": {
			context: func(t *testing.T) string {
				return broken(t, "tests/test_rehearsal.py", "def test_that_two_and_two_are_five():\n    assert 2 + 2 == 5\n")
			},
			tests: []string{"tests/test_rehearsal.py"},
			step:  "test",
			output: []string{
				"deploy failed at test: the application's tests failed", "test_that_two_and_two_are_five", "assert (2 + 2) == 5",
				"nothing was applied",
			},
		},
		"an image that does not build": {
			context: func(t *testing.T) string {
				return broken(t, "Dockerfile", "FROM python:3.13-slim AS test\nRUN echo the wheel does not build && false\nFROM test\n")
			},
			step:   "build",
			output: []string{"deploy failed at", "the image does not build", "the wheel does not build"},
		},
		"no Dockerfile": {
			context: func(t *testing.T) string { return t.TempDir() },
			step:    "build",
			output:  []string{"deploy failed at", "the image does not build", "Dockerfile"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before, mark := shared.look(t), shared.record.now(t)
			failed := shared.deploy(change{commit: commit(name + shared.id), context: test.context(t), tests: test.tests, validated: true})
			calls, after := shared.record.since(t, mark), shared.look(t)

			if failed.result.Failure == nil {
				t.Fatalf("the deployment succeeded:\n%s", failed.output)
			}
			holds(t, failed.output, test.output...)
			ended := outcomes(failed)
			if ended[test.step] != report.Failed {
				t.Errorf("step %s: %s, not failed", test.step, ended[test.step])
			}
			for _, step := range []string{"apply", "release"} {
				if ended[step] != report.NotStarted {
					t.Errorf("step %s: %q, not %q", step, ended[step], report.NotStarted)
				}
			}
			if _, ran := failed.statuses["apply"]; ran {
				t.Error("slipway apply was run")
			}
			// The plan runs beside them, so the record is of this deployment.
			if count(calls, "terraform", "DescribeServices") == 0 {
				t.Errorf("the record holds nothing of Terraform's: %v", calls)
			}
			if changes := changing(calls); len(changes) > 0 {
				t.Errorf("something was changed: %q", changes)
			}
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("the environment (-before +after):\n%s", diff)
			}
		})
	}
}

func TestAMigrationThatFailsLeavesTheServiceAlone(t *testing.T) {
	environmentOf(t)
	latest := must(filepath.Glob(filepath.Join(shared.blog, "posts", "migrations", "0*.py")))(t)
	if len(latest) == 0 {
		t.Fatal("the blog has no migration to build on")
	}
	slices.Sort(latest)
	migration := fmt.Sprintf(`import sys

from django.db import migrations


def move(apps, schema_editor):
    print("moving the posts to the other harbour")
    print("the harbour is full", flush=True)
    sys.exit(3)


class Migration(migrations.Migration):
    dependencies = [("posts", "%s")]
    operations = [migrations.RunPython(move)]
`, strings.TrimSuffix(filepath.Base(latest[len(latest)-1]), ".py"))

	before, mark, serving := shared.look(t), shared.record.now(t), shared.release(t)
	failed := shared.redeploy(change{
		commit: commit("migration" + shared.id),
		over:   map[string]string{"app/posts/migrations/9999_rehearsal.py": migration},
	})
	calls, after := shared.record.since(t, mark), shared.look(t)

	if failed.result.Failure == nil {
		t.Fatalf("the deployment succeeded:\n%s", failed.output)
	}
	if failed.statuses["release"] != 1 {
		t.Errorf("slipway redeploy ended with %d, not 1", failed.statuses["release"])
	}
	holds(t, failed.output,
		"redeploy failed at migrate: the migration exited with status 3",
		"moving the posts to the other harbour\n    the harbour is full\n",
		"no service was updated",
	)
	if count(calls, "slipway", "RunTask") != 1 {
		t.Errorf("the migration did not run: %v", calls)
	}
	if n := count(calls, "slipway", "UpdateService"); n != 0 {
		t.Errorf("the service was updated %d times", n)
	}
	diff := cmp.Diff([]any{before.Running, before.Desired, before.Deployments}, []any{after.Running, after.Desired, after.Deployments})
	if diff != "" {
		t.Errorf("the service (-before +after):\n%s", diff)
	}
	if got := shared.release(t); got != serving {
		t.Errorf("release %s is served, and it was %s", got, serving)
	}
}

func TestAReleaseThatECSRollsBackIsAFailure(t *testing.T) {
	environmentOf(t)
	before, mark, serving := shared.look(t), shared.record.now(t), shared.release(t)
	failed := shared.redeploy(change{
		commit: commit("rollback" + shared.id),
		over: map[string]string{"app/sinks": `#!/bin/sh
[ "$1" = web ] || exec /app/entrypoint "$@"
echo "the hull has a hole"
echo "sinking"
exit 7
`},
		entrypoint: []string{"/app/sinks"},
	})
	calls := shared.record.since(t, mark)

	if failed.result.Failure == nil {
		t.Fatalf("the deployment succeeded:\n%s", failed.output)
	}
	if failed.statuses["release"] != 1 {
		t.Errorf("slipway redeploy ended with %d, not 1", failed.statuses["release"])
	}
	holds(t, failed.output, "redeploy failed at wait: ", "exit status 7", "      the hull has a hole\n      sinking\n")
	if count(calls, "slipway", "UpdateService") == 0 {
		t.Error("the service was not updated, so nothing can have been rolled back")
	}
	// ECS may still be at it when slipway knows enough.
	after := shared.look(t)
	for deadline := time.Now().Add(time.Minute); after.Running != before.Running && time.Now().Before(deadline); after = shared.look(t) {
		time.Sleep(time.Second)
	}
	if diff := cmp.Diff(before.Running, after.Running); diff != "" {
		t.Errorf("revision of the service (-before +after):\n%s", diff)
	}
	if got := shared.release(t); got != serving {
		t.Errorf("release %s is served, and it was %s", got, serving)
	}
}
