package backend

import (
	"context"
	"errors"
	"net/http"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/kms"
	kmstypes "github.com/aws/aws-sdk-go-v2/service/kms/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// calls records what a fake was asked for, and refuses what it is told to.
type calls struct {
	mutex  sync.Mutex
	reads  []string
	writes []string
	denied map[string]bool
	// breaks are errors by the call that they happen in.
	breaks map[string]error
	// strangers counts calls that don't say whose the bucket has to be.
	strangers int
}

func (c *calls) read(name string) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.reads = append(c.reads, name)
	return c.fails(name)
}

func (c *calls) write(name string) error {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	c.writes = append(c.writes, name)
	return c.fails(name)
}

func (c *calls) fails(name string) error {
	if c.denied[name] {
		return answer("AccessDenied")
	}
	return c.breaks[name]
}

func (c *calls) owner(expected *string) {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	if aws.ToString(expected) != account {
		c.strangers++
	}
}

// answer is an error that AWS answers with.
func answer(code string) error { return &smithy.GenericAPIError{Code: code, Message: "not now"} }

// status is an answer to HEAD, which has no code.
func status(code int, header http.Header) error {
	return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: code, Header: header}}, Err: errors.New(http.StatusText(code)),
	}}
}

const account = "111111111111"

// fakeBucket is an S3 with one bucket, which remembers what is set and has what a new bucket of S3's has.
type fakeBucket struct {
	*calls
	exists bool
	// head is the answer about the bucket, where it isn't 200 or 404.
	head error
	// quick is somebody who makes the bucket between the look and the making.
	quick bool

	created    *s3.CreateBucketInput
	versioning types.BucketVersioningStatus
	encryption *types.ServerSideEncryptionConfiguration
	access     *types.PublicAccessBlockConfiguration
	ownership  types.ObjectOwnership
	policy     string
	lifecycle  *types.BucketLifecycleConfiguration
	transition types.TransitionDefaultMinimumObjectSize
	tags       []types.Tag
}

func (f *fakeBucket) HeadBucket(_ context.Context, input *s3.HeadBucketInput, _ ...func(*s3.Options)) (*s3.HeadBucketOutput, error) {
	f.owner(input.ExpectedBucketOwner)
	if err := f.read("HeadBucket"); err != nil {
		return nil, err
	}
	switch {
	case f.head != nil:
		return nil, f.head
	case !f.exists:
		return nil, status(http.StatusNotFound, nil)
	}
	return &s3.HeadBucketOutput{}, nil
}

func (f *fakeBucket) CreateBucket(_ context.Context, input *s3.CreateBucketInput, _ ...func(*s3.Options)) (*s3.CreateBucketOutput, error) {
	f.created = input
	if err := f.write("CreateBucket"); err != nil {
		return nil, err
	}
	f.exists = true
	f.ownership = input.ObjectOwnership
	if f.quick {
		return nil, &types.BucketAlreadyOwnedByYou{}
	}
	f.encryption = sseS3
	return &s3.CreateBucketOutput{}, nil
}

var sseS3 = &types.ServerSideEncryptionConfiguration{Rules: []types.ServerSideEncryptionRule{{
	ApplyServerSideEncryptionByDefault: &types.ServerSideEncryptionByDefault{SSEAlgorithm: "AES256"},
}}}

func (f *fakeBucket) GetBucketVersioning(_ context.Context, input *s3.GetBucketVersioningInput, _ ...func(*s3.Options)) (*s3.GetBucketVersioningOutput, error) {
	f.owner(input.ExpectedBucketOwner)
	return &s3.GetBucketVersioningOutput{Status: f.versioning}, f.read("GetBucketVersioning")
}

func (f *fakeBucket) PutBucketVersioning(_ context.Context, input *s3.PutBucketVersioningInput, _ ...func(*s3.Options)) (*s3.PutBucketVersioningOutput, error) {
	f.owner(input.ExpectedBucketOwner)
	if err := f.write("PutBucketVersioning"); err != nil {
		return nil, err
	}
	f.versioning = input.VersioningConfiguration.Status
	return nil, nil
}

