package infra

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// change is one resource of a saved plan, as terraform show -json writes it.
func change(address, kind, actions string, more ...string) string {
	mode := "managed"
	if strings.HasPrefix(address, "data.") {
		mode = "data"
	}
	return `{"address": "` + strings.ReplaceAll(address, `"`, `\"`) + `", "mode": "` + mode + `", "type": "` + kind + `", "name": "this",
		"change": {"actions": [` + actions + `], "after": {"password": "a-generated-password"}` + strings.Join(more, "") + `}}`
}

func savedPlan(t *testing.T, changes ...string) *tfjson.Plan {
	t.Helper()
	var plan tfjson.Plan
	document := `{"format_version": "1.2", "terraform_version": "1.11.4", "resource_changes": [` + strings.Join(changes, ",") + `]}`
	if err := json.Unmarshal([]byte(document), &plan); err != nil {
		t.Fatal(err)
	}
	return &plan
}

const (
	create  = `"create"`
	update  = `"update"`
	destroy = `"delete"`
	replace = `"delete", "create"`
	before  = `"create", "delete"` // create_before_destroy
	read    = `"read"`
	noOp    = `"no-op"`
	forget  = `"forget"`
)

func TestSummary(t *testing.T) {
	tests := map[string]struct {
		changes []string
		want    report.Plan
	}{
		"nothing": {nil, report.Plan{Markdown: "Plan: 0 to add, 0 to change, 0 to destroy.\n"}},
		"nothing that changes": {
			[]string{change("aws_vpc.this", "aws_vpc", noOp), change("data.aws_region.this", "aws_region", read), change("aws_ecs_task_definition.this", "aws_ecs_task_definition", forget)},
			report.Plan{Markdown: "Plan: 0 to add, 0 to change, 0 to destroy.\n"},
		},
		"everything, counted as Terraform counts": {
			[]string{
				change("aws_vpc.this", "aws_vpc", create),
				change(`aws_subnet.private["a"]`, "aws_subnet", update),
				change("aws_eip.nat", "aws_eip", destroy),
				change("aws_db_instance.this", "aws_db_instance", replace, `, "replace_paths": [["engine_version"], ["restore", 0, "size"]]`),
				change("aws_lb.this", "aws_lb", before),
				change("data.aws_region.this", "aws_region", read),
				change("aws_ecs_cluster.this", "aws_ecs_cluster", noOp),
			},
			report.Plan{Add: 3, Change: 1, Destroy: 3, Markdown: "Plan: 3 to add, 1 to change, 3 to destroy.\n\n" +
				"| action | resource | |\n| --- | --- | --- |\n" +
				"| create | `aws_vpc.this` |  |\n" +
				"| update | `aws_subnet.private[\"a\"]` |  |\n" +
				"| destroy | `aws_eip.nat` |  |\n" +
				"| replace | `aws_db_instance.this` | because of `engine_version`, `restore.0.size` |\n" +
				"| replace | `aws_lb.this` |  |\n"},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			got := Summary(savedPlan(t, test.changes...))
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("summary (-want +got):\n%s", diff)
			}
			if strings.Contains(got.Markdown, "a-generated-password") {
				t.Errorf("the summary holds a value:\n%s", got.Markdown)
			}
		})
	}
}

func TestForcingOfPathsThatAreNone(t *testing.T) {
	if got := forcing([]any{"not a path", []any{"name"}}); !cmp.Equal(got, []string{"`name`"}) {
		t.Errorf("paths %v", got)
	}
}
