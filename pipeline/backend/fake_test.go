package backend

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// memory is an S3 and a DynamoDB that keep their conditions.
type memory struct {
	mutex   sync.Mutex
	objects map[string]entry
	items   map[string]map[string]dynamodbtypes.AttributeValue
	writes  int
	// fails is asked before each call; lost is a write that arrives and whose answer doesn't.
	fails func(call, key string) error
	lost  func(key string) bool
}

type entry struct {
	content []byte
	etag    string
}

func newMemory() *memory {
	return &memory{objects: map[string]entry{}, items: map[string]map[string]dynamodbtypes.AttributeValue{}}
}

var errNetwork = errors.New("connection reset")

func answered(status int) error {
	return &awshttp.ResponseError{ResponseError: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: fmt.Errorf("status %d", status),
	}}
}

func (m *memory) before(call, key string) error {
	if m.fails == nil {
		return nil
	}
	return m.fails(call, key)
}

func (m *memory) GetObject(ctx context.Context, input *s3.GetObjectInput, _ ...func(*s3.Options)) (*s3.GetObjectOutput, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if err := errors.Join(ctx.Err(), m.before("get", *input.Key)); err != nil {
		return nil, err
	}
	found, ok := m.objects[*input.Key]
	if !ok {
		return nil, answered(404)
	}
	return &s3.GetObjectOutput{Body: io.NopCloser(bytes.NewReader(found.content)), ETag: &found.etag}, nil
}

func (m *memory) PutObject(ctx context.Context, input *s3.PutObjectInput, _ ...func(*s3.Options)) (*s3.PutObjectOutput, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if err := errors.Join(ctx.Err(), m.before("put", *input.Key)); err != nil {
		return nil, err
	}
	found, exists := m.objects[*input.Key]
	switch {
	case input.IfNoneMatch != nil && exists:
		return nil, answered(412)
	case input.IfMatch != nil && !exists:
		return nil, answered(404)
	case input.IfMatch != nil && *input.IfMatch != found.etag:
		return nil, answered(412)
	}
	content, err := io.ReadAll(input.Body)
	if err != nil {
		return nil, err
	}
	m.writes++
	written := entry{content, fmt.Sprintf("%q", fmt.Sprint(m.writes))}
	m.objects[*input.Key] = written
	if m.lost != nil && m.lost(*input.Key) {
		return nil, answered(412) // what the SDK's own second attempt is told
	}
	return &s3.PutObjectOutput{ETag: &written.etag}, nil
}

func (m *memory) DeleteObject(ctx context.Context, input *s3.DeleteObjectInput, _ ...func(*s3.Options)) (*s3.DeleteObjectOutput, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	if err := errors.Join(ctx.Err(), m.before("delete", *input.Key)); err != nil {
		return nil, err
	}
	found, exists := m.objects[*input.Key]
	switch {
	case !exists:
		return nil, answered(404)
	case aws.ToString(input.IfMatch) != found.etag:
		return nil, answered(412)
	}
	delete(m.objects, *input.Key)
	return &s3.DeleteObjectOutput{}, nil
}

func lockID(key map[string]dynamodbtypes.AttributeValue) string {
	return key["LockID"].(*dynamodbtypes.AttributeValueMemberS).Value
}

func (m *memory) GetItem(_ context.Context, input *dynamodb.GetItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.GetItemOutput, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return &dynamodb.GetItemOutput{Item: m.items[lockID(input.Key)]}, m.before("get item", lockID(input.Key))
}

func (m *memory) PutItem(_ context.Context, input *dynamodb.PutItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.PutItemOutput, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	id := lockID(input.Item)
	if err := m.before("put item", id); err != nil {
		return nil, err
	}
	if aws.ToString(input.ConditionExpression) == "attribute_not_exists(LockID)" && m.items[id] != nil {
		return nil, &dynamodbtypes.ConditionalCheckFailedException{}
	}
	m.items[id] = input.Item
	return &dynamodb.PutItemOutput{}, nil
}

func (m *memory) DeleteItem(_ context.Context, input *dynamodb.DeleteItemInput, _ ...func(*dynamodb.Options)) (*dynamodb.DeleteItemOutput, error) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	id := lockID(input.Key)
	if err := m.before("delete item", id); err != nil {
		return nil, err
	}
	info, has := m.items[id]["Info"].(*dynamodbtypes.AttributeValueMemberS)
	holds := !has
	if aws.ToString(input.ConditionExpression) == "Info = :info" {
		holds = has && info.Value == input.ExpressionAttributeValues[":info"].(*dynamodbtypes.AttributeValueMemberS).Value
	}
	if !holds {
		return nil, &dynamodbtypes.ConditionalCheckFailedException{}
	}
	delete(m.items, id)
	return &dynamodb.DeleteItemOutput{}, nil
}

// set puts an object there, as somebody else would.
func (m *memory) set(key, content string) {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	m.writes++
	m.objects[key] = entry{[]byte(content), fmt.Sprintf("%q", fmt.Sprint(m.writes))}
}

// keys are the objects and items that are there.
func (m *memory) keys() []string {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	keys := []string{}
	for key := range m.objects {
		keys = append(keys, key)
	}
	for id := range m.items {
		keys = append(keys, "item "+id)
	}
	return keys
}

func (m *memory) get(key string) string {
	m.mutex.Lock()
	defer m.mutex.Unlock()
	return string(m.objects[key].content)
}

// log keeps lines of several goroutines.
type log struct {
	mutex sync.Mutex
	lines []string
}

func (l *log) say(line string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.lines = append(l.lines, line)
}

const (
	key       = "blog/dev/terraform.tfstate"
	leaseKey  = key + ".lease"
	lockKey   = key + ".tflock"
	lockTable = "locks"
)

var began = time.Date(2026, 11, 24, 21, 4, 5, 0, time.UTC)

func (m *memory) store() Store { return Store{Bucket: "states", Key: key, objects: m, items: m} }

func (m *memory) storeWithTable() Store {
	s := m.store()
	s.Table = lockTable
	return s
}

// runOf is a run with a token that says whose it is.
func runOf(who string) Run {
	return Run{Token: "token-of-" + who, Who: who, Host: "host", Commit: "1a2b3c4", Operation: "apply", Since: began}
}
