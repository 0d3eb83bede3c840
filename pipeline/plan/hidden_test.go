package plan_test

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/slipway-ci/slipway/pipeline/plan"
)

// shown is all that anybody sees of a plan.
func shown(s *plan.Summary) string {
	r := s.Report()
	return r.Markdown + r.Comment + r.Text
}

func TestNoCanaryIsShown(t *testing.T) {
	tests := map[string][]string{ // the values that are sensitive, by case
		"canary":              {"canary-3e9f17c2"},
		"sensitive-nested":    {"hunter2-first", "tok-first", "tok-second"},
		"sensitive-variable":  {"hunter2-first", "hunter2-second"},
		"sensitivity-removed": {"was-hidden-before"},
		"sensitivity-added":   {"hidden-from-now-on"},
		"sensitive-elsewhere": {"tok-7f3a9c51", "dG9rLTdmM2E5YzUx", "7f3a9c51"},
		"output-sensitive":    {"correct-horse"},
		"write-only":          {"write-only-first", "write-only-second"},
		"secure-string":       {"secure-string-first", "secure-string-second"},
		"ecs-credentials":     {"environment-password-", "environment-url-password", "command-token-value", "command-url-password", "AKIAIOSFODNN7EXAMPLE"},
		"ecs-create":          {"environment-password-", "environment-url-password", "command-token-value", "command-url-password", "AKIAIOSFODNN7EXAMPLE"},
		"user-data":           {"user-data-first", "user-data-second", "IyEvYmluL3No"},
		"rds-cluster":         {"cluster-password-"},
		"rds-password":        {"write-only-"},
		"ephemeral-variable":  {"ephemeral-session-value"},
	}
	for name, secrets := range tests {
		t.Run(name, func(t *testing.T) {
			all := shown(summarize(saved(t, name)))
			for _, secret := range secrets {
				if strings.Contains(all, secret) {
					t.Errorf("%s is shown:\n%s", secret, all)
				}
			}
		})
	}
}

func TestAValueGivenToBeHiddenIsHiddenInEveryForm(t *testing.T) {
	p := saved(t, "unicode")
	all := shown(summarize(p, "значение", "ブログ 2"))
	if strings.Contains(all, "значение") || strings.Contains(all, "ブログ 2") || !strings.Contains(all, "другое") {
		t.Errorf("shown:\n%s", all)
	}
}

func TestAPlanThatIsTooLongIsCutAtWholeResources(t *testing.T) {
	for _, name := range []string{"many-resources", "large-map", "canary", "stores-replace", "markdown-breaking", "outputs"} {
		s := summarize(saved(t, name))
		for _, limit := range []int{2000, 4000, 8000, plan.CommentLimit, plan.SummaryLimit} {
			t.Run(fmt.Sprint(name, " in ", limit), func(t *testing.T) {
				text := s.Markdown(limit)
				if len(text) > limit {
					t.Errorf("%d bytes are more than %d", len(text), limit)
				}
				opened, closed := strings.Count(text, "\n<details>"), strings.Count(text, "\n</details>\n")
				if opened != closed {
					t.Errorf("%d details are opened and %d closed", opened, closed)
				}
				if whole := s.Markdown(plan.SummaryLimit); len(whole) > limit && !strings.Contains(text, "Left out, as it would be too long: ") {
					t.Errorf("nothing says that something was left out:\n%s", text)
				}
				if len(s.Text(limit)) > limit {
					t.Errorf("the text has %d bytes", len(s.Text(limit)))
				}
			})
		}
	}
	text := summarize(saved(t, "many-resources")).Markdown(20_000)
	if rows := strings.Count(text, "| create | "); rows != 120 {
		t.Errorf("%d rows of the table are left, want all 120 before any difference", rows)
	}
	shownDifferences := strings.Count(text, "<details>")
	if want := fmt.Sprintf("differences of %d resources", 120-shownDifferences); shownDifferences == 0 || !strings.Contains(text, want) {
		t.Errorf("%d differences are shown, and %q is not said", shownDifferences, want)
	}
}

