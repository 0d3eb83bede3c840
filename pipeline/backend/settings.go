package backend

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

type bucketAPI interface {
	checkAPI
	CreateBucket(context.Context, *s3.CreateBucketInput, ...func(*s3.Options)) (*s3.CreateBucketOutput, error)
	PutBucketVersioning(context.Context, *s3.PutBucketVersioningInput, ...func(*s3.Options)) (*s3.PutBucketVersioningOutput, error)
	GetBucketEncryption(context.Context, *s3.GetBucketEncryptionInput, ...func(*s3.Options)) (*s3.GetBucketEncryptionOutput, error)
	PutBucketEncryption(context.Context, *s3.PutBucketEncryptionInput, ...func(*s3.Options)) (*s3.PutBucketEncryptionOutput, error)
	GetPublicAccessBlock(context.Context, *s3.GetPublicAccessBlockInput, ...func(*s3.Options)) (*s3.GetPublicAccessBlockOutput, error)
	PutPublicAccessBlock(context.Context, *s3.PutPublicAccessBlockInput, ...func(*s3.Options)) (*s3.PutPublicAccessBlockOutput, error)
	GetBucketOwnershipControls(context.Context, *s3.GetBucketOwnershipControlsInput, ...func(*s3.Options)) (*s3.GetBucketOwnershipControlsOutput, error)
	PutBucketOwnershipControls(context.Context, *s3.PutBucketOwnershipControlsInput, ...func(*s3.Options)) (*s3.PutBucketOwnershipControlsOutput, error)
	GetBucketPolicy(context.Context, *s3.GetBucketPolicyInput, ...func(*s3.Options)) (*s3.GetBucketPolicyOutput, error)
	PutBucketPolicy(context.Context, *s3.PutBucketPolicyInput, ...func(*s3.Options)) (*s3.PutBucketPolicyOutput, error)
	GetBucketLifecycleConfiguration(context.Context, *s3.GetBucketLifecycleConfigurationInput, ...func(*s3.Options)) (*s3.GetBucketLifecycleConfigurationOutput, error)
	PutBucketLifecycleConfiguration(context.Context, *s3.PutBucketLifecycleConfigurationInput, ...func(*s3.Options)) (*s3.PutBucketLifecycleConfigurationOutput, error)
	GetBucketTagging(context.Context, *s3.GetBucketTaggingInput, ...func(*s3.Options)) (*s3.GetBucketTaggingOutput, error)
	PutBucketTagging(context.Context, *s3.PutBucketTaggingInput, ...func(*s3.Options)) (*s3.PutBucketTaggingOutput, error)
}

// settings are what there is to see to, in this order: first what keeps others out, the life cycle after the versions.
func (b *Bootstrapper) settings(want Wanted) []setting {
	settings := []setting{
		b.publicAccess(want.Bucket),
		b.ownership(want.Bucket),
		b.policy(want.Bucket),
		b.versioning(want.Bucket),
	}
	if want.Key {
		settings = append(settings, b.key(want.Bucket, want.tags()))
	}
	settings = append(settings, b.encryption(want), b.lifecycle(want), b.tags(want))
	if want.LockTable != "" {
		settings = append(settings, b.lockTable(want))
	}
	return settings
}

func (b *Bootstrapper) versioning(bucket Bucket) setting {
	return setting{subject: "versioning", read: "s3:GetBucketVersioning", write: "s3:PutBucketVersioning", look: func(ctx context.Context) (finding, error) {
		is, err := b.s3.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &bucket.Name, ExpectedBucketOwner: &bucket.Account})
		if err != nil {
			return finding{}, fmt.Errorf("read versioning: %w", err)
		}
		if is.Status == types.BucketVersioningStatusEnabled {
			return finding{reason: "on"}, nil
		}
		was := "was off"
		if is.Status == types.BucketVersioningStatusSuspended {
			was = "was suspended"
		}
		return finding{reason: was + ", is on", set: func(ctx context.Context) error {
			_, err := b.s3.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
				Bucket: &bucket.Name, ExpectedBucketOwner: &bucket.Account,
				VersioningConfiguration: &types.VersioningConfiguration{Status: types.BucketVersioningStatusEnabled},
			})
			return wrap("turn versioning on", err)
		}}, nil
	}}
}

