package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// KeyAlias is the alias of the key that encrypts a state bucket.
const KeyAlias = "alias/slipway-state"

type keyAPI interface {
	DescribeKey(context.Context, *kms.DescribeKeyInput, ...func(*kms.Options)) (*kms.DescribeKeyOutput, error)
	CreateKey(context.Context, *kms.CreateKeyInput, ...func(*kms.Options)) (*kms.CreateKeyOutput, error)
	CreateAlias(context.Context, *kms.CreateAliasInput, ...func(*kms.Options)) (*kms.CreateAliasOutput, error)
	ScheduleKeyDeletion(context.Context, *kms.ScheduleKeyDeletionInput, ...func(*kms.Options)) (*kms.ScheduleKeyDeletionOutput, error)
	GetKeyRotationStatus(context.Context, *kms.GetKeyRotationStatusInput, ...func(*kms.Options)) (*kms.GetKeyRotationStatusOutput, error)
	EnableKeyRotation(context.Context, *kms.EnableKeyRotationInput, ...func(*kms.Options)) (*kms.EnableKeyRotationOutput, error)
}

// key is a key of the bucket's own, whose material KMS renews each year. No key is made, and none paid for, for a bucket
// that somebody has given another.
func (b *Bootstrapper) key(bucket Bucket, tags map[string]string) setting {
	return setting{
		subject: "key " + KeyAlias, read: "s3:GetEncryptionConfiguration, kms:DescribeKey or kms:GetKeyRotationStatus",
		write: "kms:CreateKey, kms:TagResource, kms:CreateAlias or kms:EnableKeyRotation",
		look: func(ctx context.Context) (finding, error) {
			rule, err := b.encryptionRule(ctx, bucket)
			if err != nil {
				return finding{}, err
			}
			key, err := b.describeKey(ctx)
			if err != nil {
				return finding{}, err
			}
			if ofSomebody(rule, key) {
				return finding{reason: "not used: the bucket has a key that somebody chose"}, nil
			}
			if key == nil {
				return finding{reason: "was missing, is made, with a rotation each year", missing: true, set: func(ctx context.Context) error {
					return b.makeKey(ctx, bucket, tags)
				}}, nil
			}
			if key.KeyState != kmstypes.KeyStateEnabled {
				return finding{}, fmt.Errorf("the key %s is %s: states can be neither written nor, if it encrypts them, read; cancel its deletion or enable it",
					aws.ToString(key.Arn), key.KeyState)
			}
			rotation, err := b.kms.GetKeyRotationStatus(ctx, &kms.GetKeyRotationStatusInput{KeyId: key.KeyId})
			if _, cannot := errors.AsType[*kmstypes.UnsupportedOperationException](err); cannot {
				return finding{reason: aws.ToString(key.Arn) + ", whose material KMS can't rotate"}, nil
			}
			if err != nil {
				return finding{}, fmt.Errorf("read rotation of key %s: %w", KeyAlias, err)
			}
			if rotation.KeyRotationEnabled {
				return finding{reason: aws.ToString(key.Arn)}, nil
			}
			return finding{reason: "rotation was off, is on", set: func(ctx context.Context) error {
				_, err := b.kms.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: key.KeyId})
				return wrap("rotate key "+KeyAlias, err)
			}}, nil
		},
	}
}

// describeKey returns what the alias stands for, or nil.
func (b *Bootstrapper) describeKey(ctx context.Context) (*kmstypes.KeyMetadata, error) {
	output, err := b.kms.DescribeKey(ctx, &kms.DescribeKeyInput{KeyId: aws.String(KeyAlias)})
	if _, none := errors.AsType[*kmstypes.NotFoundException](err); none {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for key %s: %w", KeyAlias, err)
	}
	return output.KeyMetadata, nil
}

