package service

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/contract"
)

type historyAPI interface {
	describeAPI
	ListTaskDefinitions(context.Context, *ecs.ListTaskDefinitionsInput, ...func(*ecs.Options)) (*ecs.ListTaskDefinitionsOutput, error)
}

// Historian finds the releases of an environment. Nothing but the tags of their revisions keeps them, so a release whose
// revisions were deregistered is none any more, and can't be gone back to either.
type Historian struct {
	ecs      historyAPI
	contract contract.Contract
}

// NewHistorian returns a Historian for the environment that the contract describes.
func NewHistorian(cfg aws.Config, c contract.Contract) *Historian {
	return &Historian{ecs: ecs.NewFromConfig(cfg), contract: c}
}

// Past is a release that was registered.
type Past struct {
	Release
	// Registered is when, and RegisteredBy the ARN of who did it.
	Registered   time.Time
	RegisteredBy string
	Outcome      Outcome
	// Serving says that a service runs it now.
	Serving bool
}

// Names are the release's revisions as people write them, "blog-dev-web:41", in the contract's order.
func (p Past) Names(c contract.Contract) []string {
	var names []string
	for _, service := range c.Services {
		if arn, ok := p.Revisions[service.Name]; ok {
			names = append(names, revisionName(arn))
		}
	}
	return names
}

// Last returns the last n releases, the newest first.
func (h *Historian) Last(ctx context.Context, n int) ([]Past, error) {
	services, err := describe(ctx, h.ecs, h.contract)
	if err != nil {
		return nil, err
	}
	families := make([][]Past, len(h.contract.Services))
	err = each(len(families), func(i int) error {
		entry := h.contract.Services[i]
		serving := aws.ToString(services[entry.Service].TaskDefinition)
		var err error
		families[i], err = h.family(ctx, entry, serving, n)
		return err
	})
	if err != nil {
		return nil, err
	}
	releases := merge(slices.Concat(families...))
	return releases[:min(n, len(releases))], nil
}

// family returns the last n releases of one service.
func (h *Historian) family(ctx context.Context, entry contract.Service, serving string, n int) ([]Past, error) {
	family, _, _ := strings.Cut(revisionName(entry.Template), ":")
	var found []Past
	input := &ecs.ListTaskDefinitionsInput{
		FamilyPrefix: &family, Sort: types.SortOrderDesc, Status: types.TaskDefinitionStatusActive, MaxResults: aws.Int32(100),
	}
	for {
		output, err := h.ecs.ListTaskDefinitions(ctx, input)
		if err != nil {
			return nil, fmt.Errorf("list task definitions of family %s: %w", family, err)
		}
		// Templates lie between the releases: a few are read at a time until there are enough of these.
		for arns := range slices.Chunk(output.TaskDefinitionArns, readsAtOnce) {
			read := make([]*Past, len(arns))
			err := each(len(arns), func(i int) error {
				if name, _, _ := strings.Cut(revisionName(arns[i]), ":"); name != family {
					return nil // the emulator takes the family for what a name begins with
				}
				revision, err := describeDefinition(ctx, h.ecs, arns[i])
				if isGone(err) {
					return nil
				}
				if err != nil {
					return fmt.Errorf("read %s: %w", revisionName(arns[i]), err)
				}
				if registeredBySlipway(revision.Tags) {
					read[i] = revision.past(entry, serving)
				}
				return nil
			})
			if err != nil {
				return nil, err
			}
			for _, past := range read {
				if past != nil && len(found) < n {
					found = append(found, *past)
				}
			}
			if len(found) == n {
				return found, nil
			}
		}
		if output.NextToken == nil {
			return found, nil
		}
		input.NextToken = output.NextToken
	}
}

// past is the release of one service's revision.
func (r revision) past(entry contract.Service, serving string) *Past {
	arn := aws.ToString(r.TaskDefinitionArn)
	outcome := Outcome(r.tag(TagOutcome))
	if outcome == "" {
		outcome = OutcomeUnfinished
	}
	return &Past{
		Release: Release{
			Image:     imageOf(r.ContainerDefinitions, entry.Container),
			Commit:    r.tag(TagCommit),
			Run:       r.tag(TagRun),
			Revisions: map[string]string{entry.Name: arn},
		},
		Registered:   aws.ToTime(r.RegisteredAt),
		RegisteredBy: aws.ToString(r.RegisteredBy),
		Outcome:      outcome,
		Serving:      arn == serving,
	}
}

// together is the longest time that the registration of one release's revisions takes.
const together = 10 * time.Minute

// merge makes one release of the revisions that were registered for it, and sorts the releases, the newest first. Revisions
// belong together that have the image, the commit and the run in common, were registered at about the same time, and are
// of different services.
func merge(parts []Past) []Past {
	slices.SortStableFunc(parts, func(a, b Past) int { return b.Registered.Compare(a.Registered) })
	var releases []Past
	for _, part := range parts {
		i := slices.IndexFunc(releases, func(release Past) bool { return release.with(part) })
		if i < 0 {
			releases = append(releases, part)
			continue
		}
		for name, arn := range part.Revisions {
			releases[i].Revisions[name] = arn
		}
		releases[i].Registered = part.Registered // the first of them
		releases[i].Serving = releases[i].Serving || part.Serving
		releases[i].Outcome = worse(releases[i].Outcome, part.Outcome)
	}
	return releases
}

func (p Past) with(other Past) bool {
	for name := range other.Revisions {
		if _, has := p.Revisions[name]; has {
			return false
		}
	}
	return p.Image == other.Image && p.Commit == other.Commit && p.Run == other.Run && p.Registered.Sub(other.Registered) <= together
}

// worse is what a release whose revisions say different things counts as: one that was marked only in part did not end well.
func worse(a, b Outcome) Outcome {
	order := []Outcome{OutcomeComplete, OutcomeMigrated, OutcomeSuperseded, OutcomeRolledBack, OutcomeFailed, OutcomeUnfinished}
	if slices.Index(order, a) > slices.Index(order, b) {
		return a
	}
	return b
}
