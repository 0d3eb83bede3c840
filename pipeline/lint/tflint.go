package lint

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// awsRules is the program that brings tflint's rules for AWS. tflint installs it from GitHub, or it is put there by hand.
//
// https://github.com/terraform-linters/tflint/blob/master/docs/user-guide/plugins.md
const awsRules = "tflint-ruleset-aws"

// ownRules turn the rules for AWS on, in a project that has no configuration of tflint.
const ownRules = `plugin "terraform" {
  enabled = true
  preset  = "recommended"
}

plugin "aws" {
  enabled = true
}
`

// TFLint runs tflint in dir and all directories below it, if the program is on the PATH: with the project's own .tflint.hcl, or
// else with the rules for AWS where they are installed. Its errors fail the check, and its warnings and notices only warn.
func TFLint(ctx context.Context, dir string) ([]report.Check, error) {
	program, err := exec.LookPath("tflint")
	if err != nil {
		return []report.Check{{Subject: "tflint", Outcome: report.Skipped, Reason: "there is no tflint on the PATH"}}, nil
	}
	dir, err = filepath.Abs(dir)
	if err != nil {
		return nil, fmt.Errorf("run tflint in %s: %w", dir, err)
	}
	config := filepath.Join(dir, ".tflint.hcl")
	var checks []report.Check
	if _, err := os.Stat(config); err != nil {
		config = ""
		if installed(dir) {
			scratch, err := os.MkdirTemp("", "slipway-tflint-")
			if err != nil {
				return nil, fmt.Errorf("run tflint in %s: %w", dir, err)
			}
			defer os.RemoveAll(scratch)
			config = filepath.Join(scratch, "rules.hcl")
			if err := os.WriteFile(config, []byte(ownRules), 0o600); err != nil {
				return nil, fmt.Errorf("run tflint in %s: %w", dir, err)
			}
		} else {
			checks = []report.Check{{Subject: "tflint for AWS", Outcome: report.Skipped, Reason: awsRules + " is not installed, and there is no .tflint.hcl"}}
		}
	}
	command := exec.CommandContext(ctx, program, arguments(config)...)
	command.Dir = dir
	var out, problems bytes.Buffer
	command.Stdout, command.Stderr = &out, &problems
	err = command.Run()
	// It ends with 2 where it has findings, and with 1 where it has errors, which are in the output as well.
	if _, exited := errors.AsType[*exec.ExitError](err); err != nil && !exited {
		return nil, fmt.Errorf("run tflint in %s: %w", dir, err)
	}
	found, parseErr := issues(out.Bytes())
	if parseErr != nil {
		return nil, (&report.Failure{
			Reason: "tflint didn't say what it found", Evidence: strings.Split(strings.TrimSpace(problems.String()), "\n"), Effect: "nothing was changed",
		}).Because(errors.Join(err, parseErr))
	}
	return append(found, checks...), nil
}

func arguments(config string) []string {
	arguments := []string{"--recursive", "--format=json", "--no-color"}
	if config != "" {
		// Below the root it would look for one in each directory.
		arguments = append(arguments, "--config="+config)
	}
	return arguments
}

// installed looks for the rules for AWS where tflint does.
func installed(dir string) bool {
	var places []string
	if given := os.Getenv("TFLINT_PLUGIN_DIR"); given != "" {
		places = []string{given}
	} else {
		places = []string{filepath.Join(dir, ".tflint.d", "plugins")}
		if home, err := os.UserHomeDir(); err == nil {
			places = append(places, filepath.Join(home, ".tflint.d", "plugins"))
		}
	}
	return slices.ContainsFunc(places, func(place string) bool {
		_, err := os.Stat(filepath.Join(place, awsRules))
		return err == nil
	})
}

// issues reads tflint's output, in its format json.
func issues(output []byte) ([]report.Check, error) {
	var said struct {
		Issues []struct {
			Rule struct {
				Name     string `json:"name"`
				Severity string `json:"severity"`
			} `json:"rule"`
			Message string `json:"message"`
			Range   struct {
				Filename string `json:"filename"`
				Start    struct {
					Line int `json:"line"`
				} `json:"start"`
			} `json:"range"`
		} `json:"issues"`
		Errors []struct {
			Message string `json:"message"`
		} `json:"errors"`
	}
	if err := json.Unmarshal(output, &said); err != nil {
		return nil, fmt.Errorf("read tflint's output: %w", err)
	}
	var checks []report.Check
	for _, issue := range said.Issues {
		outcome := report.Warned
		if issue.Rule.Severity == "error" {
			outcome = report.Refused
		}
		checks = append(checks, report.Check{Subject: "tflint", Outcome: outcome,
			Reason: fmt.Sprintf("%s:%d: %s (%s)", issue.Range.Filename, issue.Range.Start.Line, issue.Message, issue.Rule.Name)})
	}
	for _, e := range said.Errors {
		checks = append(checks, report.Check{Subject: "tflint", Outcome: report.Refused, Reason: strings.Join(strings.Fields(e.Message), " ")})
	}
	slices.SortFunc(checks, func(a, b report.Check) int { return strings.Compare(a.Reason, b.Reason) })
	if len(checks) == 0 {
		checks = []report.Check{{Subject: "tflint", Outcome: report.OK}}
	}
	return checks, nil
}