func (f *fakeBucket) GetBucketEncryption(_ context.Context, input *s3.GetBucketEncryptionInput, _ ...func(*s3.Options)) (*s3.GetBucketEncryptionOutput, error) {
	f.owner(input.ExpectedBucketOwner)
	if err := f.read("GetBucketEncryption"); err != nil {
		return nil, err
	}
	if f.encryption == nil {
		return nil, answer("ServerSideEncryptionConfigurationNotFoundError")
	}
	return &s3.GetBucketEncryptionOutput{ServerSideEncryptionConfiguration: f.encryption}, nil
}

func (f *fakeBucket) PutBucketEncryption(_ context.Context, input *s3.PutBucketEncryptionInput, _ ...func(*s3.Options)) (*s3.PutBucketEncryptionOutput, error) {
	f.owner(input.ExpectedBucketOwner)
	if err := f.write("PutBucketEncryption"); err != nil {
		return nil, err
	}
	f.encryption = input.ServerSideEncryptionConfiguration
	return nil, nil
}

func (f *fakeBucket) GetPublicAccessBlock(_ context.Context, input *s3.GetPublicAccessBlockInput, _ ...func(*s3.Options)) (*s3.GetPublicAccessBlockOutput, error) {
	f.owner(input.ExpectedBucketOwner)
	if err := f.read("GetPublicAccessBlock"); err != nil {
		return nil, err
	}
	if f.access == nil {
		return nil, answer("NoSuchPublicAccessBlockConfiguration")
	}
	return &s3.GetPublicAccessBlockOutput{PublicAccessBlockConfiguration: f.access}, nil
}

func (f *fakeBucket) PutPublicAccessBlock(_ context.Context, input *s3.PutPublicAccessBlockInput, _ ...func(*s3.Options)) (*s3.PutPublicAccessBlockOutput, error) {
	f.owner(input.ExpectedBucketOwner)
	if err := f.write("PutPublicAccessBlock"); err != nil {
		return nil, err
	}
	f.access = input.PublicAccessBlockConfiguration
	return nil, nil
}

func (f *fakeBucket) GetBucketOwnershipControls(_ context.Context, input *s3.GetBucketOwnershipControlsInput, _ ...func(*s3.Options)) (*s3.GetBucketOwnershipControlsOutput, error) {
	f.owner(input.ExpectedBucketOwner)
	if err := f.read("GetBucketOwnershipControls"); err != nil {
		return nil, err
	}
	if f.ownership == "" {
		return nil, answer("OwnershipControlsNotFoundError")
	}
	return &s3.GetBucketOwnershipControlsOutput{OwnershipControls: &types.OwnershipControls{
		Rules: []types.OwnershipControlsRule{{ObjectOwnership: f.ownership}},
	}}, nil
}

func (f *fakeBucket) PutBucketOwnershipControls(_ context.Context, input *s3.PutBucketOwnershipControlsInput, _ ...func(*s3.Options)) (*s3.PutBucketOwnershipControlsOutput, error) {
	f.owner(input.ExpectedBucketOwner)
	if err := f.write("PutBucketOwnershipControls"); err != nil {
		return nil, err
	}
	f.ownership = input.OwnershipControls.Rules[0].ObjectOwnership
	return nil, nil
}

func (f *fakeBucket) GetBucketPolicy(_ context.Context, input *s3.GetBucketPolicyInput, _ ...func(*s3.Options)) (*s3.GetBucketPolicyOutput, error) {
	f.owner(input.ExpectedBucketOwner)
	if err := f.read("GetBucketPolicy"); err != nil {
		return nil, err
	}
	if f.policy == "" {
		return nil, answer("NoSuchBucketPolicy")
	}
	return &s3.GetBucketPolicyOutput{Policy: &f.policy}, nil
}

