package infra

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"
)

// stream is what Terraform 1.11 writes on an apply, shortened.
const stream = `{"@level":"info","@message":"Terraform 1.11.4","@module":"terraform.ui","terraform":"1.11.4","type":"version","ui":"1.2"}
{"@level":"info","@message":"aws_vpc.this: Refreshing state...","type":"refresh_start","hook":{"resource":{"addr":"aws_vpc.this"}}}
{"@level":"info","@message":"aws_vpc.this: Refresh complete","type":"refresh_complete","hook":{"resource":{"addr":"aws_vpc.this"}}}
{"@level":"info","type":"apply_start","hook":{"resource":{"addr":"module.database.aws_db_instance.this"},"action":"create"}}
a provider that prints
{"@level":"warn","type":"diagnostic","diagnostic":{"severity":"warning","summary":"Deprecated attribute","range":{"filename":"main.tf","start":{"line":12}}}}
{"@level":"info","type":"apply_complete","hook":{"resource":{"addr":"data.aws_region.this"},"action":"read","elapsed_seconds":0}}
{"@level":"info","type":"apply_complete","hook":{"resource":{"addr":"aws_subnet.private[\"a\"]"},"action":"update","elapsed_seconds":3}}
{"@level":"info","type":"apply_complete","hook":{"resource":{"addr":"aws_eip.nat"},"action":"delete","elapsed_seconds":1}}
{"@level":"info","type":"apply_errored","hook":{"resource":{"addr":"module.database.aws_db_instance.this"},"action":"create","elapsed_seconds":9}}
{"@level":"error","type":"diagnostic","diagnostic":{"severity":"error","summary":"creating RDS DB Instance","detail":"DBInstanceAlreadyExists\nblog-dev","address":"module.database.aws_db_instance.this"}}
`

var said = []string{
	"warning: Deprecated attribute at main.tf:12",
	`aws_subnet.private["a"]: updated in 3 s`,
	"aws_eip.nat: destroyed in 1 s",
	"module.database.aws_db_instance.this: not created, failed after 9 s",
}

func TestTheStreamIsReadInWhateverPartsItComes(t *testing.T) {
	for _, size := range []int{1, 7, 100, len(stream)} {
		for _, end := range []string{"\n", ""} {
			t.Run(fmt.Sprintf("parts of %d ending %q", size, end), func(t *testing.T) {
				var lines []string
				u := newUI(func(line string) { lines = append(lines, line) })
				rest := strings.TrimSuffix(stream, "\n") + end
				for len(rest) > 0 {
					part := rest[:min(size, len(rest))]
					rest = rest[len(part):]
					if n, err := u.Write([]byte(part)); n != len(part) || err != nil {
						t.Fatalf("Write = %d, %v", n, err)
					}
				}
				u.Close()
				if diff := cmp.Diff(said, lines); diff != "" {
					t.Errorf("lines (-want +got):\n%s", diff)
				}
				want := []diagnostic{
					{Severity: "warning", Summary: "Deprecated attribute", Range: at("main.tf", 12)},
					{Severity: "error", Summary: "creating RDS DB Instance", Detail: "DBInstanceAlreadyExists\nblog-dev", Address: "module.database.aws_db_instance.this"},
				}
				if diff := cmp.Diff(want, u.diagnostics, cmp.AllowUnexported(place{})); diff != "" {
					t.Errorf("diagnostics (-want +got):\n%s", diff)
				}
				if u.refreshed != 1 {
					t.Errorf("%d resources refreshed, want 1", u.refreshed)
				}
			})
		}
	}
}

func at(file string, line int) *place {
	p := &place{Filename: file}
	p.Start.Line = line
	return p
}

func hook(kind, address, action string, elapsed int) string {
	return fmt.Sprintf(`{"type":%q,"hook":{"resource":{"addr":%q},"action":%q,"elapsed_seconds":%d}}`+"\n", kind, address, action, elapsed)
}

