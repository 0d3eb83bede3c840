package guard

import "github.com/slipway-ci/slipway/pipeline/report"

// runningTaskDefinitions finds services whose running task definition the plan would change. Terraform owns the template and
// the pipeline what runs: with this plan the service would start the template, whose image does not exist.
func runningTaskDefinitions(_ planned, c change) []report.Finding {
	if c.Type != "aws_ecs_service" || !c.updates() {
		return nil
	}
	before, after, unknown := c.value(path("task_definition"))
	if same(before, after) && !unknown {
		return nil
	}
	return []report.Finding{{
		Rule: RunningTaskDefinition, What: "the service would run what Terraform says, and not what was deployed",
		Values: []report.FindingValue{c.show(path("task_definition"))}, Verdict: report.Never,
	}}
}
