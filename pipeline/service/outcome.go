package service

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

// TagOutcome is the tag by which a revision says how its deployment ended. It is set when that is known, so a revision
// without it belongs to a deployment that is under way, or that was interrupted.
const TagOutcome = "slipway:outcome"

// Outcome is how the deployment of a release ended.
type Outcome string

const (
	OutcomeComplete   Outcome = "complete"
	OutcomeFailed     Outcome = "failed"
	OutcomeRolledBack Outcome = "rolled-back"
	OutcomeSuperseded Outcome = "superseded"
	// OutcomeMigrated is that of a revision of which only the migration was run.
	OutcomeMigrated Outcome = "migrated"
	// OutcomeUnfinished is that of a revision without the tag.
	OutcomeUnfinished Outcome = "unfinished"
)

type markAPI interface {
	TagResource(context.Context, *ecs.TagResourceInput, ...func(*ecs.Options)) (*ecs.TagResourceOutput, error)
}

// Marker writes down how deployments ended.
type Marker struct{ ecs markAPI }

// NewMarker returns a Marker.
func NewMarker(cfg aws.Config) *Marker { return &Marker{ecs: ecs.NewFromConfig(cfg)} }

// Mark tags every revision of the release with the outcome, in place of one that it had. All are tried.
func (m *Marker) Mark(ctx context.Context, release Release, outcome Outcome) error {
	revisions := slices.Sorted(maps.Values(release.Revisions))
	return each(len(revisions), func(i int) error {
		_, err := m.ecs.TagResource(ctx, &ecs.TagResourceInput{
			ResourceArn: &revisions[i], Tags: []types.Tag{ourTag(TagOutcome, string(outcome))},
		})
		if err != nil {
			return fmt.Errorf("mark %s as %s: %w", revisionName(revisions[i]), outcome, err)
		}
		return nil
	})
}