// encryption is at least S3's own. A KMS key that somebody chose stays, whatever is wanted.
func (b *Bootstrapper) encryption(want Wanted) setting {
	return setting{subject: "encryption", read: "s3:GetEncryptionConfiguration", write: "s3:PutEncryptionConfiguration", look: func(ctx context.Context) (finding, error) {
		rule, err := b.encryptionRule(ctx, want.Bucket)
		if err != nil {
			return finding{}, err
		}
		is := describeEncryption(rule)
		var key *string
		if want.Key {
			if key, err = b.ownKey(ctx, rule); err != nil {
				return finding{}, err
			}
		}
		if key == nil && rule.ApplyServerSideEncryptionByDefault != nil || key != nil && encryptsWith(rule, *key) {
			return finding{reason: is}, nil
		}
		// Further fields of the rule, such as the kinds of encryption that uploads may not use, stay.
		rule.ApplyServerSideEncryptionByDefault = &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAes256}
		if key != nil {
			rule.ApplyServerSideEncryptionByDefault = &types.ServerSideEncryptionByDefault{SSEAlgorithm: types.ServerSideEncryptionAwsKms, KMSMasterKeyID: key}
			// Far fewer calls of KMS: https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucket-key.html
			rule.BucketKeyEnabled = aws.Bool(true)
		}
		return finding{reason: "was " + is + ", is " + describeEncryption(rule), set: func(ctx context.Context) error {
			_, err := b.s3.PutBucketEncryption(ctx, &s3.PutBucketEncryptionInput{
				Bucket: &want.Name, ExpectedBucketOwner: &want.Account,
				ServerSideEncryptionConfiguration: &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{rule}},
			})
			return wrap("set encryption", err)
		}}, nil
	}}
}

// encryptionRule is the bucket's default encryption: at most one rule.
func (b *Bootstrapper) encryptionRule(ctx context.Context, bucket Bucket) (types.ServerSideEncryptionRule, error) {
	is, err := b.s3.GetBucketEncryption(ctx, &s3.GetBucketEncryptionInput{Bucket: &bucket.Name, ExpectedBucketOwner: &bucket.Account})
	switch {
	case code(err) == "ServerSideEncryptionConfigurationNotFoundError":
	case err != nil:
		return types.ServerSideEncryptionRule{}, fmt.Errorf("read encryption: %w", err)
	case is.ServerSideEncryptionConfiguration != nil && len(is.ServerSideEncryptionConfiguration.Rules) > 0:
		return is.ServerSideEncryptionConfiguration.Rules[0], nil
	}
	return types.ServerSideEncryptionRule{}, nil
}

func describeEncryption(rule types.ServerSideEncryptionRule) string {
	by := rule.ApplyServerSideEncryptionByDefault
	switch {
	case by == nil:
		return "none"
	case by.SSEAlgorithm == types.ServerSideEncryptionAes256:
		return "SSE-S3"
	case aws.ToString(by.KMSMasterKeyID) == "":
		return string(by.SSEAlgorithm) + " with AWS's own key"
	}
	return string(by.SSEAlgorithm) + " with " + *by.KMSMasterKeyID
}

func (b *Bootstrapper) publicAccess(bucket Bucket) setting {
	return setting{subject: "public access", read: "s3:GetBucketPublicAccessBlock", write: "s3:PutBucketPublicAccessBlock", look: func(ctx context.Context) (finding, error) {
		is, err := b.s3.GetPublicAccessBlock(ctx, &s3.GetPublicAccessBlockInput{Bucket: &bucket.Name, ExpectedBucketOwner: &bucket.Account})
		var block types.PublicAccessBlockConfiguration
		switch {
		case code(err) == "NoSuchPublicAccessBlockConfiguration":
		case err != nil:
			return finding{}, fmt.Errorf("read public access block: %w", err)
		case is.PublicAccessBlockConfiguration != nil:
			block = *is.PublicAccessBlockConfiguration
		}
		var open []string
		for _, part := range []struct {
			name    string
			blocked *bool
		}{
			{"BlockPublicAcls", block.BlockPublicAcls},
			{"IgnorePublicAcls", block.IgnorePublicAcls},
			{"BlockPublicPolicy", block.BlockPublicPolicy},
			{"RestrictPublicBuckets", block.RestrictPublicBuckets},
		} {
			if !aws.ToBool(part.blocked) {
				open = append(open, part.name)
			}
		}
		if len(open) == 0 {
			return finding{reason: "blocked"}, nil
		}
		return finding{reason: strings.Join(open, ", ") + " were off, are on", set: func(ctx context.Context) error {
			_, err := b.s3.PutPublicAccessBlock(ctx, &s3.PutPublicAccessBlockInput{
				Bucket: &bucket.Name, ExpectedBucketOwner: &bucket.Account,
				PublicAccessBlockConfiguration: &types.PublicAccessBlockConfiguration{
					BlockPublicAcls: aws.Bool(true), BlockPublicPolicy: aws.Bool(true),
					IgnorePublicAcls: aws.Bool(true), RestrictPublicBuckets: aws.Bool(true),
				},
			})
			return wrap("block public access", err)
		}}, nil
	}}
}

