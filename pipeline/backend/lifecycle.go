package backend

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// lifecycleID names the rule that a bootstrap owns in the bucket's life cycle.
const lifecycleID = "slipway-state"

// abortAfter is how many days an upload in parts may take. A state goes up in one.
const abortAfter = 7

// lifecycle lets old versions go, and what deletions and broken uploads leave behind. A lock and a lease make a version and
// a deletion in every run, so without it the bucket grows for ever.
func (b *Bootstrapper) lifecycle(want Wanted) setting {
	return setting{subject: "life cycle", read: "s3:GetLifecycleConfiguration", write: "s3:PutLifecycleConfiguration", look: func(ctx context.Context) (finding, error) {
		is, err := b.s3.GetBucketLifecycleConfiguration(ctx, &s3.GetBucketLifecycleConfigurationInput{Bucket: &want.Name, ExpectedBucketOwner: &want.Account})
		input := &s3.PutBucketLifecycleConfigurationInput{Bucket: &want.Name, ExpectedBucketOwner: &want.Account}
		var rules []types.LifecycleRule
		switch {
		case code(err) == "NoSuchLifecycleConfiguration":
		case err != nil:
			return finding{}, fmt.Errorf("read life cycle: %w", err)
		default:
			rules, input.TransitionDefaultMinimumObjectSize = is.Rules, is.TransitionDefaultMinimumObjectSize
		}
		own := slices.IndexFunc(rules, func(rule types.LifecycleRule) bool { return aws.ToString(rule.ID) == lifecycleID })
		for i, rule := range rules {
			if i == own || rule.Status != types.ExpirationStatusEnabled || !ofAll(rule) {
				continue
			}
			if deletesCurrent(rule) {
				return finding{}, fmt.Errorf("rule %q deletes what is current, states among it: %s; take it away or bound it to a prefix without states", aws.ToString(rule.ID), describeRule(rule))
			}
			// Beside it a rule of ours could only delete sooner.
			if rule.NoncurrentVersionExpiration != nil {
				return finding{reason: fmt.Sprintf("rule %q: %s", aws.ToString(rule.ID), describeRule(rule))}, nil
			}
		}
		if own >= 0 && rules[own].Status != types.ExpirationStatusEnabled {
			return finding{reason: fmt.Sprintf("rule %q is disabled: nothing is ever deleted", lifecycleID)}, nil
		}
		var reason string
		if own < 0 {
			rules = append(slices.Clone(rules), want.rule())
			reason = "was missing, is " + describeRule(want.rule())
		} else {
			was := describeRule(rules[own])
			mended, changed := want.mend(rules[own])
			if !changed {
				return finding{reason: was}, nil
			}
			rules = slices.Clone(rules)
			rules[own] = mended
			reason = "was " + was + ", is " + describeRule(mended)
		}
		input.LifecycleConfiguration = &types.BucketLifecycleConfiguration{Rules: rules} // the call replaces all of them
		return finding{reason: reason, missing: own < 0, set: func(ctx context.Context) error {
			_, err := b.s3.PutBucketLifecycleConfiguration(ctx, input)
			return wrap("set life cycle", err)
		}}, nil
	}}
}

// rule is the life cycle of a bucket that has none.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
func (w Wanted) rule() types.LifecycleRule {
	return types.LifecycleRule{
		ID: aws.String(lifecycleID), Status: types.ExpirationStatusEnabled, Filter: &types.LifecycleRuleFilter{Prefix: aws.String("")},
		NoncurrentVersionExpiration: &types.NoncurrentVersionExpiration{
			NoncurrentDays: aws.Int32(w.KeepDays), NewerNoncurrentVersions: aws.Int32(w.KeepVersions),
		},
		Expiration:                     &types.LifecycleExpiration{ExpiredObjectDeleteMarker: aws.Bool(true)},
		AbortIncompleteMultipartUpload: &types.AbortIncompleteMultipartUpload{DaysAfterInitiation: aws.Int32(abortAfter)},
	}
}

// mend returns the rule with nothing deleted sooner than wanted, and whether that changed it. What it keeps longer, it does.
func (w Wanted) mend(rule types.LifecycleRule) (mended types.LifecycleRule, changed bool) {
	wanted := w.rule()
	if is := rule.NoncurrentVersionExpiration; is != nil { // without it nothing old is ever deleted
		longer := &types.NoncurrentVersionExpiration{
			NoncurrentDays:          aws.Int32(max(aws.ToInt32(is.NoncurrentDays), w.KeepDays)),
			NewerNoncurrentVersions: aws.Int32(max(aws.ToInt32(is.NewerNoncurrentVersions), w.KeepVersions)),
		}
		changed = *longer.NoncurrentDays != aws.ToInt32(is.NoncurrentDays) || *longer.NewerNoncurrentVersions != aws.ToInt32(is.NewerNoncurrentVersions)
		rule.NoncurrentVersionExpiration = longer
	}
	if deletesCurrent(rule) || rule.Expiration == nil {
		rule.Expiration, changed = wanted.Expiration, true
	}
	if rule.AbortIncompleteMultipartUpload == nil {
		rule.AbortIncompleteMultipartUpload, changed = wanted.AbortIncompleteMultipartUpload, true
	}
	return rule, changed
}

// deletesCurrent tells whether a rule deletes objects that nobody has overwritten or deleted: a state that is in use.
func deletesCurrent(rule types.LifecycleRule) bool {
	return rule.Expiration != nil && (aws.ToInt32(rule.Expiration.Days) > 0 || rule.Expiration.Date != nil)
}

// ofAll tells whether a rule is for every object. Prefix is where older rules have what is now in the filter.
func ofAll(rule types.LifecycleRule) bool {
	//lint:ignore SA1019 rules that were made before there were filters still have it
	if aws.ToString(rule.Prefix) != "" {
		return false
	}
	filter := rule.Filter
	return filter == nil || aws.ToString(filter.Prefix) == "" &&
		filter.And == nil && filter.Tag == nil && filter.ObjectSizeGreaterThan == nil && filter.ObjectSizeLessThan == nil
}

// describeRule says what a rule deletes.
func describeRule(rule types.LifecycleRule) string {
	if deletesCurrent(rule) {
		if rule.Expiration.Date != nil {
			return "objects go on " + rule.Expiration.Date.UTC().Format("2006-01-02")
		}
		return fmt.Sprintf("objects go after %d days", *rule.Expiration.Days)
	}
	old := rule.NoncurrentVersionExpiration
	if old == nil {
		return "old versions stay"
	}
	text := fmt.Sprintf("old versions go after %d days", aws.ToInt32(old.NoncurrentDays))
	if newest := aws.ToInt32(old.NewerNoncurrentVersions); newest > 0 {
		text += fmt.Sprintf(", the newest %d stay", newest)
	}
	return text
}
