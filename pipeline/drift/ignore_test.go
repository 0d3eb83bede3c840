package drift

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/slipway-ci/slipway/pipeline/report"
)

func listOf(t *testing.T, content string) *Known {
	t.Helper()
	file := filepath.Join(t.TempDir(), File)
	if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
		t.Fatal(err)
	}
	list, err := ReadKnown(file)
	if err != nil {
		t.Fatal(err)
	}
	list.file = File
	return list
}

func TestReadKnownNamesEveryLineThatIsWrong(t *testing.T) {
	const good = "module.a.aws_lb.this idle_timeout 2027-03-31 raised by hand"
	tests := map[string]struct {
		content string
		want    []string
	}{
		"nothing":                  {"", nil},
		"comments and empty lines": {"# known\n\n  # more\n" + good + "\n", nil},
		"Windows' line ends":       {good + "\r\n" + good + "\r\n", nil},
		"an address alone":         {"aws_lb.this", []string{"line 1: the attribute, the last day and the reason are missing"}},
		"no day":                   {"aws_lb.this tags", []string{"line 1: the last day, YYYY-MM-DD, and the reason are missing"}},
		"no reason":                {good + "\n\naws_lb.this tags 2027-03-31 \n", []string{"line 3: the reason is missing"}},
		"a reason for a day":       {"aws_lb.this tags because of uploads", []string{`line 1: "because" is not a day, YYYY-MM-DD`}},
		"a day that there isn't":   {"aws_lb.this tags 2027-02-30 uploads", []string{`line 1: "2027-02-30" is not a day, YYYY-MM-DD`}},
		"what is no address":       {"* tags 2027-02-03 uploads\naws_lb tags 2027-02-03 uploads", []string{`line 1: "*" is not the address of a resource, like module.edge.aws_lb.this`, `line 2: "aws_lb" is not the address of a resource, like module.edge.aws_lb.this`}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), File)
			if err := os.WriteFile(file, []byte(test.content), 0o600); err != nil {
				t.Fatal(err)
			}
			_, err := ReadKnown(file)
			var got []string
			if err != nil {
				got = report.AsFailure(err).Evidence
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("wrong lines (-want +got):\n%s\n%v", diff, err)
			}
		})
	}
	t.Run("a file that isn't there lists nothing", func(t *testing.T) {
		if list, err := ReadKnown(filepath.Join(t.TempDir(), File)); err != nil || len(list.entries) > 0 {
			t.Errorf("%v, %v", list, err)
		}
	})
	t.Run("a directory can't be read", func(t *testing.T) {
		if _, err := ReadKnown(t.TempDir()); err == nil {
			t.Error("it was read")
		}
	})
}

func TestKnownDifferences(t *testing.T) {
	now := time.Date(2026, 11, 24, 23, 59, 0, 0, time.UTC)
	change := func(path string) report.AttributeChange {
		return report.AttributeChange{Path: path, Before: "a", After: "b"}
	}
	tests := map[string]struct {
		file             string
		address, changed string
		known            bool
		notes            []string
	}{
		"the very attribute":                      {"aws_lb.this idle 2026-12-31 r", "aws_lb.this", "idle", true, nil},
		"another attribute":                       {"aws_lb.this idle 2026-12-31 r", "aws_lb.this", "idle_timeout", false, []string{"drift.ignore:1: nothing differs that the entry for aws_lb.this idle is for; it can go"}},
		"another resource":                        {"aws_lb.this idle 2026-12-31 r", "module.a.aws_lb.this", "idle", false, []string{"drift.ignore:1: nothing differs that the entry for aws_lb.this idle is for; it can go"}},
		"an attribute below":                      {"aws_lb.this tags 2026-12-31 r", "aws_lb.this", "tags.Owner", true, nil},
		"an attribute of a block":                 {"aws_lb.this check 2026-12-31 r", "aws_lb.this", "check[0].path", true, nil},
		"any block":                               {"aws_lb.this check[*].path 2026-12-31 r", "aws_lb.this", "check[3].path", true, nil},
		"any instance, by number":                 {"aws_lb.this[*] idle 2026-12-31 r", "aws_lb.this[2]", "idle", true, nil},
		"any instance, by a key with a bracket":   {`module.a[*].aws_lb.this[*] idle 2026-12-31 r`, `module.a["x]\"."].aws_lb.this["b"]`, "idle", true, nil},
		"any instance is not none":                {"aws_lb.this[*] idle 2026-12-31 r", "aws_lb.this", "idle", false, []string{"drift.ignore:1: nothing differs that the entry for aws_lb.this[*] idle is for; it can go"}},
		"a key with a space":                      {`aws_lb.this["a b"] idle 2026-12-31 r`, `aws_lb.this["a b"]`, "idle", true, nil},
		"a dot is no wildcard":                    {"aws_lb.this a.b 2026-12-31 r", "aws_lb.this", "axb", false, []string{"drift.ignore:1: nothing differs that the entry for aws_lb.this a.b is for; it can go"}},
		"on its last day":                         {"aws_lb.this idle 2026-11-24 r", "aws_lb.this", "idle", true, nil},
		"the day after":                           {"aws_lb.this idle 2026-11-23 uploads, OPS-1", "aws_lb.this", "idle", false, []string{"drift.ignore:1: the entry for aws_lb.this idle has expired on 2026-11-23 and counts no longer (uploads, OPS-1)"}},
		"the second of two, as the first expired": {"aws_lb.this idle 2026-11-01 r\naws_lb.this idle 2026-12-01 r", "aws_lb.this", "idle", true, []string{"drift.ignore:1: the entry for aws_lb.this idle has expired on 2026-11-01 and counts no longer (r)"}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			drift := &report.Drift{Resources: []report.DriftedResource{
				{Address: test.address, Kind: "changed", Changes: []report.AttributeChange{change(test.changed), change("another")}},
			}}
			listOf(t, test.file).Apply(drift, now)
			want := &report.Drift{Resources: []report.DriftedResource{{Address: test.address, Kind: "changed", Changes: []report.AttributeChange{change("another")}}}, Notes: test.notes}
			if test.known {
				want.Ignored = []report.KnownDifference{{Address: test.address, Change: change(test.changed), Reason: "r"}}
			} else {
				want.Resources[0].Changes = []report.AttributeChange{change(test.changed), change("another")}
			}
			if diff := cmp.Diff(want, drift, cmpopts.IgnoreFields(report.KnownDifference{}, "Expires")); diff != "" {
				t.Errorf("drift (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAResourceOfWhichAllIsKnownIsNoDrift(t *testing.T) {
	drift := &report.Drift{Resources: []report.DriftedResource{
		{Address: "aws_lb.a", Kind: "changed", Changes: []report.AttributeChange{{Path: "idle"}}},
		{Address: "aws_lb.b", Kind: "deleted"},
	}}
	listOf(t, "aws_lb.a idle 2026-12-31 r\naws_lb.b idle 2026-12-31 r").Apply(drift, time.Date(2026, 11, 24, 0, 0, 0, 0, time.UTC))
	if len(drift.Resources) != 1 || drift.Resources[0].Address != "aws_lb.b" {
		t.Errorf("drift is %v, and a resource that was deleted can't be known", drift.Resources)
	}
	if len(drift.Notes) != 1 || !strings.Contains(drift.Notes[0], "drift.ignore:2:") {
		t.Errorf("notes %q", drift.Notes)
	}
}