func TestAResourceThatTakesLongIsMentionedEachHalfMinute(t *testing.T) {
	var lines []string
	u := newUI(func(line string) { lines = append(lines, line) })
	write := func(line string) {
		if _, err := u.Write([]byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	for elapsed := 10; elapsed <= 70; elapsed += 10 {
		write(hook("apply_progress", "aws_db_instance.this", "delete", elapsed))
		write(hook("apply_progress", "aws_lb.this", "update", elapsed-5))
	}
	write(hook("apply_complete", "aws_db_instance.this", "delete", 71))
	for elapsed := 10; elapsed <= 40; elapsed += 10 {
		write(hook("apply_progress", "aws_db_instance.this", "create", elapsed))
	}
	write(hook("apply_complete", "aws_db_instance.this", "create", 44))
	u.Close()
	want := []string{
		"aws_db_instance.this: still destroying after 30 s",
		"aws_lb.this: still updating after 35 s",
		"aws_db_instance.this: still destroying after 60 s",
		"aws_lb.this: still updating after 65 s",
		"aws_db_instance.this: destroyed in 71 s",
		"aws_db_instance.this: still creating after 30 s", // the second half of a replacement
		"aws_db_instance.this: created in 44 s",
	}
	if diff := cmp.Diff(want, lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

// Whatever Terraform or a provider prints, and however it is cut, the same lines come out and none is lost.
func FuzzUI(f *testing.F) {
	f.Add([]byte(stream), 5)
	f.Add([]byte("\n\n{}\n"), 1)
	f.Add([]byte(`{"type":"diagnostic"}`), 3)
	f.Add([]byte(`{"type":"diagnostic","diagnostic":{"severity":"warning","range":null,"snippet":{"code":"x\ny"}}}`+"\n\xff"), 2)
	f.Add([]byte(hook("apply_progress", "a", "move", 1<<30)+hook("apply_progress", "a", "", -1)), 4)
	f.Fuzz(func(t *testing.T, content []byte, size int) {
		read := func(size int) ([]string, []diagnostic) {
			var lines []string
			u := newUI(func(line string) { lines = append(lines, line) })
			for rest := content; len(rest) > 0; {
				n, err := u.Write(rest[:min(size, len(rest))])
				if err != nil {
					t.Fatal(err)
				}
				rest = rest[n:]
			}
			u.Close()
			for _, d := range u.diagnostics {
				d.at()
				d.lines()
			}
			return lines, u.diagnostics
		}
		whole, diagnostics := read(len(content))
		parts, diagnosticsOfParts := read(max(1, size))
		if diff := cmp.Diff(whole, parts); diff != "" {
			t.Errorf("lines (-whole +parts):\n%s", diff)
		}
		if diff := cmp.Diff(diagnostics, diagnosticsOfParts, cmp.AllowUnexported(place{})); diff != "" {
			t.Errorf("diagnostics (-whole +parts):\n%s", diff)
		}
	})
}

func TestWhereADiagnosticPoints(t *testing.T) {
	for want, d := range map[string]diagnostic{
		" at main.tf:12":  {Range: at("main.tf", 12), Address: "aws_vpc.this"},
		" (aws_vpc.this)": {Address: "aws_vpc.this"},
		"":                {Summary: "no place"},
	} {
		if got := d.at(); got != want {
			t.Errorf("at %q, want %q", got, want)
		}
	}
}

func TestADiagnosticOfValidateIsTheSame(t *testing.T) {
	got := fromValidate(tfjson.Diagnostic{
		Severity: "error", Summary: "Unsupported argument", Detail: "there is none",
		Range:   &tfjson.Range{Filename: "main.tf", Start: tfjson.Pos{Line: 3}},
		Snippet: &tfjson.DiagnosticSnippet{Code: "  nope = 1\n"},
	})
	want := diagnostic{
		Severity: "error", Summary: "Unsupported argument", Detail: "there is none", Range: at("main.tf", 3), Snippet: &snippet{Code: "  nope = 1\n"},
	}
	if diff := cmp.Diff(want, got, cmp.AllowUnexported(place{})); diff != "" {
		t.Errorf("diagnostic (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"  nope = 1", "there is none"}, got.lines()); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if got := fromValidate(tfjson.Diagnostic{Summary: "no place"}); got.at() != "" || got.lines() != nil {
		t.Errorf("place %q, lines %v", got.at(), got.lines())
	}
}
