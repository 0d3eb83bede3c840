package service

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// Return chooses the release to go back to among the past ones, the newest first: the one that has a revision of this name
// ("blog-dev-web:41"), or, where none is named, the newest that came into service completely and does not serve now.
func Return(past []Past, to string) (Past, error) {
	if to != "" {
		i := slices.IndexFunc(past, func(p Past) bool {
			return slices.ContainsFunc(slices.Collect(maps.Values(p.Revisions)), func(arn string) bool { return revisionName(arn) == to })
		})
		if i < 0 {
			return Past{}, &report.Failure{
				Reason: fmt.Sprintf("there is no release with a revision %s", to),
				Effect: "nothing was changed",
				Next:   "see with history which there are",
			}
		}
		return past[i], nil
	}
	// Releases that are newer than the one that serves failed, or were rolled back; those behind it served.
	serving := slices.IndexFunc(past, func(p Past) bool { return p.Serving })
	for _, p := range past[serving+1:] {
		if p.Outcome == OutcomeComplete && !p.Serving {
			return p, nil
		}
	}
	return Past{}, &report.Failure{
		Reason: "there is no earlier release that came into service completely",
		Effect: "nothing was changed",
		Next:   "see with history which there are, and name one with --to",
	}
}

// Recover points every service at the revision that a past release has for it, and returns the deployments that ECS began.
// A past release that lacks a revision for a service can't be gone back to: one release goes to all services or to none.
func (d *Deployer) Recover(ctx context.Context, past Past) ([]Deployment, error) {
	var lacking []string
	for _, entry := range d.contract.Services {
		if past.Revisions[entry.Name] == "" {
			lacking = append(lacking, entry.Service)
		}
	}
	if len(lacking) > 0 {
		return nil, &report.Failure{
			Reason: fmt.Sprintf("the release %s has no revision for %s", strings.Join(past.Names(d.contract), ", "), strings.Join(lacking, ", ")),
			Effect: "no service was updated",
			Next:   "deploy that commit again: the service came later",
		}
	}
	deployments, err := d.Update(ctx, past.Release)
	if f, ok := errors.AsType[*report.Failure](err); ok {
		f.Next = "mend the cause and roll back again"
	}
	return deployments, err
}