func (f *fakeBucket) PutBucketPolicy(_ context.Context, input *s3.PutBucketPolicyInput, _ ...func(*s3.Options)) (*s3.PutBucketPolicyOutput, error) {
	f.owner(input.ExpectedBucketOwner)
	if err := f.write("PutBucketPolicy"); err != nil {
		return nil, err
	}
	f.policy = *input.Policy
	return nil, nil
}

func (f *fakeBucket) GetBucketLifecycleConfiguration(_ context.Context, input *s3.GetBucketLifecycleConfigurationInput, _ ...func(*s3.Options)) (*s3.GetBucketLifecycleConfigurationOutput, error) {
	f.owner(input.ExpectedBucketOwner)
	if err := f.read("GetBucketLifecycleConfiguration"); err != nil {
		return nil, err
	}
	if f.lifecycle == nil {
		return nil, answer("NoSuchLifecycleConfiguration")
	}
	return &s3.GetBucketLifecycleConfigurationOutput{Rules: f.lifecycle.Rules, TransitionDefaultMinimumObjectSize: f.transition}, nil
}

func (f *fakeBucket) PutBucketLifecycleConfiguration(_ context.Context, input *s3.PutBucketLifecycleConfigurationInput, _ ...func(*s3.Options)) (*s3.PutBucketLifecycleConfigurationOutput, error) {
	f.owner(input.ExpectedBucketOwner)
	if err := f.write("PutBucketLifecycleConfiguration"); err != nil {
		return nil, err
	}
	f.lifecycle, f.transition = input.LifecycleConfiguration, input.TransitionDefaultMinimumObjectSize
	return nil, nil
}

func (f *fakeBucket) GetBucketTagging(_ context.Context, input *s3.GetBucketTaggingInput, _ ...func(*s3.Options)) (*s3.GetBucketTaggingOutput, error) {
	f.owner(input.ExpectedBucketOwner)
	if err := f.read("GetBucketTagging"); err != nil {
		return nil, err
	}
	if f.tags == nil {
		return nil, answer("NoSuchTagSet")
	}
	return &s3.GetBucketTaggingOutput{TagSet: f.tags}, nil
}

func (f *fakeBucket) PutBucketTagging(_ context.Context, input *s3.PutBucketTaggingInput, _ ...func(*s3.Options)) (*s3.PutBucketTaggingOutput, error) {
	f.owner(input.ExpectedBucketOwner)
	if err := f.write("PutBucketTagging"); err != nil {
		return nil, err
	}
	f.tags = input.Tagging.TagSet
	return nil, nil
}

// fakeKeys is a KMS that has at most the key of the alias.
type fakeKeys struct {
	*calls
	key     *kmstypes.KeyMetadata
	rotates bool
	cannot  bool // the key's material can't be rotated
	quick   bool // somebody takes the alias first
	made    *kms.CreateKeyInput
	deleted []string
}

const keyARN = "arn:aws:kms:eu-central-1:" + account + ":key/own"

func enabled(arn string) *kmstypes.KeyMetadata {
	return &kmstypes.KeyMetadata{Arn: &arn, KeyId: aws.String("own"), KeyState: kmstypes.KeyStateEnabled}
}

func (f *fakeKeys) DescribeKey(_ context.Context, input *kms.DescribeKeyInput, _ ...func(*kms.Options)) (*kms.DescribeKeyOutput, error) {
	if err := f.read("DescribeKey"); err != nil {
		return nil, err
	}
	if f.key == nil || *input.KeyId != KeyAlias {
		return nil, &kmstypes.NotFoundException{}
	}
	return &kms.DescribeKeyOutput{KeyMetadata: f.key}, nil
}

func (f *fakeKeys) CreateKey(_ context.Context, input *kms.CreateKeyInput, _ ...func(*kms.Options)) (*kms.CreateKeyOutput, error) {
	f.made = input
	return &kms.CreateKeyOutput{KeyMetadata: enabled(keyARN)}, f.write("CreateKey")
}

