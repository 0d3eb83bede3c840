package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// LockInfo is what Terraform writes into its lock. Slipway takes the lock in the same form, so that a Terraform which
// somebody starts by hand respects it, and "terraform force-unlock" works on it.
//
// https://developer.hashicorp.com/terraform/language/state/locking
type LockInfo struct {
	ID        string
	Operation string
	Info      string
	// Who is user@host.
	Who string
	// Version is Terraform's.
	Version string
	Created time.Time
	Path    string
}

// readLock returns nothing for a lock that isn't Terraform's JSON.
func readLock(content []byte) (LockInfo, bool) {
	var info LockInfo
	if json.Unmarshal(content, &info) != nil || info.ID == "" {
		return LockInfo{}, false
	}
	return info, true
}

// String names the lock's holder for a person.
func (i LockInfo) String() string {
	return fmt.Sprintf("%s (%s, since %s)", i.Who, i.Operation, i.Created.UTC().Format("2006-01-02 15:04:05 MST"))
}

// lock is a place where Terraform locks a state.
type lock interface {
	fmt.Stringer
	// take returns errChanged where there is a lock.
	take(ctx context.Context, info []byte) error
	// read returns what the lock holds, and what identifies it to release; errAbsent where there is none.
	read(ctx context.Context) (info []byte, version string, err error)
	// release returns errChanged or errAbsent where the lock isn't that one.
	release(ctx context.Context, version string) error
}

// places are where Terraform looks for a lock with our settings, in its own order.
func (s Store) places() []lock {
	places := []lock{lockFile{s.object(".tflock")}}
	if s.Table != "" {
		places = append(places, lockItem{s.items, s.Table, s.Bucket + "/" + s.Key})
	}
	return places
}

// lockFile is the lock object beside the state (use_lockfile).
//
// https://developer.hashicorp.com/terraform/language/backend/s3#state-locking
type lockFile struct{ object }

func (f lockFile) take(ctx context.Context, info []byte) error {
	_, err := f.write(ctx, info, "")
	return err
}

func (f lockFile) release(ctx context.Context, version string) error { return f.remove(ctx, version) }

type itemAPI interface {
	GetItem(context.Context, *dynamodb.GetItemInput, ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error)
	PutItem(context.Context, *dynamodb.PutItemInput, ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error)
	DeleteItem(context.Context, *dynamodb.DeleteItemInput, ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error)
}

// lockItem is the item of a DynamoDB table (dynamodb_table): LockID is BUCKET/KEY, Info the lock's JSON.
//
// https://developer.hashicorp.com/terraform/language/backend/s3#dynamodb-state-locking
type lockItem struct {
	items     itemAPI
	table, id string
}

func (i lockItem) String() string { return "item " + i.id + " of the DynamoDB table " + i.table }

func (i lockItem) key() map[string]types.AttributeValue {
	return map[string]types.AttributeValue{"LockID": &types.AttributeValueMemberS{Value: i.id}}
}

func (i lockItem) take(ctx context.Context, info []byte) error {
	item := i.key()
	item["Info"] = &types.AttributeValueMemberS{Value: string(info)}
	_, err := i.items.PutItem(ctx, &dynamodb.PutItemInput{
		TableName: &i.table, Item: item, ConditionExpression: aws.String("attribute_not_exists(LockID)"),
	})
	return i.failed("write", err)
}

func (i lockItem) read(ctx context.Context) ([]byte, string, error) {
	output, err := i.items.GetItem(ctx, &dynamodb.GetItemInput{TableName: &i.table, Key: i.key(), ConsistentRead: aws.Bool(true)})
	if err != nil {
		return nil, "", i.failed("read", err)
	}
	if len(output.Item) == 0 {
		return nil, "", fmt.Errorf("read %s: %w", i, errAbsent)
	}
	info, _ := output.Item["Info"].(*types.AttributeValueMemberS)
	if info == nil {
		return nil, "", nil // made by something else than Terraform
	}
	return []byte(info.Value), info.Value, nil
}

func (i lockItem) release(ctx context.Context, version string) error {
	input := &dynamodb.DeleteItemInput{TableName: &i.table, Key: i.key(), ConditionExpression: aws.String("attribute_not_exists(Info)")}
	if version != "" {
		input.ConditionExpression = aws.String("Info = :info")
		input.ExpressionAttributeValues = map[string]types.AttributeValue{":info": &types.AttributeValueMemberS{Value: version}}
	}
	_, err := i.items.DeleteItem(ctx, input)
	return i.failed("delete", err)
}

func (i lockItem) failed(verb string, err error) error {
	if err == nil {
		return nil
	}
	if _, ok := errors.AsType[*types.ConditionalCheckFailedException](err); ok {
		return fmt.Errorf("%s %s: %w", verb, i, errChanged)
	}
	if _, ok := errors.AsType[*types.ResourceNotFoundException](err); ok {
		return (&report.Failure{
			Reason: fmt.Sprintf("there is no DynamoDB table %s for Terraform's locks", i.table),
			Effect: "nothing was changed",
			Next:   "give the table's name with --lock-table, or leave the option out: locks then lie in the state bucket alone",
		}).Because(err)
	}
	return fmt.Errorf("%s %s: %w", verb, i, err)
}