// makeKey makes the key and gives it its alias. A key that gets none is deleted again: nobody would find it, and it costs.
func (b *Bootstrapper) makeKey(ctx context.Context, bucket Bucket, tags map[string]string) error {
	policy, err := keyPolicy(bucket)
	if err != nil {
		return err
	}
	input := &kms.CreateKeyInput{Description: aws.String("Terraform state in " + bucket.Name), Policy: &policy}
	for _, pair := range sorted(tags) {
		input.Tags = append(input.Tags, kmstypes.Tag{TagKey: aws.String(pair[0]), TagValue: aws.String(pair[1])})
	}
	made, err := b.kms.CreateKey(ctx, input)
	if err != nil {
		return fmt.Errorf("make a key: %w", err)
	}
	id := made.KeyMetadata.KeyId
	_, err = b.kms.CreateAlias(ctx, &kms.CreateAliasInput{AliasName: aws.String(KeyAlias), TargetKeyId: id})
	if err != nil {
		// Seven days are the least that KMS takes: https://docs.aws.amazon.com/kms/latest/APIReference/API_ScheduleKeyDeletion.html
		_, deletion := b.kms.ScheduleKeyDeletion(context.WithoutCancel(ctx), &kms.ScheduleKeyDeletionInput{KeyId: id, PendingWindowInDays: aws.Int32(7)})
		if deletion != nil {
			err = errors.Join(err, fmt.Errorf("the key %s stays, without an alias: delete it: %w", aws.ToString(made.KeyMetadata.Arn), deletion))
		}
		if _, lost := errors.AsType[*kmstypes.AlreadyExistsException](err); lost && deletion == nil {
			return nil // somebody else's bootstrap was faster, and rotates what it made
		}
		return fmt.Errorf("name the key %s: %w", KeyAlias, err)
	}
	_, err = b.kms.EnableKeyRotation(ctx, &kms.EnableKeyRotationInput{KeyId: id})
	return wrap("rotate key "+KeyAlias+", which was made", err)
}

// keyPolicy leaves it to the account's IAM policies who may use the key, as KMS's own default does; without this statement
// nobody could change the key any more. Nobody outside the account gets in.
// https://docs.aws.amazon.com/kms/latest/developerguide/key-policy-default.html
func keyPolicy(bucket Bucket) (string, error) {
	policy, err := json.Marshal(map[string]any{
		"Version": "2012-10-17",
		"Statement": []any{map[string]any{
			"Sid":       "IAMDecides",
			"Effect":    "Allow",
			"Principal": map[string]string{"AWS": "arn:" + partition(bucket.Region) + ":iam::" + bucket.Account + ":root"},
			"Action":    "kms:*",
			"Resource":  "*",
		}},
	})
	return string(policy), err
}

// ownKey returns the ARN of the key that the bucket should be encrypted with, or nil where somebody chose another.
func (b *Bootstrapper) ownKey(ctx context.Context, rule types.ServerSideEncryptionRule) (*string, error) {
	key, err := b.describeKey(ctx)
	if err != nil {
		return nil, err
	}
	if ofSomebody(rule, key) {
		return nil, nil
	}
	if key == nil {
		return nil, fmt.Errorf("there is no key %s to encrypt with", KeyAlias)
	}
	return key.Arn, nil
}

// ofSomebody tells whether a bucket is encrypted with a KMS key that isn't this one and isn't AWS's own either.
func ofSomebody(rule types.ServerSideEncryptionRule, key *kmstypes.KeyMetadata) bool {
	by := rule.ApplyServerSideEncryptionByDefault
	if by == nil || by.SSEAlgorithm == types.ServerSideEncryptionAes256 || aws.ToString(by.KMSMasterKeyID) == "" {
		return false
	}
	return key == nil || !encryptsWith(rule, aws.ToString(key.Arn))
}

// encryptsWith tells whether a bucket is encrypted with the key of this ARN. It may be named by ARN, id or alias.
func encryptsWith(rule types.ServerSideEncryptionRule, arn string) bool {
	by := rule.ApplyServerSideEncryptionByDefault
	if by == nil || by.SSEAlgorithm == types.ServerSideEncryptionAes256 {
		return false
	}
	named := aws.ToString(by.KMSMasterKeyID)
	return named == arn || named != "" && strings.HasSuffix(arn, "/"+named) ||
		named == KeyAlias || strings.HasSuffix(named, ":"+KeyAlias)
}