func (f *fakeKeys) CreateAlias(_ context.Context, input *kms.CreateAliasInput, _ ...func(*kms.Options)) (*kms.CreateAliasOutput, error) {
	if err := f.write("CreateAlias"); err != nil {
		return nil, err
	}
	if f.quick {
		f.key = enabled("arn:aws:kms:eu-central-1:" + account + ":key/faster")
		return nil, &kmstypes.AlreadyExistsException{}
	}
	f.key = enabled(keyARN)
	return nil, nil
}

func (f *fakeKeys) ScheduleKeyDeletion(_ context.Context, input *kms.ScheduleKeyDeletionInput, _ ...func(*kms.Options)) (*kms.ScheduleKeyDeletionOutput, error) {
	f.deleted = append(f.deleted, *input.KeyId)
	return nil, f.write("ScheduleKeyDeletion")
}

func (f *fakeKeys) GetKeyRotationStatus(context.Context, *kms.GetKeyRotationStatusInput, ...func(*kms.Options)) (*kms.GetKeyRotationStatusOutput, error) {
	if f.cannot {
		return nil, &kmstypes.UnsupportedOperationException{}
	}
	return &kms.GetKeyRotationStatusOutput{KeyRotationEnabled: f.rotates}, f.read("GetKeyRotationStatus")
}

func (f *fakeKeys) EnableKeyRotation(context.Context, *kms.EnableKeyRotationInput, ...func(*kms.Options)) (*kms.EnableKeyRotationOutput, error) {
	if err := f.write("EnableKeyRotation"); err != nil {
		return nil, err
	}
	f.rotates = true
	return nil, nil
}

// fakeTables is a DynamoDB that has at most one table.
type fakeTables struct {
	*calls
	table *dynamodbtypes.TableDescription
	quick bool // somebody makes the table first
	made  *dynamodb.CreateTableInput
}

func tableOf(protected bool, key string, kind dynamodbtypes.ScalarAttributeType) *dynamodbtypes.TableDescription {
	return &dynamodbtypes.TableDescription{
		TableStatus: dynamodbtypes.TableStatusActive, DeletionProtectionEnabled: &protected,
		AttributeDefinitions: []dynamodbtypes.AttributeDefinition{{AttributeName: &key, AttributeType: kind}},
		KeySchema:            []dynamodbtypes.KeySchemaElement{{AttributeName: &key, KeyType: dynamodbtypes.KeyTypeHash}},
	}
}

func (f *fakeTables) DescribeTable(context.Context, *dynamodb.DescribeTableInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error) {
	if err := f.read("DescribeTable"); err != nil {
		return nil, err
	}
	if f.table == nil {
		return nil, &dynamodbtypes.ResourceNotFoundException{}
	}
	return &dynamodb.DescribeTableOutput{Table: f.table}, nil
}

func (f *fakeTables) CreateTable(_ context.Context, input *dynamodb.CreateTableInput, _ ...func(*dynamodb.Options)) (*dynamodb.CreateTableOutput, error) {
	f.made = input
	if err := f.write("CreateTable"); err != nil {
		return nil, err
	}
	f.table = &dynamodbtypes.TableDescription{
		TableStatus: dynamodbtypes.TableStatusActive, DeletionProtectionEnabled: input.DeletionProtectionEnabled,
		AttributeDefinitions: input.AttributeDefinitions, KeySchema: input.KeySchema,
	}
	if f.quick {
		return nil, &dynamodbtypes.ResourceInUseException{}
	}
	return nil, nil
}

func (f *fakeTables) UpdateTable(_ context.Context, input *dynamodb.UpdateTableInput, _ ...func(*dynamodb.Options)) (*dynamodb.UpdateTableOutput, error) {
	if err := f.write("UpdateTable"); err != nil {
		return nil, err
	}
	f.table.DeletionProtectionEnabled = input.DeletionProtectionEnabled
	return nil, nil
}
