package service

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/smithy-go"
	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/report"
)

var (
	errRefused = refusal("not you")
	errSilent  = errors.New("connection reset by peer")
)

// refusal is how AWS says that the caller lacks a permission.
type refusal string

func (r refusal) Error() string               { return r.ErrorCode() + ": " + string(r) }
func (refusal) ErrorCode() string             { return "AccessDeniedException" }
func (r refusal) ErrorMessage() string        { return string(r) }
func (refusal) ErrorFault() smithy.ErrorFault { return smithy.FaultClient }

// fakeECS answers from what a test puts into it, and records what changes something.
type fakeECS struct {
	mutex sync.Mutex
	fails map[string]error // by the name of the call

	definitions map[string]types.TaskDefinition // by ARN
	tags        map[string][]types.Tag
	// services are the answers to DescribeServices, one after the other; the last one stays.
	services [][]types.Service
	// tasks are the answers to DescribeTasks, in the same way.
	tasks  [][]types.Task
	run    *ecs.RunTaskOutput
	update func(*ecs.UpdateServiceInput) (*ecs.UpdateServiceOutput, error)

	// records are the answers to DescribeServiceDeployments, in the same way.
	records [][]types.ServiceDeployment

	// marks are the tasks that were started with a mark.
	marks map[string][]string

	// families are the revisions of a family, newest first.
	families map[string][]string

	described  [][]string
	asked      [][]string
	registered []*ecs.RegisterTaskDefinitionInput
	started    []*ecs.RunTaskInput
	stops      []*ecs.StopTaskInput
	updated    []*ecs.UpdateServiceInput
	listed     []*ecs.ListTasksInput
}

// next takes the first answer, unless it is the last.
func next[T any](answers *[]T) T {
	var answer T
	if len(*answers) > 0 {
		answer = (*answers)[0]
	}
	if len(*answers) > 1 {
		*answers = (*answers)[1:]
	}
	return answer
}

func (f *fakeECS) DescribeServices(_ context.Context, input *ecs.DescribeServicesInput, _ ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	f.described = append(f.described, input.Services)
	if err := f.fails["DescribeServices"]; err != nil {
		return nil, err
	}
	var found []types.Service
	for _, service := range next(&f.services) {
		if slices.Contains(input.Services, aws.ToString(service.ServiceName)) {
			found = append(found, service)
		}
	}
	return &ecs.DescribeServicesOutput{Services: found}, nil
}

func (f *fakeECS) DescribeServiceDeployments(_ context.Context, input *ecs.DescribeServiceDeploymentsInput, _ ...func(*ecs.Options)) (*ecs.DescribeServiceDeploymentsOutput, error) {
	f.asked = append(f.asked, input.ServiceDeploymentArns)
	if err := f.fails["DescribeServiceDeployments"]; err != nil {
		return nil, err
	}
	var found []types.ServiceDeployment
	for _, record := range next(&f.records) {
		if slices.Contains(input.ServiceDeploymentArns, aws.ToString(record.ServiceDeploymentArn)) {
			found = append(found, record)
		}
	}
	return &ecs.DescribeServiceDeploymentsOutput{ServiceDeployments: found}, nil
}

func (f *fakeECS) ListTaskDefinitions(_ context.Context, input *ecs.ListTaskDefinitionsInput, _ ...func(*ecs.Options)) (*ecs.ListTaskDefinitionsOutput, error) {
	if err := f.fails["ListTaskDefinitions"]; err != nil {
		return nil, err
	}
	return &ecs.ListTaskDefinitionsOutput{TaskDefinitionArns: slices.Clone(f.families[aws.ToString(input.FamilyPrefix)])}, nil
}

func (f *fakeECS) DescribeTaskDefinition(_ context.Context, input *ecs.DescribeTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	if err := f.fails["DescribeTaskDefinition "+aws.ToString(input.TaskDefinition)]; err != nil {
		return nil, err
	}
	definition, found := f.definitions[aws.ToString(input.TaskDefinition)]
	if !found {
		return nil, &types.ClientException{Message: aws.String("Unable to describe task definition.")}
	}
	output := &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &definition}
	if slices.Contains(input.Include, types.TaskDefinitionFieldTags) {
		output.Tags = f.tags[aws.ToString(input.TaskDefinition)]
	}
	return output, nil
}

