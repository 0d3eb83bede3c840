package report

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

const (
	oldDigest = "sha256:0000000000005a6b7c8d9e0f112233445566778899aabbccddeeff0011223344"
	oldCommit = "1111111111111111111111111111111111111111"
	newCommit = "6fc2d10aa11bb22cc33dd44ee55ff6677889900a"
)

// changed is what a deployment to three services changes, two of them in the same way.
func changed() []Change {
	var changes []Change
	for _, service := range []string{"blog-dev-web", "blog-dev-worker", "blog-dev-cron"} {
		changes = append(changes,
			Change{Service: service, Field: "image", Old: oldDigest, New: digest},
			Change{Service: service, Field: "commit", Old: oldCommit, New: newCommit, Note: "3 commits later"},
		)
		if service == "blog-dev-worker" {
			changes = append(changes,
				Change{Service: service, Field: "environment LEVEL", New: "debug | trace"},
				Change{Service: service, Field: "environment TOKEN", Old: "***", New: "***", Note: "another value, which is hidden"},
				Change{Service: service, Field: "command", Old: `["` + strings.Repeat("a", 60) + `"]`, New: `["` + strings.Repeat("b", 60) + "`" + `"]`},
				Change{Service: service, Field: "secret OLD", Old: "/blog/old"},
			)
		}
	}
	return changes
}

