package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/chain"
	"github.com/slipway-ci/slipway/pipeline/guard"
	"github.com/slipway-ci/slipway/pipeline/infra"
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
		plan, err := readPlan(c.Plan)
		if err != nil {
			return chain.Done{}, err
		}
		summary := infra.Summary(plan)
		result.Plan = &summary
		findings := guard.Check(plan)
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
	content, err := readAll(file)
	if err != nil {
		return nil, &report.Failure{Reason: fmt.Sprintf("the plan can't be read: %v", err), Effect: "nothing was judged"}
	}
	unfit := func(reason string) (*tfjson.Plan, error) {
		return nil, &report.Failure{
			Reason: fmt.Sprintf("%s %s", file, reason), Effect: "nothing was judged",
			Next: "terraform plan -out=plan && terraform show -json plan > plan.json",
		}
	}
	if bytes.HasPrefix(content, []byte("PK\x03\x04")) {
		return unfit("is the saved plan itself, and not its JSON")
	}
	var kind struct {
		Errored       bool            `json:"errored"`
		FormatVersion string          `json:"format_version"`
		PlannedValues json.RawMessage `json:"planned_values"`
		Changes       json.RawMessage `json:"resource_changes"`
		Values        json.RawMessage `json:"values"`
		Serial        json.RawMessage `json:"serial"`
		Level         string          `json:"@level"`
	}
	first := json.NewDecoder(bytes.NewReader(content))
	switch err := first.Decode(&kind); {
	case len(bytes.TrimSpace(content)) == 0:
		return unfit("is empty")
	case err != nil:
		return unfit(fmt.Sprintf("is not the JSON of a plan: %v", err))
	case kind.Level != "":
		return unfit("is the log of terraform plan -json, and not a plan")
	case kind.Serial != nil, kind.Values != nil && kind.PlannedValues == nil:
		return unfit("is a state, and not a plan")
	case kind.FormatVersion == "" || kind.PlannedValues == nil && kind.Changes == nil:
		return unfit("is JSON, but not of a plan")
	case kind.Errored:
		return unfit("is of a terraform plan that failed, so what it holds isn't all that would happen")
	}
	var plan tfjson.Plan
	if err := json.Unmarshal(content, &plan); err != nil {
		return unfit(fmt.Sprintf("is not a plan that this program understands: %v", err))
	}
	return &plan, nil
}

func readAll(file string) ([]byte, error) {
	if file == "-" {
		return io.ReadAll(os.Stdin)
	}
	return os.ReadFile(file)
}
