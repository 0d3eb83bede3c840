package slipway_test

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The roles that terraform/modules/ci makes have the policies that docs/iam.md shows for people who make them by hand.
func TestPoliciesOfTheDocumentAreThoseOfTheModule(t *testing.T) {
	content, err := os.ReadFile("docs/iam.md")
	if err != nil {
		t.Fatal(err)
	}
	example := strings.NewReplacer("${partition}", "aws", "${account}", "111122223333", "${region}", "eu-central-1",
		"${name}", "blog", "${environment}", "dev", "${state_bucket}", "slipway-state-111122223333-eu-central-1")
	for section, file := range map[string]string{
		"Plan and apply": "infrastructure", "Plan only": "plan", "Application side only": "application", "Verify": "verify",
	} {
		t.Run(section, func(t *testing.T) {
			file = "terraform/modules/ci/policies/" + file + ".json.tftpl"
			template, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			block := regexp.MustCompile("(?s)\n## " + section + "\n.*?```json\n(.*?)```").FindSubmatch(content)
			if block == nil {
				t.Fatalf("docs/iam.md shows no policy under %q", section)
			}
			var documented, made any
			if err := json.Unmarshal(block[1], &documented); err != nil {
				t.Fatalf("docs/iam.md, %s: %v", section, err)
			}
			if err := json.Unmarshal([]byte(example.Replace(string(template))), &made); err != nil {
				t.Fatalf("%s: %v", file, err)
			}
			if diff := cmp.Diff(documented, made); diff != "" {
				t.Errorf("%s differs (-docs/iam.md +%s):\n%s", section, file, diff)
			}
		})
	}
}