func (f *fakeECS) RegisterTaskDefinition(_ context.Context, input *ecs.RegisterTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.RegisterTaskDefinitionOutput, error) {
	if err := f.fails["RegisterTaskDefinition "+aws.ToString(input.Family)]; err != nil {
		return nil, err
	}
	f.registered = append(f.registered, input)
	arn := fmt.Sprintf("arn:aws:ecs:eu-central-1:111111111111:task-definition/%s:%d", aws.ToString(input.Family), 40+len(f.registered))
	return &ecs.RegisterTaskDefinitionOutput{TaskDefinition: &types.TaskDefinition{TaskDefinitionArn: &arn}}, nil
}

func (f *fakeECS) RunTask(_ context.Context, input *ecs.RunTaskInput, _ ...func(*ecs.Options)) (*ecs.RunTaskOutput, error) {
	f.started = append(f.started, input)
	if err := f.fails["RunTask"]; err != nil {
		return nil, err
	}
	return f.run, nil
}

func (f *fakeECS) StopTask(_ context.Context, input *ecs.StopTaskInput, _ ...func(*ecs.Options)) (*ecs.StopTaskOutput, error) {
	f.stops = append(f.stops, input)
	return &ecs.StopTaskOutput{}, f.fails["StopTask"]
}

func (f *fakeECS) DescribeTasks(_ context.Context, input *ecs.DescribeTasksInput, _ ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	if err := f.fails["DescribeTasks"]; err != nil {
		return nil, err
	}
	return &ecs.DescribeTasksOutput{Tasks: slices.Clone(next(&f.tasks))}, nil
}

func (f *fakeECS) ListTasks(_ context.Context, input *ecs.ListTasksInput, _ ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	f.listed = append(f.listed, input)
	if err := f.fails["ListTasks"]; err != nil {
		return nil, err
	}
	if input.StartedBy != nil {
		if input.DesiredStatus == types.DesiredStatusStopped { // as if none of them ran any more
			return &ecs.ListTasksOutput{TaskArns: f.marks[*input.StartedBy]}, nil
		}
		return &ecs.ListTasksOutput{}, nil
	}
	output := &ecs.ListTasksOutput{}
	for _, tasks := range f.tasks {
		for _, task := range tasks {
			output.TaskArns = append(output.TaskArns, aws.ToString(task.TaskArn))
		}
	}
	return output, nil
}

func (f *fakeECS) UpdateService(_ context.Context, input *ecs.UpdateServiceInput, _ ...func(*ecs.Options)) (*ecs.UpdateServiceOutput, error) {
	f.mutex.Lock()
	defer f.mutex.Unlock()
	f.updated = append(f.updated, input)
	return f.update(input)
}

// fakeLogs is one log stream. Each call gets the next page.
type fakeLogs struct {
	pages  []page
	asked  []*cloudwatchlogs.GetLogEventsInput
	always error
	token  *string // of the last answer, by which the next page is asked for
}

// page is what has newly arrived in the stream when it is asked for.
type page struct {
	lines  []string
	absent bool // the stream isn't there yet
	// more says that the token moves on although the page is empty, which CloudWatch may do.
	more bool
}

func (f *fakeLogs) GetLogEvents(_ context.Context, input *cloudwatchlogs.GetLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetLogEventsOutput, error) {
	f.asked = append(f.asked, input)
	if f.always != nil {
		return nil, f.always
	}
	if aws.ToString(input.NextToken) != aws.ToString(f.token) {
		return nil, fmt.Errorf("asked with token %q, want %q: lines would come twice", aws.ToString(input.NextToken), aws.ToString(f.token))
	}
	before := aws.ToString(input.NextToken)
	output := &cloudwatchlogs.GetLogEventsOutput{NextForwardToken: aws.String("f/end")}
	defer func() { f.token = output.NextForwardToken }()
	if before != "" {
		output.NextForwardToken = &before // CloudWatch gives the same token back at the end of the stream
	}
	if len(f.pages) == 0 {
		return output, nil
	}
	p := f.pages[0]
	f.pages = f.pages[1:]
	if p.absent {
		output.NextForwardToken = f.token
		return nil, &logstypes.ResourceNotFoundException{}
	}
	for _, line := range p.lines {
		output.Events = append(output.Events, logstypes.OutputLogEvent{Message: aws.String(line)})
	}
	if len(p.lines) > 0 || p.more {
		output.NextForwardToken = aws.String(fmt.Sprintf("f/%d", len(f.asked)))
	}
	return output, nil
}

const (
	arnPrefix   = "arn:aws:ecs:eu-central-1:111111111111:"
	webTemplate = arnPrefix + "task-definition/blog-dev-web-template:7"
	webNew      = arnPrefix + "task-definition/blog-dev-web:41"
	webOld      = arnPrefix + "task-definition/blog-dev-web:40"
	task1       = arnPrefix + "task/blog-dev/6e0d2a5c"
	newImage    = "111111111111.dkr.ecr.eu-central-1.amazonaws.com/blog-dev@sha256:43ba9e3d"
)