func TestChanges(t *testing.T) {
	result := Result{Operation: "diff", Name: "blog", Environment: "dev", Outcome: Succeeded, Changes: changed(), Notes: []string{"a sentence"}}
	tests := map[string]struct {
		write func(Result) string
		want  string
	}{
		"on a terminal": {func(r Result) string { return terminal(t, Terminal{}, r) }, `
blog-dev-web, blog-dev-cron
  ~ image   sha256:000000000000… → sha256:43ba9e3d8f1c…
  ~ commit  111111111111 → 6fc2d10aa11b (3 commits later)
blog-dev-worker
  ~ image              sha256:000000000000… → sha256:43ba9e3d8f1c…
  ~ commit             111111111111 → 6fc2d10aa11b (3 commits later)
  + environment LEVEL  debug | trace
  ~ environment TOKEN  *** → *** (another value, which is hidden)
  ~ command
      - ["AAAA"]
      + ["BBBB'"]
  - secret OLD         /blog/old
a sentence
diff succeeded: blog-dev
`},
		"as Markdown": {Markdown, `
## ✓ diff: blog-dev

Changes in blog-dev-web, blog-dev-cron:

|  | before | after |  |
| --- | --- | --- | --- |
| image | 'sha256:OLD' | 'sha256:NEW' |  |
| commit | 'COMMIT-1' | 'COMMIT-2' | 3 commits later |

Changes in blog-dev-worker:

|  | before | after |  |
| --- | --- | --- | --- |
| image | 'sha256:OLD' | 'sha256:NEW' |  |
| commit | 'COMMIT-1' | 'COMMIT-2' | 3 commits later |
| environment LEVEL |  | 'debug \| trace' |  |
| environment TOKEN | '***' | '***' | another value, which is hidden |
| command | '["AAAA"]' | ''["BBBB'"]'' |  |
| secret OLD | '/blog/old' |  |  |

- a sentence
`},
	}
	plain := strings.NewReplacer(
		"`", "'", oldDigest, "sha256:OLD", digest, "sha256:NEW", oldCommit, "COMMIT-1", newCommit, "COMMIT-2",
		strings.Repeat("a", 60), "AAAA", strings.Repeat("b", 60), "BBBB",
	)
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), plain.Replace(test.write(result))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func terminal(t *testing.T, how Terminal, r Result) string {
	t.Helper()
	var b strings.Builder
	if err := how.Write(&b, r); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestColour(t *testing.T) {
	result := Result{Operation: "diff", Outcome: Succeeded, Changes: []Change{
		{Service: "web", Field: "cpu", Old: "256", New: "512"}, {Service: "web", Field: "user", New: "1000"}, {Service: "web", Field: "pidMode", Old: "task"},
	}}
	want := "web\n" +
		"\x1b[33m  ~ cpu      \x1b[0m\x1b[31m256\x1b[0m → \x1b[32m512\x1b[0m\n" +
		"\x1b[32m  + user     1000\x1b[0m\n" +
		"\x1b[31m  - pidMode  task\x1b[0m\n" +
		"diff succeeded\n"
	if diff := cmp.Diff(want, terminal(t, Terminal{Colour: true}, result)); diff != "" {
		t.Errorf("with colours (-want +got):\n%s", diff)
	}
	if got := terminal(t, Terminal{}, result); strings.Contains(got, "\x1b") {
		t.Errorf("without being told: %q", got)
	}
}

// The beginning of a digest is what people compare, unless it is the same in both.
func TestChangesThatLookTheSameCutOffAreShownInFull(t *testing.T) {
	other := digest[:len(digest)-1] + "5"
	got := terminal(t, Terminal{}, Result{Operation: "diff", Changes: []Change{{Service: "web", Field: "image", Old: digest, New: other}}})
	if !strings.Contains(got, digest) || !strings.Contains(got, other) {
		t.Errorf("%s", got)
	}
}

func TestStatusAndHistory(t *testing.T) {
	status := Result{
		Operation: "status", Name: "blog", Environment: "dev", Outcome: Succeeded, Release: Release{URL: "http://blog.example.com"},
		Services: []Service{
			{
				Name: "blog-dev-web", Health: Degraded, Revision: "blog-dev-web:41", Template: "blog-dev-web:40", Commit: newCommit, Digest: digest,
				Running: 1, Pending: 1, Desired: 2, Failed: 3, Targets: &Targets{Healthy: 1, Total: 2}, Since: start,
				Rollouts: []Rollout{{Revision: "blog-dev-web:43", State: "failed", Desired: 2, Failed: 3, Started: start.Add(time.Hour)}},
				Notes:    []string{"made of template blog-dev-web:40, and the current one is blog-dev-web:42: the next deployment brings it"},
			},
			{Name: "blog-dev-worker", Health: NoTasks, Revision: "blog-dev-worker:1", Template: "blog-dev-worker:1", Current: true},
		},
	}
	history := Result{
		Operation: "history", Name: "blog", Environment: "dev", Outcome: Succeeded,
		Releases: []PastRelease{
			{Commit: newCommit + "-dirty-0123456789ab", Digest: digest, Revisions: []string{"blog-dev-web:42", "blog-dev-worker:13"}, Registered: start.Add(time.Hour), By: "me@laptop", Outcome: "rolled-back"},
			{Commit: oldCommit, Digest: oldDigest, Revisions: []string{"blog-dev-web:41"}, Registered: start, Outcome: "complete", Serving: true},
		},
	}
	tests := map[string]struct{ got, want string }{
		"status on a terminal": {terminal(t, Terminal{}, status), `
blog-dev, http://blog.example.com
service          health    tasks                        targets  revision           commit        image                 since
blog-dev-web     degraded  1 of 2, 1 pending, 3 failed  1 of 2   blog-dev-web:41    6fc2d10aa11b  sha256:43ba9e3d8f1c…  2026-03-01 12:00 UTC
blog-dev-worker  no tasks  0 of 0                       -        blog-dev-worker:1  -             -                     -
blog-dev-web: blog-dev-web:43, failed since 2026-03-01 13:00 UTC: 0 of 2 tasks running, 0 pending, 3 failed
blog-dev-web: made of template blog-dev-web:40, and the current one is blog-dev-web:42: the next deployment brings it
`},
		"history on a terminal": {terminal(t, Terminal{}, history), `
blog-dev
   registered            outcome      commit                           image                 revisions                            by
   2026-03-01 13:00 UTC  rolled-back  6fc2d10aa11b-dirty-0123456789ab  sha256:43ba9e3d8f1c…  blog-dev-web:42, blog-dev-worker:13  me@laptop
→  2026-03-01 12:00 UTC  complete     111111111111                     sha256:000000000000…  blog-dev-web:41                      -
`},
		"status as Markdown": {Markdown(status), `
## ✓ status: blog-dev

| | |
| --- | --- |
| URL | http://blog.example.com |

| service | health | tasks | targets | revision | commit | image | since |
| --- | --- | --- | --- | --- | --- | --- | --- |
| blog-dev-web | degraded | 1 of 2, 1 pending, 3 failed | 1 of 2 | blog-dev-web:41 | 6fc2d10aa11b | sha256:43ba9e3d8f1c… | 2026-03-01 12:00 UTC |
| blog-dev-worker | no tasks | 0 of 0 | - | blog-dev-worker:1 | - | - | - |

- blog-dev-web: blog-dev-web:43, failed since 2026-03-01 13:00 UTC: 0 of 2 tasks running, 0 pending, 3 failed
- blog-dev-web: made of template blog-dev-web:40, and the current one is blog-dev-web:42: the next deployment brings it
`},
		"history as Markdown": {Markdown(history), `
## ✓ history: blog-dev

|  | registered | outcome | commit | image | revisions | by |
| --- | --- | --- | --- | --- | --- | --- |
|  | 2026-03-01 13:00 UTC | rolled-back | 6fc2d10aa11b-dirty-0123456789ab | sha256:43ba9e3d8f1c… | blog-dev-web:42, blog-dev-worker:13 | me@laptop |
| → | 2026-03-01 12:00 UTC | complete | 111111111111 | sha256:000000000000… | blog-dev-web:41 | - |
`},
		"no release yet": {terminal(t, Terminal{}, Result{
			Operation: "history", Name: "blog", Environment: "dev", Releases: []PastRelease{}, Notes: []string{"nothing has been released here"},
		}), `
blog-dev
nothing has been released here
`},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			if diff := cmp.Diff(strings.TrimPrefix(test.want, "\n"), test.got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}
