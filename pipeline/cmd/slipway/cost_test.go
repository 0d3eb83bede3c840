package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestCost(t *testing.T) {
	bare(t)
	result := filepath.Join(t.TempDir(), "result.json")
	status, out, progress := slipway(t, "cost", "--plan", filepath.Join("..", "..", "cost", "testdata", "dev.json"), "--result", result)
	if status != 0 || progress != "" {
		t.Fatalf("exit status %d, on standard error %q", status, progress)
	}
	if last := "0.00 USD a month now, 96.00 after (+96.00)\n"; !strings.HasSuffix(out, last) {
		t.Errorf("output\n%s\ndoesn't end with %q", out, last)
	}
	if got := readResult(t, result); got.Cost == nil || got.Cost.After.String() != "96.00" || got.Cost.Region != "eu-central-1" {
		t.Errorf("result %+v", got.Cost)
	}
	if _, out, _ := slipway(t, "report", result, "--format", "markdown"); !strings.Contains(out, "### Cost: 96.00 USD a month after the plan, +96.00\n") {
		t.Errorf("as Markdown:\n%s", out)
	}
}

func TestCostOfWhatIsNoPlan(t *testing.T) {
	file := func(content string) string {
		name := filepath.Join(t.TempDir(), "plan.json")
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	tests := map[string]struct {
		args []string
		want string // the reason
	}{
		"a file that isn't there":       {[]string{"--plan", "gone.json"}, "the plan can't be read"},
		"a plan that isn't JSON":        {[]string{"--plan", file("PK\x03\x04")}, "this is a saved plan, and its JSON is wanted"},
		"JSON that is no plan":          {[]string{"--plan", file(`{"hello": 1}`)}, "this is no plan of Terraform"},
		"a region that has no prices":   {[]string{"--plan", file(`{"format_version": "1.2", "planned_values": {}}`), "--region", "eu-north-1"}, `there are no prices for the region "eu-north-1"; there are for eu-central-1, us-east-1`},
		"a plan that names no region":   {[]string{"--plan", file(`{"format_version": "1.2", "planned_values": {}}`)}, "the plan doesn't say which region it is for"},
		"a plan of a format to be made": {[]string{"--plan", file(`{"format_version": "2.0"}`)}, "the plan has format version 2.0; versions 1.x are understood"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			bare(t)
			status, out, progress := slipway(t, append([]string{"cost"}, test.args...)...)
			if status != 1 || out != "" || !strings.Contains(progress, test.want) || !strings.Contains(progress, "nothing was ") {
				t.Errorf("exit status %d, output %q, want 1, none and %q:\n%s", status, out, test.want, progress)
			}
		})
	}
}