// release gives back a lock of ours. One that is gone, or is somebody else's, is left as it is.
func release(ctx context.Context, place lock, id string) error {
	content, version, err := place.read(ctx)
	if err == nil {
		if info, _ := readLock(content); info.ID != id {
			return nil
		}
		err = place.release(ctx, version)
	}
	if errors.Is(err, errAbsent) || errors.Is(err, errChanged) {
		return nil
	}
	return err
}

// lock takes the state's lock in every place. A lock that a killed run left is released.
func (l *Lease) lock(ctx context.Context, deadline time.Time) error {
	run := l.lease.Run
	info, err := json.Marshal(LockInfo{
		ID: run.Token, Operation: run.Operation, Info: "held by Slipway's lease " + l.object.String(), Who: run.Who,
		Version: "slipway", Created: run.Since.UTC(), Path: l.state.Bucket + "/" + l.state.Key,
	})
	if err != nil {
		return fmt.Errorf("describe the lock: %w", err)
	}
	for _, place := range l.state.places() {
		if err := l.lockAt(ctx, place, info, deadline); err != nil {
			return err
		}
		l.locks = append(l.locks, place)
	}
	return nil
}

func (l *Lease) lockAt(ctx context.Context, place lock, info []byte, deadline time.Time) error {
	ctx, cancel := within(ctx, l.held)
	defer cancel()
	var waitingFor string
	for first := true; ; first = false {
		err := place.take(ctx, info)
		if err == nil {
			return nil
		}
		if !errors.Is(err, errChanged) {
			return fmt.Errorf("lock the state: %w", err)
		}
		content, version, err := place.read(ctx)
		if errors.Is(err, errAbsent) {
			continue
		}
		if err != nil {
			return fmt.Errorf("look at the state's lock: %w", err)
		}
		other, readable := readLock(content)
		if other.ID == l.lease.Token {
			return nil // taken by an attempt whose answer was lost
		}
		if dead := slices.IndexFunc(l.lease.Previous, func(run Run) bool { return readable && run.Token == other.ID }); dead >= 0 {
			err := place.release(ctx, version)
			if err == nil {
				l.options.Say(fmt.Sprintf("released the lock %s that %s left when it was killed", other.ID, l.lease.Previous[dead]))
			} else if !errors.Is(err, errAbsent) && !errors.Is(err, errChanged) {
				return fmt.Errorf("release the lock of a run that was killed: %w", err)
			}
			continue
		}
		if first || waitingFor != other.ID {
			waitingFor = other.ID
			l.options.Say("waiting for the lock of " + holder(other, readable))
		}
		if !time.Now().Before(deadline) {
			return locked(place, content, l.options.Unlock)
		}
		if err := sleep(ctx, min(l.options.Interval, 2*time.Second)); err != nil {
			return err
		}
	}
}

func holder(info LockInfo, readable bool) string {
	if !readable {
		return "somebody who wrote something else than Terraform does"
	}
	return info.String()
}

// locked is the failure of a run that somebody's lock keeps from its work: one that no run of Slipway is known to have made.
func locked(place lock, content []byte, unlock string) *report.Failure {
	info, readable := readLock(content)
	f := &report.Failure{
		Reason:   "the state is locked by " + holder(info, readable) + ", and no lease of Slipway belongs to that lock",
		Evidence: append([]string{place.String()}, describe(content)...),
		Effect:   "nothing was changed",
	}
	if readable {
		f.Next = "wait until that Terraform is done; if it is certain that none is running: " + unlock + " --id " + info.ID
	} else {
		f.Next = "find out what wrote it; if it is certain that nothing is running: " + unlock + " --force"
	}
	return f
}

// describe shows a lock for a person, a line each.
func describe(content []byte) []string {
	info, readable := readLock(content)
	if !readable {
		const enough = 200
		return []string{fmt.Sprintf("it is not Terraform's JSON: %q", strings.ToValidUTF8(string(content[:min(len(content), enough)]), "?"))}
	}
	lines := []string{
		"id: " + info.ID,
		fmt.Sprintf("holder: %s, Terraform %s", info.Who, info.Version),
		fmt.Sprintf("operation: %s, since %s by the holder's clock", info.Operation, info.Created.UTC().Format(time.RFC3339)),
	}
	if info.Info != "" {
		lines = append(lines, info.Info)
	}
	return lines
}

// within returns a context that ends with either of the two, with the cause of the one that did.
func within(ctx, other context.Context) (context.Context, context.CancelFunc) {
	merged, cancel := context.WithCancelCause(ctx)
	stop := context.AfterFunc(other, func() { cancel(context.Cause(other)) })
	return merged, func() {
		stop()
		cancel(context.Canceled)
	}
}
