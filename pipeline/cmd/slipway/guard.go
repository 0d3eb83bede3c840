package main

import (
	"context"
	"os"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/chain"
	"github.com/slipway-ci/slipway/pipeline/guard"
	"github.com/slipway-ci/slipway/pipeline/plan"
	"github.com/slipway-ci/slipway/pipeline/redact"
	"github.com/slipway-ci/slipway/pipeline/report"
)

type guardCommand struct {
	output
	redacting
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
		hidden, err := c.hidden()
		if err != nil {
			return chain.Done{}, err
		}
		secrets := plan.Secrets(judged, hidden...)
		summary := plan.Summarize(judged, secrets).Report()
		summary.Text = "" // what the guard found is what was asked for
		result.Plan = &summary
		found := findings(judged, secrets)
		// The pipeline deploys what Slipway made, and here may be anybody's Terraform, which deploys by this change.
		for i := range found {
			if found[i].Rule == guard.RunningTaskDefinition {
				found[i].Verdict = report.Noted
			}
		}
		passed, err := pass(result, found, c.AllowDestroy)
		return chain.Done{Summary: passed}, err
	}}})
}

// findings is what the guard finds, without what is sensitive anywhere in the plan.
func findings(p *tfjson.Plan, secrets *redact.Values) []report.Finding {
	found := guard.Check(p)
	for i := range found {
		found[i].What, found[i].Why = secrets.Replace(found[i].What), secrets.Replace(found[i].Why)
		for j, value := range found[i].Values {
			found[i].Values[j].Before, found[i].Values[j].After = secrets.Replace(value.Before), secrets.Replace(value.After)
		}
	}
	return found
}

// pass is the guard's verdict on a plan: what let it pass, or the failure. It fills in what was found.
func pass(result *report.Result, findings []report.Finding, allowed []string) (string, error) {
	allowed = guard.Named(allowed)
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
