package main

import (
	"context"
	"os"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/chain"
	"github.com/slipway-ci/slipway/pipeline/guard"
	"github.com/slipway-ci/slipway/pipeline/plan"
	"github.com/slipway-ci/slipway/pipeline/report"
)

type guardCommand struct {
	output
	Plan         string   `type:"path" required:"" placeholder:"FILE" help:"The plan as terraform show -json prints it; - reads standard input."`
	AllowDestroy []string `sep:"none" placeholder:"ADDRESS" help:"A resource at which the guard stops and that may be destroyed, replaced or changed all the same. May be repeated."`
}

func (c *guardCommand) Run(ctx context.Context, s streams) error {
	result := &report.Result{Operation: "guard"}
	return c.operate(ctx, s, result, []chain.Step{{Name: "guard", Run: func(context.Context) (chain.Done, error) {
		judged, err := readPlan(c.Plan)
		if err != nil {
			return chain.Done{}, err
		}
		summary := plan.Summarize(judged, plan.Secrets(judged)).Report()
		result.Plan = &summary
		findings := guard.Check(judged)
		// The pipeline deploys what Slipway made, and here may be anybody's Terraform, which deploys by this change.
		for i := range findings {
			if findings[i].Rule == guard.RunningTaskDefinition {
				findings[i].Verdict = report.Noted
			}
		}
		passed, err := pass(result, findings, c.AllowDestroy)
		return chain.Done{Summary: passed}, err
	}}})
}

// pass is the guard's verdict on a plan: what let it pass, or the failure. It fills in what was found.
func pass(result *report.Result, findings []report.Finding, allowed []string) (string, error) {
	err := guard.Refuse(findings, allowed)
	result.Plan.Findings, result.Plan.Guarded = findings, guard.Addresses(findings)
	if err != nil {
		return "", err
	}
	result.Notes = append(result.Notes, guard.Unused(findings, allowed)...)
	if len(result.Plan.Guarded) > 0 {
		return "allowed by name: " + strings.Join(result.Plan.Guarded, ", "), nil
	}
	return "nothing that holds data is lost, and nothing gets less safe", nil
}

// readPlan reads a plan that terraform show -json has printed.
func readPlan(file string) (*tfjson.Plan, error) {
	if file == "-" {
		return plan.Read(os.Stdin)
	}
	opened, err := os.Open(file)
	if err != nil {
		return nil, (&report.Failure{
			Reason: "the plan can't be read", Effect: "nothing was changed", Next: "give the file that terraform show -json PLANFILE printed",
		}).Because(err)
	}
	defer opened.Close()
	return plan.Read(opened)
}
