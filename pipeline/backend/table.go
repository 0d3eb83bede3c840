package backend

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// tableKey is the key of every lock table: https://developer.hashicorp.com/terraform/language/backend/s3#dynamodb-state-locking
const tableKey = "LockID"

type tableReader interface {
	DescribeTable(context.Context, *dynamodb.DescribeTableInput, ...func(*dynamodb.Options)) (*dynamodb.DescribeTableOutput, error)
}

type tableAPI interface {
	tableReader
	CreateTable(context.Context, *dynamodb.CreateTableInput, ...func(*dynamodb.Options)) (*dynamodb.CreateTableOutput, error)
	UpdateTable(context.Context, *dynamodb.UpdateTableInput, ...func(*dynamodb.Options)) (*dynamodb.UpdateTableOutput, error)
}

// CheckLockTable returns a failure where Terraform can't keep its locks in the table: it isn't there, or its key isn't
// the one that Terraform writes. Who may not look is told so through say, and may go on.
func CheckLockTable(ctx context.Context, client tableReader, table, region string, say func(string)) error {
	output, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &table})
	if _, none := errors.AsType[*dynamodbtypes.ResourceNotFoundException](err); none {
		return &report.Failure{
			Reason: fmt.Sprintf("there is no lock table %s in %s", table, region),
			Effect: untouched,
			Next:   "make it with bootstrap --lock-table " + table + ", or go without: the lock file in the bucket is enough",
		}
	}
	if denied(err) {
		say(fmt.Sprintf("whether the lock table %s can hold locks can't be seen: dynamodb:DescribeTable is denied", table))
		return nil
	}
	if err != nil {
		return fmt.Errorf("look for lock table %s: %w", table, err)
	}
	if is := describeTableKey(output.Table); is != tableKey+" (S)" {
		return &report.Failure{
			Reason: fmt.Sprintf("the table %s can't hold locks: its key is %s, and Terraform's is %s (S)", table, is, tableKey),
			Effect: untouched,
			Next:   "name another with --lock-table, which bootstrap makes, or go without: the lock file in the bucket is enough",
		}
	}
	return nil
}

// lockTable is a table that Terraform can keep its locks in. How it is paid for stays as it is. It needs no backup: what it
// holds is worth nothing without the run that wrote it.
func (b *Bootstrapper) lockTable(want Wanted) setting {
	return setting{
		subject: "lock table " + want.LockTable, read: "dynamodb:DescribeTable", write: "dynamodb:CreateTable, dynamodb:TagResource or dynamodb:UpdateTable",
		look: func(ctx context.Context) (finding, error) {
			output, err := b.table.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &want.LockTable})
			if _, none := errors.AsType[*dynamodbtypes.ResourceNotFoundException](err); none {
				return finding{reason: "was missing, is made, paid by request", missing: true, set: func(ctx context.Context) error {
					return b.makeTable(ctx, want)
				}}, nil
			}
			if err != nil {
				return finding{}, fmt.Errorf("look for lock table: %w", err)
			}
			if is := describeTableKey(output.Table); is != tableKey+" (S)" {
				return finding{}, fmt.Errorf("its key is %s, and Terraform's is %s (S); a key can't be changed: name another table", is, tableKey)
			}
			if aws.ToBool(output.Table.DeletionProtectionEnabled) {
				return finding{reason: "protected from deletion"}, nil
			}
			return finding{reason: "was not protected from deletion, is", set: func(ctx context.Context) error {
				_, err := b.table.UpdateTable(ctx, &dynamodb.UpdateTableInput{TableName: &want.LockTable, DeletionProtectionEnabled: aws.Bool(true)})
				return wrap("protect lock table", err)
			}}, nil
		},
	}
}

func (b *Bootstrapper) makeTable(ctx context.Context, want Wanted) error {
	input := &dynamodb.CreateTableInput{
		TableName:                 &want.LockTable,
		BillingMode:               dynamodbtypes.BillingModePayPerRequest,
		AttributeDefinitions:      []dynamodbtypes.AttributeDefinition{{AttributeName: aws.String(tableKey), AttributeType: dynamodbtypes.ScalarAttributeTypeS}},
		KeySchema:                 []dynamodbtypes.KeySchemaElement{{AttributeName: aws.String(tableKey), KeyType: dynamodbtypes.KeyTypeHash}},
		DeletionProtectionEnabled: aws.Bool(true),
	}
	for _, pair := range sorted(want.tags()) {
		input.Tags = append(input.Tags, dynamodbtypes.Tag{Key: aws.String(pair[0]), Value: aws.String(pair[1])})
	}
	_, err := b.table.CreateTable(ctx, input)
	// Somebody else's bootstrap may have been faster.
	if _, exists := errors.AsType[*dynamodbtypes.ResourceInUseException](err); err != nil && !exists {
		return fmt.Errorf("make lock table: %w", err)
	}
	err = dynamodb.NewTableExistsWaiter(b.table, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay = 2 * time.Second }).
		Wait(ctx, &dynamodb.DescribeTableInput{TableName: &want.LockTable}, 2*time.Minute)
	return wrap("wait for lock table", err)
}

// describeTableKey is a table's key with its types: "LockID (S)", "id (S), range (N)".
func describeTableKey(table *dynamodbtypes.TableDescription) string {
	kinds := map[string]dynamodbtypes.ScalarAttributeType{}
	for _, attribute := range table.AttributeDefinitions {
		kinds[aws.ToString(attribute.AttributeName)] = attribute.AttributeType
	}
	var key []string
	for _, part := range table.KeySchema {
		name := aws.ToString(part.AttributeName)
		key = append(key, fmt.Sprintf("%s (%s)", name, kinds[name]))
	}
	return strings.Join(key, ", ")
}
