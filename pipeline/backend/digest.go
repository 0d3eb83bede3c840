package backend

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
)

// MendDigest sets the checksum of the state that Terraform keeps in the lock table, where a run was killed between writing
// the one and the other: Terraform would refuse the state from then on. It returns whether it had to.
//
// https://developer.hashicorp.com/terraform/language/backend/s3#dynamodb-state-locking
func (s Store) MendDigest(ctx context.Context) (bool, error) {
	if s.Table == "" {
		return false, nil
	}
	content, _, err := s.object("").read(ctx)
	if errors.Is(err, errAbsent) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	sum := md5.Sum(content)
	want := hex.EncodeToString(sum[:])
	item := lockItem{s.items, s.Table, s.Bucket + "/" + s.Key + "-md5"}
	output, err := s.items.GetItem(ctx, &dynamodb.GetItemInput{TableName: &s.Table, Key: item.key(), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return false, item.failed("read", err)
	}
	if digest, ok := output.Item["Digest"].(*types.AttributeValueMemberS); ok && digest.Value == want {
		return false, nil
	}
	replacement := item.key()
	replacement["Digest"] = &types.AttributeValueMemberS{Value: want}
	if _, err := s.items.PutItem(ctx, &dynamodb.PutItemInput{TableName: &s.Table, Item: replacement}); err != nil {
		return false, item.failed("write", err)
	}
	return true, nil
}
