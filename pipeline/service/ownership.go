package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"

	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// foreign is a running revision that isn't what Slipway would have made.
type foreign struct {
	service, revision string
	// why is what makes it foreign, in a sentence.
	why string
	// by and at say who registered it, and when, as far as ECS knows.
	by string
	at time.Time
	// differences are those from the template.
	differences []report.Change
}

// Owned returns a failure if a service runs a revision that Slipway did not make, or that somebody changed: deploying would
// undo what they did, and they should know. adopt says that this is wanted.
func (d Difference) Owned(adopt bool) error {
	if adopt || len(d.foreign) == 0 {
		return nil
	}
	var names, evidence []string
	for _, f := range d.foreign {
		names = append(names, fmt.Sprintf("%s runs %s", f.service, f.revision))
		evidence = append(evidence, f.lines()...)
	}
	return &report.Failure{
		Reason:   strings.Join(names, ", ") + ", and Slipway did not make it so",
		Evidence: evidence,
		Effect:   "nothing was registered and no service was touched",
		Next:     "put what should stay into the template (Terraform) and apply; then deploy with --adopt, which replaces what runs",
	}
}

// Foreign are sentences on what Owned would stop for. What differs from the contract's template stands in Changes already.
func (d Difference) Foreign() []string {
	var lines []string
	for _, f := range d.foreign {
		if f.why == unregistered {
			f.differences = nil
		}
		lines = append(lines, f.lines()...)
	}
	return lines
}

const unregistered = "Slipway did not register it"

// lines say what is known of a foreign revision: why it is one, who made it, and what differs.
func (f foreign) lines() []string {
	head := fmt.Sprintf("%s: %s", f.revision, f.why)
	if f.by != "" {
		head += "; registered by " + f.by
	}
	if !f.at.IsZero() {
		head += " at " + f.at.UTC().Format("2006-01-02 15:04 UTC")
	}
	lines := []string{head}
	for _, change := range f.differences {
		switch {
		case change.Field == fieldImage:
			lines = append(lines, fmt.Sprintf("  image: %s; its tags name %s", change.New, change.Old))
		case change.Old == "":
			lines = append(lines, fmt.Sprintf("  %s: %s, which the template does not have", change.Field, change.New))
		case change.New == "":
			lines = append(lines, fmt.Sprintf("  %s: not there; the template has %s", change.Field, change.Old))
		default:
			lines = append(lines, fmt.Sprintf("  %s: %s; the template has %s", change.Field, change.New, change.Old))
		}
	}
	return lines
}

// owned returns what makes the running revision foreign, or nil. Only settings and the image count: tags come from many
// hands, an organisation's own tools among them.
func (d *Differ) owned(ctx context.Context, entry contract.Service, running, template revision, now inService) (*foreign, error) {
	f := &foreign{
		service: entry.Service, revision: running.name(), by: aws.ToString(running.RegisteredBy), at: aws.ToTime(running.RegisteredAt),
	}
	if !registeredBySlipway(running.Tags) {
		f.why = unregistered
		f.differences = compare(entry.Service, settings(template.TaskDefinition, entry.Container), settings(running.TaskDefinition, now.container))
		return f, nil
	}
	// ECS's console copies the tags to a revision that is made of one by hand: they alone say nothing.
	madeOf := template
	if name := running.tag(TagTemplate); name != template.name() {
		arn := aws.ToString(running.TaskDefinitionArn)
		var err error
		madeOf, err = describeDefinition(ctx, d.ecs, arn[:strings.LastIndexByte(arn, '/')+1]+name)
		if isGone(err) {
			// Somebody tidied up. The image is all that can be checked then; the changes show the rest.
			madeOf = revision{}
		} else if err != nil {
			return nil, fmt.Errorf("read template %s, of which %s was made: %w", name, running.name(), err)
		}
	}
	if digest := running.tag(TagDigest); digest != "" && !strings.HasSuffix(now.image, "@"+digest) {
		f.differences = append(f.differences, report.Change{Service: entry.Service, Field: fieldImage, Old: digest, New: now.image})
		f.why = "its image is not the one that its tags name"
	}
	if madeOf.TaskDefinition != nil {
		changed := compare(entry.Service, settings(madeOf.TaskDefinition, now.container), settings(running.TaskDefinition, now.container))
		if len(changed) > 0 {
			f.why = fmt.Sprintf("it differs from its template %s in more than the image", madeOf.name())
			f.differences = append(f.differences, changed...)
		}
	}
	if f.why == "" {
		return nil, nil
	}
	return f, nil
}

func registeredBySlipway(tags []types.Tag) bool {
	return slices.ContainsFunc(tags, func(tag types.Tag) bool { return aws.ToString(tag.Key) == TagTemplate })
}

// isGone says that ECS knows no such task definition, not even a deregistered one. It has no error of its own for that.
func isGone(err error) bool {
	api, ok := errors.AsType[smithy.APIError](err)
	return ok && api.ErrorCode() == "ClientException" && strings.Contains(strings.ToLower(api.ErrorMessage()), "unable to describe task definition")
}
