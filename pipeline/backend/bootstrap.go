package backend

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/slipway-ci/slipway/pipeline/endpoint"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// Wanted is what there has to be after a bootstrap.
type Wanted struct {
	Bucket
	// Tags are set on the bucket, over tags of the same names. Others stay.
	Tags map[string]string
	// KeepDays is how many days an overwritten or deleted version stays at least.
	KeepDays int32
	// KeepVersions is how many of the newest old versions of an object stay whatever their age, from 1 to 100.
	KeepVersions int32
	// Key encrypts the bucket with a KMS key of its own, KeyAlias, instead of S3's.
	Key bool
	// LockTable is a DynamoDB table for locks; empty where the lock file in the bucket is enough.
	LockTable string
}

// Bootstrapper makes and sets up a state bucket and what goes with it.
type Bootstrapper struct {
	s3    bucketAPI
	kms   keyAPI
	table tableAPI
}

// NewBootstrapper returns a Bootstrapper that calls AWS, or what stands for it.
func NewBootstrapper(cfg aws.Config, to endpoint.Endpoint) *Bootstrapper {
	return &Bootstrapper{s3: Client(cfg, to), kms: kms.NewFromConfig(cfg), table: dynamodb.NewFromConfig(cfg)}
}

// Bootstrap makes what is missing and repairs what deviates. What is stricter than wanted, or more, stays as it is. It reads
// first, and where all is right it writes nothing. The checks say of each thing how it was found and what was done; they are
// as complete as they can be where an error is returned as well.
func (b *Bootstrapper) Bootstrap(ctx context.Context, want Wanted) ([]report.Check, error) {
	bucket, err := b.bucket(ctx, want.Bucket)
	if err != nil {
		return nil, err
	}
	checks := []report.Check{bucket}
	for _, s := range b.settings(want) {
		checks = append(checks, s.attend(ctx))
		if err := ctx.Err(); err != nil {
			return checks, fmt.Errorf("set up state bucket %s: %w", want.Name, err)
		}
	}
	return checks, refusal(want.Name, checks)
}

// bucket makes the bucket where there is none, and refuses one that isn't the account's or in another region.
func (b *Bootstrapper) bucket(ctx context.Context, bucket Bucket) (report.Check, error) {
	check := report.Check{Subject: "bucket " + bucket.Name, Outcome: report.OK, Reason: "in " + bucket.Region}
	if !bucketNames.MatchString(bucket.Name) {
		return check, &report.Failure{
			Reason: fmt.Sprintf("%q can't be the name of a bucket", bucket.Name),
			Effect: untouched,
			Next:   "give --state-bucket 3 to 63 lower-case letters, digits and hyphens",
		}
	}
	head := &s3.HeadBucketInput{Bucket: &bucket.Name, ExpectedBucketOwner: &bucket.Account}
	_, err := b.s3.HeadBucket(ctx, head)
	if err == nil {
		return check, nil
	}
	if !absent(err) {
		return check, bucket.unusable(err)
	}
	input := &s3.CreateBucketInput{Bucket: &bucket.Name, ObjectOwnership: types.ObjectOwnershipBucketOwnerEnforced}
	// us-east-1 is the one region that may not be named as a constraint:
	// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CreateBucket.html
	if bucket.Region != "us-east-1" {
		input.CreateBucketConfiguration = &types.CreateBucketConfiguration{LocationConstraint: types.BucketLocationConstraint(bucket.Region)}
	}
	_, err = b.s3.CreateBucket(ctx, input)
	if _, taken := errors.AsType[*types.BucketAlreadyExists](err); taken {
		return check, &report.Failure{
			Reason: fmt.Sprintf("the name %s is taken: a bucket of another account than %s has it", bucket.Name, bucket.Account),
			Effect: untouched,
			Next:   "name another with --state-bucket, here and wherever you plan and apply",
		}
	}
	switch _, ours := errors.AsType[*types.BucketAlreadyOwnedByYou](err); {
	case ours: // us-east-1 says 200 instead, and so that it is new; it makes no difference to what follows
		check.Reason += ", made by somebody else at the same time"
	case denied(err):
		return check, (&report.Failure{
			Reason: fmt.Sprintf("there is no state bucket %s, and the credentials may not make it", bucket.Name),
			Effect: untouched,
			Next:   "allow s3:CreateBucket and what else a bootstrap needs (docs/iam.md)",
		}).Because(err)
	case err != nil:
		return check, fmt.Errorf("create state bucket %s in %s: %w", bucket.Name, bucket.Region, err)
	default:
		check.Outcome = report.Created
	}
	if err := s3.NewBucketExistsWaiter(b.s3).Wait(ctx, head, time.Minute); err != nil {
		return check, fmt.Errorf("wait for the new state bucket %s: %w", bucket.Name, err)
	}
	return check, nil
}

// setting is one thing about the bucket, or beside it, that has to be in a certain way.
type setting struct {
	subject string
	// look finds out how it is.
	look func(context.Context) (finding, error)
	// read and write are the permissions for looking and for setting.
	read, write string
}

// finding is how a setting is, and how to set it where that isn't as it should be.
type finding struct {
	// reason says how it is, and where it is going to be set how it was and how it will be: "was off, is on".
	reason string
	set    func(context.Context) error
	// missing is something that is going to be made, not changed.
	missing bool
}

// attend looks at the setting, and sets what deviates.
func (s setting) attend(ctx context.Context) report.Check {
	check := report.Check{Subject: s.subject, Outcome: report.OK}
	found, err := s.look(ctx)
	permission := s.read
	if err == nil && found.set != nil {
		permission = s.write
		err = found.set(ctx)
		check.Outcome = report.Repaired
		if found.missing {
			check.Outcome = report.Created
		}
	}
	check.Reason = found.reason
	if err != nil {
		check.Outcome, check.Reason = report.Refused, err.Error()
		if denied(err) {
			check.Reason = permission + " is denied: " + err.Error()
		}
	}
	return check
}

// refusal is the failure of a bootstrap that could not read or set everything. What it did is part of it.
func refusal(bucket string, checks []report.Check) error {
	var refused, done []string
	for _, check := range checks {
		switch check.Outcome {
		case report.Refused:
			refused = append(refused, check.Subject+": "+check.Reason)
		case report.Created:
			done = append(done, "made "+check.Subject)
		case report.Repaired:
			done = append(done, "repaired "+check.Subject)
		}
	}
	if len(refused) == 0 {
		return nil
	}
	effect := untouched
	if len(done) > 0 {
		effect = "done all the same: " + strings.Join(done, ", ")
	}
	return &report.Failure{
		Reason:   fmt.Sprintf("%d of %d things about the state bucket %s are not as they should be", len(refused), len(checks), bucket),
		Evidence: refused,
		Effect:   effect,
		Next:     "allow what is denied (docs/iam.md), mend the rest, and run bootstrap again: it goes on from there",
	}
}