// ownership turns ACLs off: who may read a state is then said by policies alone.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/about-object-ownership.html
func (b *Bootstrapper) ownership(bucket Bucket) setting {
	return setting{subject: "object ownership", read: "s3:GetBucketOwnershipControls", write: "s3:PutBucketOwnershipControls", look: func(ctx context.Context) (finding, error) {
		is, err := b.s3.GetBucketOwnershipControls(ctx, &s3.GetBucketOwnershipControlsInput{Bucket: &bucket.Name, ExpectedBucketOwner: &bucket.Account})
		was := types.ObjectOwnershipObjectWriter // what a bucket without the setting has
		switch {
		case code(err) == "OwnershipControlsNotFoundError":
		case err != nil:
			return finding{}, fmt.Errorf("read object ownership: %w", err)
		case is.OwnershipControls != nil && len(is.OwnershipControls.Rules) > 0:
			was = is.OwnershipControls.Rules[0].ObjectOwnership
		}
		const enforced = types.ObjectOwnershipBucketOwnerEnforced
		if was == enforced {
			return finding{reason: string(enforced)}, nil
		}
		return finding{reason: fmt.Sprintf("was %s, is %s", was, enforced), set: func(ctx context.Context) error {
			_, err := b.s3.PutBucketOwnershipControls(ctx, &s3.PutBucketOwnershipControlsInput{
				Bucket: &bucket.Name, ExpectedBucketOwner: &bucket.Account,
				OwnershipControls: &types.OwnershipControls{Rules: []types.OwnershipControlsRule{{ObjectOwnership: enforced}}},
			})
			if code(err) == "InvalidBucketAclWithObjectOwnership" {
				return fmt.Errorf("set object ownership: the bucket's ACL lets other accounts in; set it to private first: %w", err)
			}
			return wrap("set object ownership", err)
		}}, nil
	}}
}

// managedBy says whose the bucket is. Where another tool has put its name there, that stays.
const managedBy = "ManagedBy"

func (b *Bootstrapper) tags(want Wanted) setting {
	return setting{subject: "tags", read: "s3:GetBucketTagging", write: "s3:PutBucketTagging", look: func(ctx context.Context) (finding, error) {
		is, err := b.s3.GetBucketTagging(ctx, &s3.GetBucketTaggingInput{Bucket: &want.Name, ExpectedBucketOwner: &want.Account})
		tags := map[string]string{}
		switch {
		case code(err) == "NoSuchTagSet":
		case err != nil:
			return finding{}, fmt.Errorf("read tags: %w", err)
		default:
			for _, tag := range is.TagSet {
				tags[aws.ToString(tag.Key)] = aws.ToString(tag.Value)
			}
		}
		given := want.tags()
		if _, named := want.Tags[managedBy]; !named && tags[managedBy] != "" {
			given[managedBy] = tags[managedBy]
		}
		var right, changed []string
		for _, pair := range sorted(given) {
			switch was, there := tags[pair[0]]; {
			case !there:
				changed = append(changed, fmt.Sprintf("%s=%s was missing", pair[0], pair[1]))
			case was != pair[1]:
				changed = append(changed, fmt.Sprintf("%s was %s, is %s", pair[0], was, pair[1]))
			default:
				right = append(right, pair[0]+"="+pair[1])
			}
		}
		if len(changed) == 0 {
			return finding{reason: strings.Join(right, ", ")}, nil
		}
		maps.Copy(tags, given) // the call replaces all of them
		var set []types.Tag
		for _, pair := range sorted(tags) {
			set = append(set, types.Tag{Key: aws.String(pair[0]), Value: aws.String(pair[1])})
		}
		return finding{reason: strings.Join(changed, ", "), set: func(ctx context.Context) error {
			_, err := b.s3.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{
				Bucket: &want.Name, ExpectedBucketOwner: &want.Account, Tagging: &types.Tagging{TagSet: set},
			})
			return wrap("set tags", err)
		}}, nil
	}}
}

// tags are those of everything that a bootstrap makes.
func (w Wanted) tags() map[string]string {
	tags := map[string]string{managedBy: "slipway"}
	maps.Copy(tags, w.Tags)
	return tags
}

// sorted are names and values in the order of the names.
func sorted(tags map[string]string) [][2]string {
	var pairs [][2]string
	for _, key := range slices.Sorted(maps.Keys(tags)) {
		pairs = append(pairs, [2]string{key, tags[key]})
	}
	return pairs
}

// policy has the bucket refuse what isn't encrypted on its way. Every other statement stays.
func (b *Bootstrapper) policy(bucket Bucket) setting {
	return setting{subject: "TLS only", read: "s3:GetBucketPolicy", write: "s3:PutBucketPolicy", look: func(ctx context.Context) (finding, error) {
		is, err := b.s3.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &bucket.Name, ExpectedBucketOwner: &bucket.Account})
		document := ""
		switch {
		case code(err) == "NoSuchBucketPolicy":
		case err != nil:
			return finding{}, fmt.Errorf("read policy: %w", err)
		default:
			document = aws.ToString(is.Policy)
		}
		wanted, was, err := withTLSOnly(document, bucket)
		if err != nil {
			return finding{}, err
		}
		if wanted == document {
			return finding{reason: was}, nil
		}
		return finding{reason: was, missing: document == "", set: func(ctx context.Context) error {
			_, err := b.s3.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &bucket.Name, ExpectedBucketOwner: &bucket.Account, Policy: &wanted})
			return wrap("set policy", err)
		}}, nil
	}}
}

// code is the code of an error that AWS answered with, or empty.
func code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

func wrap(doing string, err error) error {
	if err != nil {
		return fmt.Errorf("%s: %w", doing, err)
	}
	return nil
}