var web = contract.Service{Name: "web", Service: "blog-dev-web", Template: webTemplate, Container: "app", DesiredCount: 2}

// one is a contract with one service.
func one() contract.Contract {
	return contract.Contract{
		Name: "blog", Environment: "dev", Cluster: "blog-dev",
		Tasks:     contract.Tasks{Subnets: []string{"subnet-1", "subnet-2"}, SecurityGroups: []string{"sg-1"}},
		Migration: contract.Migration{Service: "web", Command: []string{"release"}},
		Services:  []contract.Service{web},
	}
}

// many is a contract with as many services.
func many(n int) contract.Contract {
	c := one()
	c.Services = nil
	for i := range n {
		c.Services = append(c.Services, contract.Service{
			Name: fmt.Sprintf("s%02d", i), Service: fmt.Sprintf("blog-dev-s%02d", i), Template: webTemplate, Container: "app", DesiredCount: 1,
		})
	}
	return c
}

func active(services ...contract.Service) []types.Service {
	var found []types.Service
	for _, entry := range services {
		found = append(found, types.Service{ServiceName: aws.String(entry.Service), Status: aws.String("ACTIVE"), DesiredCount: 2})
	}
	return found
}

func container(name string, log *types.LogConfiguration) types.ContainerDefinition {
	return types.ContainerDefinition{Name: &name, Image: aws.String("template/" + name), LogConfiguration: log}
}

func awslogs() *types.LogConfiguration {
	return &types.LogConfiguration{LogDriver: types.LogDriverAwslogs, Options: map[string]string{
		"awslogs-group": "/slipway/blog/dev", "awslogs-stream-prefix": "web",
	}}
}

func definitions(arns ...string) map[string]types.TaskDefinition {
	found := map[string]types.TaskDefinition{}
	for _, arn := range arns {
		found[arn] = types.TaskDefinition{
			Family: aws.String("blog-dev-web"), TaskDefinitionArn: aws.String(arn),
			ContainerDefinitions: []types.ContainerDefinition{container("proxy", nil), container("app", awslogs())},
		}
	}
	return found
}

// spoken collects what a Deployer says.
type spoken struct {
	mutex sync.Mutex
	lines []string
}

func (s *spoken) say(line string) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	s.lines = append(s.lines, line)
}

// diagnosed stands for a Diagnoser, which has tests of its own.
func diagnosed(_ context.Context, deployments []Deployment) report.Diagnosis {
	return report.Diagnosis{Sentence: "it exits", Evidence: []string{"its last line"}, Detail: []string{"all of " + deployments[0].ID}, Next: "mend it"}
}

// diagnosedAs stands for one that finds a cause that lasts, or one that may pass.
func diagnosedAs(lasting bool) func(context.Context, []Deployment) report.Diagnosis {
	return func(ctx context.Context, deployments []Deployment) report.Diagnosis {
		diagnosis := diagnosed(ctx, deployments)
		diagnosis.Lasting = lasting
		return diagnosis
	}
}

func newDeployer(fake *fakeECS, logs *fakeLogs, c contract.Contract) (*Deployer, *spoken) {
	said := &spoken{}
	return &Deployer{ecs: fake, logs: logs, parameters: &fakeParameters{}, contract: c, interval: time.Second, say: said.say, diagnose: diagnosed}, said
}

// plainly compares values of the SDK without the marker that all of its types hold.
var plainly = cmp.FilterPath(func(path cmp.Path) bool {
	return strings.HasSuffix(path.Last().String(), ".noSmithyDocumentSerde")
}, cmp.Ignore())

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got, plainly); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

// fieldsOf are the exported fields of a struct type.
func fieldsOf(value any) []string {
	var names []string
	for _, field := range reflect.VisibleFields(reflect.TypeOf(value)) {
		if field.IsExported() {
			names = append(names, field.Name)
		}
	}
	slices.Sort(names)
	return names
}

// fill sets every exported field, deep down, to something that isn't its zero value.
func fill(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range v.Len() {
			fill(v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.SetMapIndex(key, value)
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(1, 0)))
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(v.Field(i))
			}
		}
	case reflect.String:
		v.SetString("filled")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int32, reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(7)
	}
}

func sorted[T ~string](values []T) []T {
	values = slices.Clone(values)
	slices.Sort(values)
	return values
}
