package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ci/slipway/pipeline/planfile"
)

// sealPlan writes a plan file with a key of its own, which it puts into the environment.
func sealPlan(t *testing.T, file string, f planfile.File) {
	t.Helper()
	key, err := planfile.NewKey()
	if err != nil {
		t.Fatal(err)
	}
	if err := seal(file, f, key); err != nil {
		t.Fatal(err)
	}
	t.Setenv(planKeyVariable, key.Reveal())
}

func TestAPlanFileThatCanNotBeUsed(t *testing.T) {
	tests := map[string]struct {
		spoil func(t *testing.T, file string)
		want  []string
	}{
		"no key": {func(t *testing.T, file string) { os.Unsetenv(planKeyVariable) },
			[]string{"there is no key for the plan file", planKeyVariable, "slipway key"}},
		"a password in the place of a key": {func(t *testing.T, file string) { t.Setenv(planKeyVariable, "hunter2-hunter2") },
			[]string{planKeyVariable + " can't be used", "AGE-SECRET-KEY-1"}},
		"another key": {func(t *testing.T, file string) {
			_, key, _ := slipway(t, "key")
			t.Setenv(planKeyVariable, key)
		}, []string{"can't be used", "the key does not open it", "put the key that it was planned with"}},
		"what Terraform saved": {func(t *testing.T, file string) {
			rewrite(t, file, func([]byte) []byte { return []byte("PK\x03\x04 a plan") })
		},
			[]string{"it is a plan that Terraform saved", "plan anew"}},
		"something else": {func(t *testing.T, file string) {
			rewrite(t, file, func([]byte) []byte { return []byte("# Notes\n\nfor somebody") })
		},
			[]string{"it is not a plan that slipway saved", "plan anew"}},
		"half a file": {func(t *testing.T, file string) { rewrite(t, file, func(b []byte) []byte { return b[:len(b)/2] }) },
			[]string{"it breaks off, or something in it was changed", "plan anew"}},
		"a file of a later version": {func(t *testing.T, file string) {
			rewrite(t, file, func(b []byte) []byte { return bytes.Replace(b, []byte("slipway-plan/1"), []byte("slipway-plan/2"), 1) })
		}, []string{"it is of another version of slipway", "slipway-plan/2"}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			bare(t)
			file := filepath.Join(t.TempDir(), "plan")
			sealPlan(t, file, planfile.File{Plan: []byte("a plan of some length, so that there is something to break"), JSON: []byte("{}")})
			test.spoil(t, file)
			secret := os.Getenv(planKeyVariable)
			status, out, progress := slipway(t, "apply", "--name", "blog", "--environment", "dev", "--region", "eu-central-1", "--plan", file)
			if status != 1 || out != "" {
				t.Errorf("exit status %d, output %q", status, out)
			}
			for _, text := range append(test.want, "apply failed at guard", "nothing was changed") {
				if !strings.Contains(progress, text) {
					t.Errorf("the message lacks %q:\n%s", text, progress)
				}
			}
			if secret != "" && strings.Contains(progress, strings.TrimSpace(secret)) {
				t.Errorf("the message shows the key:\n%s", progress)
			}
		})
	}
}

func rewrite(t *testing.T, file string, change func([]byte) []byte) {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, change(content), 0o600); err != nil {
		t.Fatal(err)
	}
}

func TestShow(t *testing.T) {
	bare(t)
	file := filepath.Join(t.TempDir(), "plan")
	sealPlan(t, file, planfile.File{
		Binding: planfile.Binding{Commit: "6fc2d10", Environment: "dev", Made: time.Date(2026, 11, 24, 20, 0, 0, 0, time.UTC)},
		Plan:    []byte("what Terraform saved"), JSON: []byte(`{"format_version":"1.2"}`),
	})
	status, out, progress := slipway(t, "show", file)
	if status != 0 || progress != "" || !strings.Contains(out, `"commit": "6fc2d10"`) || !strings.Contains(out, `"plan_sha256": "`) {
		t.Errorf("exit status %d, output %s, message %s", status, out, progress)
	}
	if status, out, _ := slipway(t, "show", "--json", file); status != 0 || out != `{"format_version":"1.2"}` {
		t.Errorf("--json: exit status %d, output %s", status, out)
	}
	stat, err := os.Stat(file)
	if err != nil || stat.Mode().Perm() != 0o600 {
		t.Errorf("mode %v, %v", stat.Mode(), err)
	}
}

func TestTheCommitThatIsPlanned(t *testing.T) {
	if _, err := exec.LookPath("git"); err != nil {
		t.Skip("git is not installed")
	}
	dir := t.TempDir()
	root := filepath.Join(dir, "terraform")
	git := func(args ...string) string {
		t.Helper()
		output, err := exec.Command("git", append([]string{"-C", dir, "-c", "user.name=t", "-c", "user.email=t@example.com", "-c", "commit.gpgsign=false"}, args...)...).CombinedOutput()
		if err != nil {
			t.Fatalf("git %q: %v\n%s", args, err, output)
		}
		return strings.TrimSpace(string(output))
	}
	put := func(name string) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(dir, name), []byte(name), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(root, 0o755); err != nil {
		t.Fatal(err)
	}
	c := infrastructure{Infrastructure: root}
	if _, _, err := c.commit(t.Context()); err == nil || !strings.Contains(err.Error(), "no git checkout") {
		t.Errorf("outside of a checkout: error %v", err)
	}
	git("init", "--quiet")
	put("terraform/main.tf")
	git("add", ".")
	git("commit", "--quiet", "--message", "first")
	head := git("rev-parse", "HEAD")
	steps := []struct {
		sentence string
		do       func()
		want     string
		dirty    bool
	}{
		{"a clean checkout", func() {}, head, false},
		{"a change outside of the Terraform", func() { put("README.md") }, head, false},
		{"a file that git does not know", func() { put("terraform/extra.tf") }, head + "-dirty", true},
		{"a commit that is given", func() { c.Commit = "release-7" }, "release-7", false},
		{"a release id with the mark of a dirty tree", func() { c.Commit = "6fc2d10-dirty-0123456789ab" }, "6fc2d10-dirty-0123456789ab", true},
	}
	for _, step := range steps {
		step.do()
		id, dirty, err := c.commit(t.Context())
		if err != nil {
			t.Fatalf("%s: %v", step.sentence, err)
		}
		if diff := cmp.Diff([]any{step.want, step.dirty}, []any{id, dirty}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", step.sentence, diff)
		}
	}
}