func FuzzRead(f *testing.F) {
	cases, err := filepath.Glob("testdata/cases/*/plan.json")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range cases {
		document, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(document)
	}
	f.Add([]byte(`{"format_version":"1.2","resource_changes":[{"change":{"actions":["update"],"before":` + strings.Repeat("[", 5000) + strings.Repeat("]", 5000) + `}}]}`))
	f.Add([]byte(`{"format_version":"1.2","resource_changes":[],"prior_state":{"values":{"root_module":` + strings.Repeat(`{"child_modules":[`, 3000)))
	f.Fuzz(func(t *testing.T, document []byte) {
		p, err := plan.Read(bytes.NewReader(document))
		if err != nil {
			failure(t, err)
			return
		}
		if text := summarize(p).Markdown(plan.CommentLimit); len(text) > plan.CommentLimit {
			t.Errorf("%d bytes", len(text))
		}
	})
}

// long is a plan of this many bytes at least, of a real resource again and again.
func long(t testing.TB, size int) []byte {
	document, err := os.ReadFile("testdata/cases/rds-engine-major/plan.json")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := bytes.Cut(document, []byte(`"resource_changes":[`))
	change, _, found := bytes.Cut(rest, []byte(`],"prior_state"`))
	if !found {
		change, _, found = bytes.Cut(rest, []byte(`],"output_changes"`))
	}
	if !found {
		t.Fatal("the case has another form")
	}
	var b bytes.Buffer
	b.WriteString(`{"format_version":"1.2","terraform_version":"1.11.4","resource_changes":[`)
	for i := 0; b.Len() < size; i++ {
		if i > 0 {
			b.WriteByte(',')
		}
		b.Write(bytes.ReplaceAll(change, []byte("blog-dev"), []byte("blog-"+strconv.Itoa(i))))
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// longFile is a file with a plan of 50 MB.
func longFile(t testing.TB) string {
	file := filepath.Join(t.TempDir(), "plan.json")
	if err := os.WriteFile(file, long(t, 50_000_000), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// readAndShow does with a file all that is done with a plan.
func readAndShow(t testing.TB, file string) {
	t.Helper()
	if text := summarize(readFrom(t, file)).Report(); len(text.Comment) > plan.CommentLimit {
		t.Fatal(len(text.Comment))
	}
}

// TestALongPlanTakesLittleMemory reads one in a process of its own, as this one's memory holds what other tests left there.
func TestALongPlanTakesLittleMemory(t *testing.T) {
	const variable = "SLIPWAY_TEST_LONG_PLAN"
	if file := os.Getenv(variable); file != "" {
		readAndShow(t, file)
		status, err := os.ReadFile("/proc/self/status")
		if err != nil {
			t.Fatal(err)
		}
		_, peak, _ := strings.Cut(string(status), "VmHWM:")
		fmt.Println("peak KiB:", strings.Fields(peak)[0])
		return
	}
	if _, err := os.Stat("/proc/self/status"); err != nil {
		t.Skip("a process's memory at most is read from /proc, which is not here")
	}
	reader := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$")
	reader.Env = append(os.Environ(), variable+"="+longFile(t))
	output, err := reader.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	_, peak, _ := strings.Cut(string(output), "peak KiB: ")
	number, _, _ := strings.Cut(peak, "\n")
	kibibytes, err := strconv.Atoi(number)
	if err != nil {
		t.Fatalf("%v in:\n%s", err, output)
	}
	if kibibytes > 512<<10 {
		t.Errorf("the process had %d MiB in memory, more than 512", kibibytes>>10)
	}
	t.Logf("%d MiB at most", kibibytes>>10)
}

// BenchmarkLongPlan says how long a plan of 50 MB takes to read and show.
func BenchmarkLongPlan(b *testing.B) {
	file := longFile(b)
	for b.Loop() {
		readAndShow(b, file)
	}
}
