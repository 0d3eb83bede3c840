package service

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	balancertypes "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2/types"

	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// ward is all of AWS that a Diagnoser sees.
type ward struct {
	mutex    sync.Mutex // of what is counted
	services []types.Service
	tasks    []types.Task
	// definitions by ARN.
	definitions map[string]types.TaskDefinition
	streams     map[string][]string
	// late streams have their lines only from that look on.
	late    map[string]int
	looks   map[string]int
	targets []balancertypes.TargetHealthDescription
	fails   map[string]error
	hangs   map[string]bool
	// page is how many tasks ListTasks gives at once, and calls how many DescribeTasks there were.
	page  int
	calls []int
}

func (w *ward) answer(ctx context.Context, call string) error {
	if w.hangs[call] {
		<-ctx.Done()
	}
	return cmp.Or(ctx.Err(), w.fails[call])
}

func (w *ward) DescribeServices(ctx context.Context, input *ecs.DescribeServicesInput, _ ...func(*ecs.Options)) (*ecs.DescribeServicesOutput, error) {
	return &ecs.DescribeServicesOutput{Services: w.services}, w.answer(ctx, "DescribeServices")
}

func (w *ward) DescribeTaskDefinition(ctx context.Context, input *ecs.DescribeTaskDefinitionInput, _ ...func(*ecs.Options)) (*ecs.DescribeTaskDefinitionOutput, error) {
	definition := w.definitions[aws.ToString(input.TaskDefinition)]
	return &ecs.DescribeTaskDefinitionOutput{TaskDefinition: &definition}, w.answer(ctx, "DescribeTaskDefinition")
}

func (w *ward) ListTasks(ctx context.Context, input *ecs.ListTasksInput, _ ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	if err := w.answer(ctx, "ListTasks"); err != nil {
		return nil, err
	}
	var arns []string
	for _, task := range w.tasks {
		if aws.ToString(task.Group) == "service:"+aws.ToString(input.ServiceName) && aws.ToString(task.DesiredStatus) == string(input.DesiredStatus) {
			arns = append(arns, aws.ToString(task.TaskArn))
		}
	}
	first := 0
	fmt.Sscan(aws.ToString(input.NextToken), &first)
	next := min(len(arns), first+max(w.page, 1))
	output := &ecs.ListTasksOutput{TaskArns: arns[first:next]}
	if next < len(arns) {
		output.NextToken = aws.String(fmt.Sprint(next))
	}
	return output, nil
}

func (w *ward) DescribeTasks(ctx context.Context, input *ecs.DescribeTasksInput, _ ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	w.mutex.Lock()
	w.calls = append(w.calls, len(input.Tasks))
	w.mutex.Unlock()
	if err := w.answer(ctx, "DescribeTasks"); err != nil {
		return nil, err
	}
	output := &ecs.DescribeTasksOutput{}
	for _, task := range w.tasks {
		if slices.Contains(input.Tasks, aws.ToString(task.TaskArn)) {
			output.Tasks = append(output.Tasks, task)
		}
	}
	return output, nil
}

func (w *ward) GetLogEvents(ctx context.Context, input *cloudwatchlogs.GetLogEventsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetLogEventsOutput, error) {
	if err := w.answer(ctx, "GetLogEvents"); err != nil {
		return nil, err
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	stream := aws.ToString(input.LogStreamName)
	if w.looks == nil {
		w.looks = map[string]int{}
	}
	if input.NextToken == nil {
		w.looks[stream]++
	}
	lines, found := w.streams[stream]
	if !found || w.looks[stream] < w.late[stream] {
		return nil, &logstypes.ResourceNotFoundException{}
	}
	// From the end, and the page after the first is empty.
	output := &cloudwatchlogs.GetLogEventsOutput{NextBackwardToken: aws.String("b/1")}
	if input.NextToken == nil {
		for _, line := range lines[max(0, len(lines)-int(aws.ToInt32(input.Limit))):] {
			output.Events = append(output.Events, logstypes.OutputLogEvent{Message: aws.String(line + "\n")})
		}
	}
	return output, nil
}

func (w *ward) DescribeTargetHealth(ctx context.Context, _ *elasticloadbalancingv2.DescribeTargetHealthInput, _ ...func(*elasticloadbalancingv2.Options)) (*elasticloadbalancingv2.DescribeTargetHealthOutput, error) {
	return &elasticloadbalancingv2.DescribeTargetHealthOutput{TargetHealthDescriptions: w.targets}, w.answer(ctx, "DescribeTargetHealth")
}

func (w *ward) DescribeTargetGroups(ctx context.Context, _ *elasticloadbalancingv2.DescribeTargetGroupsInput, _ ...func(*elasticloadbalancingv2.Options)) (*elasticloadbalancingv2.DescribeTargetGroupsOutput, error) {
	return &elasticloadbalancingv2.DescribeTargetGroupsOutput{TargetGroups: []balancertypes.TargetGroup{{
		HealthCheckPath: aws.String("/readyz"), HealthCheckPort: aws.String("traffic-port"), Port: aws.Int32(8000),
	}}}, w.answer(ctx, "DescribeTargetGroups")
}

// began is when the deployment under diagnosis did.
var began = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

var patientWeb = Deployment{Service: func() contract.Service {
	service := web
	service.TargetGroupARN = "arn:aws:elasticloadbalancing:eu-central-1:111111111111:targetgroup/blog-dev-web/6d0e"
	return service
}(), ID: "ecs-svc/1", Revision: webNew, Since: began}

// dead is a stopped task of the deployment that ran for two seconds.
func dead(id string, code types.TaskStopCode, reason string, containers ...types.Container) types.Task {
	return types.Task{
		TaskArn: aws.String(arnPrefix + "task/blog-dev/" + id), TaskDefinitionArn: aws.String(webNew), Group: aws.String("service:blog-dev-web"),
		StartedBy: aws.String("ecs-svc/1"), LastStatus: aws.String("STOPPED"), DesiredStatus: aws.String("STOPPED"), StopCode: code, StoppedReason: &reason,
		CreatedAt: aws.Time(began.Add(time.Second)), StartedAt: aws.Time(began.Add(2 * time.Second)), StoppedAt: aws.Time(began.Add(4 * time.Second)),
		Containers: containers,
	}
}

func alive(id string) types.Task {
	task := dead(id, "", "", types.Container{Name: aws.String("app")})
	task.LastStatus, task.DesiredStatus, task.StoppedAt = aws.String("RUNNING"), aws.String("RUNNING"), nil
	return task
}

// at gives a task the address of its network interface.
func at(task types.Task, address string) types.Task {
	task.Attachments = []types.Attachment{{Details: []types.KeyValuePair{{Name: aws.String("privateIPv4Address"), Value: &address}}}}
	return task
}

func target(address string, state balancertypes.TargetHealthStateEnum, reason balancertypes.TargetHealthReasonEnum, description string) balancertypes.TargetHealthDescription {
	return balancertypes.TargetHealthDescription{
		Target:       &balancertypes.TargetDescription{Id: &address, Port: aws.Int32(8000)},
		TargetHealth: &balancertypes.TargetHealth{State: state, Reason: reason, Description: &description},
	}
}

func happened(after time.Duration, message string) types.ServiceEvent {
	return types.ServiceEvent{CreatedAt: aws.Time(began.Add(after)), Message: &message}
}

const essential = types.TaskStopCodeEssentialContainerExited

func diagnoser(w *ward, v *vault) *Diagnoser {
	return &Diagnoser{
		ecs: w, logs: w, balancer: w, redactor: &redactor{secrets: v, parameters: v}, contract: one(),
		limit: 9 * time.Second, interval: 500 * time.Millisecond,
	}
}

func numbered(n int, format string) []string {
	var lines []string
	for i := range n {
		lines = append(lines, fmt.Sprintf(format, i+1))
	}
	return lines
}

func TestDiagnose(t *testing.T) {
	const missing = "django.core.exceptions.ImproperlyConfigured: SECRET_KEY is not set"
	tests := map[string]struct {
		ward *ward
		want report.Diagnosis // Detail is looked at in its own test
	}{
		"a crash for a known reason": {
			&ward{
				tasks: []types.Task{
					dead("11111111", essential, "Essential container in task exited", exited("proxy", 143), exited("app", 3)),
					dead("22222222", essential, "Essential container in task exited", exited("proxy", 137), exited("app", 3)),
					dead("33333333", types.TaskStopCodeServiceSchedulerInitiated, "Scaling activity initiated by (deployment ecs-svc/1)", exited("app", 0)),
				},
				streams: map[string][]string{"web/app/11111111": {"Traceback (most recent call last):", missing}},
				services: []types.Service{{ServiceName: aws.String("blog-dev-web"), Events: []types.ServiceEvent{
					happened(9*time.Second, "(service blog-dev-web) (deployment ecs-svc/0) deployment failed: tasks failed to start."),
					happened(8*time.Second, "(service blog-dev-web) (deployment ecs-svc/1) deployment failed: tasks failed to start."),
					happened(7500*time.Millisecond, "(service blog-dev-web) is unable to consistently start tasks successfully."),
					happened(7*time.Second, "(service blog-dev-web) has started 1 tasks: (task 11111111)."),
					happened(-time.Second, "(service blog-dev-web) was unable to place a task. Reason: Capacity is unavailable at this time."),
				}}},
			},
			report.Diagnosis{
				Sentence: "the application wants SECRET_KEY, and does not get it (2 of 2 tasks, exit status 3)",
				Evidence: []string{
					"blog-dev-web: 2 of 2 tasks, exit status 3, EssentialContainerExited, Essential container in task exited",
					"(service blog-dev-web) is unable to consistently start tasks successfully.",
					"last lines of web/app/11111111:", "  Traceback (most recent call last):", "  " + missing,
				},
				Next:    "the template blog-dev-web-template:7 lists no secret SECRET_KEY: add it in terraform/ and apply (" + templatePage + ")",
				Lasting: true,
			},
		},
		"a crash for no known reason": {
			&ward{
				tasks:   []types.Task{dead("11111111", essential, "Essential container in task exited", exited("app", 139))},
				streams: map[string][]string{"web/app/11111111": {"hello"}},
			},
			report.Diagnosis{
				Sentence: "the new task is ended by SIGSEGV (139) right after it starts (1 of 1 tasks)",
				Evidence: []string{
					"blog-dev-web: 1 of 1 tasks, SIGSEGV (139), EssentialContainerExited, Essential container in task exited",
					"last lines of web/app/11111111:", "  hello",
				},
				Next: "mend what the lines above show and deploy again",
			},
		},
		"a sidecar's crash: its log, not the application's": {
			&ward{
				tasks:   []types.Task{dead("11111111", essential, "Essential container in task exited", exited("app", 0), exited("sidecar", 2))},
				streams: map[string][]string{"web/sidecar/11111111": {"no configuration"}, "web/app/11111111": {"goodbye"}},
			},
			report.Diagnosis{
				Sentence: "the new task exits right after it starts (1 of 1 tasks, exit status 2)",
				Evidence: []string{
					"blog-dev-web: 1 of 1 tasks, exit status 2, EssentialContainerExited, Essential container in task exited",
					"last lines of web/sidecar/11111111:", "  no configuration",
				},
				Next: "mend what the lines above show and deploy again",
			},
		},
		"a program that ends by itself": {
			&ward{tasks: []types.Task{dead("11111111", essential, "Essential container in task exited", exited("app", 0))}, streams: map[string][]string{"web/app/11111111": nil}},
			report.Diagnosis{
				Sentence: "the new task ends right after it starts, with exit status 0: its command is no server (1 of 1 tasks)",
				Evidence: []string{"blog-dev-web: 1 of 1 tasks, exit status 0, EssentialContainerExited, Essential container in task exited"},
				Next:     "mend what the lines above show and deploy again",
			},
		},
		"out of memory, which the container's reason tells": {
			&ward{tasks: []types.Task{dead("11111111", essential, "Essential container in task exited", types.Container{
				Name: aws.String("app"), ExitCode: aws.Int32(137), Reason: aws.String("OutOfMemoryError: Container killed due to memory usage"),
			})}},
			report.Diagnosis{
				Sentence: "the container needs more memory than the template gives it (1 of 1 tasks, SIGKILL (137))",
				Evidence: []string{"blog-dev-web: 1 of 1 tasks, SIGKILL (137), EssentialContainerExited, Essential container in task exited: OutOfMemoryError: Container killed due to memory usage"},
				Next:     "raise memory in the template, or lower what the application takes (fewer workers) (" + memoryPage + ")",
			},
		},
		"tasks that fail in two ways: the known cause first": {
			&ward{tasks: []types.Task{
				dead("11111111", "", "Host gone, attempt 1 at 10:00"), dead("22222222", "", "Host gone, attempt 2 at 10:01"),
				dead("33333333", types.TaskStopCodeTaskFailedToStart, "CannotPullContainerError: manifest unknown"),
			}},
			report.Diagnosis{
				Sentence: "the image is not in the repository (1 of 3 tasks)",
				Evidence: []string{
					"blog-dev-web: 1 of 3 tasks, TaskFailedToStart, CannotPullContainerError: manifest unknown",
					"blog-dev-web: 2 of 3 tasks, Host gone, attempt 1 at 10:00",
				},
				Next: "push it and deploy again; a lifecycle policy or a person may have deleted it (" + pullPage + ")",
			},
		},
		"unhealthy targets, less those of other deployments": {
			&ward{
				tasks: func() []types.Task {
					old := at(alive("99999999"), "10.0.0.9")
					old.StartedBy, old.TaskDefinitionArn = aws.String("ecs-svc/0"), aws.String(webOld)
					return []types.Task{at(dead("11111111", types.TaskStopCodeServiceSchedulerInitiated, checked), "10.0.0.1"), old}
				}(),
				targets: []balancertypes.TargetHealthDescription{
					target("10.0.0.1", "unhealthy", "Target.ResponseCodeMismatch", "Health checks failed with these codes: [500]"),
					target("10.0.0.9", "unhealthy", "Target.Timeout", "Request timed out"),
					target("10.0.0.7", "draining", "Target.DeregistrationInProgress", "Target deregistration is in progress"),
				},
			},
			report.Diagnosis{
				Sentence: "the application fails on the health check /readyz: it answers 500 (1 of 1 tasks)",
				Evidence: []string{
					"blog-dev-web: 1 of 1 tasks, ServiceSchedulerInitiated, " + checked,
					"target 10.0.0.1:8000 (task 11111111) is unhealthy: Target.ResponseCodeMismatch, Health checks failed with these codes: [500]",
				},
				Next: "look in its log for the error (" + healthPage + ")",
			},
		},
		"no task at all": {
			&ward{services: []types.Service{{ServiceName: aws.String("blog-dev-web"), Events: []types.ServiceEvent{
				happened(time.Second, "(service blog-dev-web) was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can run concurrently."),
			}}}},
			report.Diagnosis{
				Sentence: "the account's quota of vCPUs that run at a time is used up",
				Evidence: []string{"(service blog-dev-web) was unable to place a task. Reason: You've reached the limit on the number of vCPUs you can run concurrently."},
				Next:     "ask for more in Service Quotas (AWS Fargate), or stop what is not needed: a deployment runs old and new tasks side by side (" + guide + "service-quotas.html)",
			},
		},
		"none failed: what those that run say": {
			&ward{
				tasks:   []types.Task{alive("11111111"), alive("22222222")},
				streams: map[string][]string{"web/app/11111111": {"GET /readyz 500"}},
			},
			report.Diagnosis{
				Sentence: "the new tasks run, and nothing tells what is wrong with them",
				Evidence: []string{"blog-dev-web: 2 of 2 tasks run", "last lines of web/app/11111111:", "  GET /readyz 500"},
				Next:     "mend what the lines above show and deploy again",
			},
		},
		"nothing to be found": {
			&ward{},
			report.Diagnosis{
				Sentence: "nothing that could be read says why",
				Next:     "look at the service's events and at the application's log",
			},
		},
		"the emulator writes the service's name where ECS writes the deployment's id": {
			&ward{tasks: func() []types.Task {
				mine, others, earlier := dead("11111111", essential, "Essential container exited", exited("app", 1)), dead("22222222", essential, "x", exited("app", 1)), dead("33333333", essential, "x", exited("app", 1))
				others.TaskDefinitionArn, earlier.CreatedAt = aws.String(webOld), aws.Time(began.Add(-time.Hour))
				tasks := []types.Task{mine, others, earlier}
				for i := range tasks {
					tasks[i].StartedBy = aws.String("blog-dev-web")
				}
				return tasks
			}(), streams: map[string][]string{}},
			report.Diagnosis{
				Sentence: "the new task exits right after it starts (1 of 1 tasks, exit status 1)",
				Evidence: []string{"blog-dev-web: 1 of 1 tasks, exit status 1, EssentialContainerExited, Essential container exited"},
				Next:     "mend what the lines above show and deploy again",
			},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				test.ward.definitions = definitions(webNew)
				for i := range test.ward.definitions[webNew].ContainerDefinitions {
					test.ward.definitions[webNew].ContainerDefinitions[i].LogConfiguration = awslogs()
				}
				sidecar := test.ward.definitions[webNew]
				sidecar.ContainerDefinitions = append(sidecar.ContainerDefinitions, container("sidecar", awslogs()))
				test.ward.definitions[webNew] = sidecar
				got := diagnoser(test.ward, &vault{}).Diagnose(t.Context(), []Deployment{patientWeb})
				got.Detail = nil
				same(t, "diagnosis", test.want, got)
			})
		})
	}
}

func TestTheCauseStandsInTheLastFifteenLinesAndTheDetailHasThirty(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const cause = `django.db.utils.OperationalError: (1045, "Access denied for user 'blog'@'10.0.1.9' (using password: YES)")`
		lines := slices.Concat(numbered(20, "before %d"), []string{cause}, numbered(25, "after %d"))
		w := &ward{
			definitions: definitions(webNew), streams: map[string][]string{"web/app/11111111": lines}, page: 7,
			targets: []balancertypes.TargetHealthDescription{target("10.0.0.1", "unhealthy", "Target.Timeout", "Request timed out"), target("10.0.0.2", "unhealthy", "Target.Timeout", "Request timed out")},
			fails:   map[string]error{"DescribeServices": mayNot},
		}
		for i := range 9 {
			w.tasks = append(w.tasks, dead(fmt.Sprintf("%08d", 11111111*(i+1)), essential, "Essential container in task exited", exited("app", int32(1+i/3))))
		}
		got := diagnoser(w, &vault{}).Diagnose(t.Context(), []Deployment{patientWeb})
		same(t, "evidence", []string{
			"blog-dev-web: 3 of 9 tasks, exit status 1, EssentialContainerExited, Essential container in task exited",
			"blog-dev-web: 3 of 9 tasks, exit status 2, EssentialContainerExited, Essential container in task exited",
			"… and 1 more like this",
			"target 10.0.0.1:8000 is unhealthy: Target.Timeout, Request timed out", "… and 1 more like this",
			"not read: the services' events: AccessDeniedException: User: arn:aws:sts::1:me is not authorized to perform: it",
			"last lines of web/app/11111111:", "  " + cause, "  …", "  after 25",
		}, got.Evidence)
		failure := &report.Failure{Reason: got.Sentence, Evidence: append([]string{"ECS gave up"}, got.Evidence...), Detail: got.Detail, Effect: "rolled back", Next: got.Next}
		var out strings.Builder
		if err := report.WriteTerminal(&out, report.Result{Operation: "deploy", Failure: failure}); err != nil {
			t.Fatal(err)
		}
		shown := strings.Split(strings.TrimSpace(out.String()), "\n")
		end := strings.Join(shown[max(0, len(shown)-15):], "\n")
		for _, want := range []string{"deploy failed: the database refuses the user blog (3 of 9 tasks, exit status 1)", cause, "next: compare user, password"} {
			if !strings.Contains(end, want) {
				t.Errorf("the last fifteen lines lack %q:\n%s", want, end)
			}
		}
		from := slices.Index(got.Detail, "last lines of web/app/11111111:")
		if from < 0 || !slices.Equal(got.Detail[from+1:from+31], indented(lines[len(lines)-30:])) {
			t.Errorf("the detail lacks the last thirty lines:\n%s", strings.Join(got.Detail, "\n"))
		}
	})
}

func indented(lines []string) []string { return around(lines, -1, len(lines)) }

func TestDiagnoseSeveralServices(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &ward{definitions: definitions(webNew), tasks: []types.Task{alive("11111111")}}
		worker := Deployment{Service: contract.Service{Name: "worker", Service: "blog-dev-worker", Container: "app"}, ID: "ecs-svc/2", Revision: webNew, Since: began}
		failing := dead("22222222", types.TaskStopCodeTaskFailedToStart, "CannotPullContainerError: manifest unknown")
		failing.Group, failing.StartedBy = aws.String("service:blog-dev-worker"), aws.String("ecs-svc/2")
		w.tasks = append(w.tasks, failing)
		got := diagnoser(w, &vault{}).Diagnose(t.Context(), []Deployment{patientWeb, worker})
		same(t, "sentence", "the image is not in the repository (blog-dev-worker, 1 of 1 tasks)", got.Sentence)
	})
}

func TestTasksAreReadInPagesAndHundreds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := &ward{definitions: definitions(webNew), page: 60}
		for i := range 250 {
			w.tasks = append(w.tasks, dead(fmt.Sprintf("%08d", i), essential, fmt.Sprintf("Essential container %08d exited", i), exited("app", 1)))
		}
		got := diagnoser(w, &vault{}).Diagnose(t.Context(), []Deployment{patientWeb})
		if !strings.Contains(got.Sentence, "250 of 250 tasks") {
			t.Errorf("sentence %q", got.Sentence)
		}
		same(t, "tasks per call", []int{100, 100, 50}, w.calls)
	})
}

func TestALogThatArrivesLateIsWaitedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		task := dead("11111111", essential, "x", exited("app", 1))
		task.StoppedAt = aws.Time(time.Now())
		w := &ward{
			definitions: definitions(webNew), tasks: []types.Task{task},
			streams: map[string][]string{"web/app/11111111": {"the last word"}}, late: map[string]int{"web/app/11111111": 4},
		}
		got := diagnoser(w, &vault{}).Diagnose(t.Context(), []Deployment{patientWeb})
		if last(got.Evidence) != "  the last word" {
			t.Errorf("evidence %q", got.Evidence)
		}
		same(t, "looks: three in vain, one with lines, one to see that they are all", 5, w.looks["web/app/11111111"])
	})
}

func TestDiagnoseEndsWithinTenSecondsWhateverHangs(t *testing.T) {
	calls := []string{"DescribeServices", "DescribeTaskDefinition", "ListTasks", "DescribeTasks", "GetLogEvents", "DescribeTargetHealth", "DescribeTargetGroups", "GetSecretValue"}
	for _, hanging := range append(calls, "all of them") {
		t.Run(hanging, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := &ward{
					definitions: map[string]types.TaskDefinition{webNew: *taking(secret)}, hangs: map[string]bool{hanging: true},
					tasks:   []types.Task{dead("11111111", essential, "OutOfMemoryError: Container killed due to memory usage", exited("app", 137))},
					streams: map[string][]string{"web/app/11111111": {"a line"}},
				}
				w.definitions[webNew].ContainerDefinitions[0].LogConfiguration = awslogs()
				if hanging == "all of them" {
					for _, call := range calls {
						w.hangs[call] = true
					}
				}
				begin := time.Now()
				v := &vault{values: map[string]string{secret: "value"}, hangs: w.hangs["GetSecretValue"]}
				got := diagnoser(w, v).Diagnose(t.Context(), []Deployment{patientWeb})
				if took := time.Since(begin); took > 10*time.Second {
					t.Errorf("it took %s", took)
				}
				if all := strings.Join(got.Evidence, "\n"); !strings.Contains(all, "no answer in time") && !strings.Contains(all, "could not be read") {
					t.Errorf("nothing says what could not be read:\n%s", all)
				}
				if !w.hangs["ListTasks"] && !w.hangs["DescribeTasks"] && !w.hangs["DescribeTaskDefinition"] && !w.hangs["GetLogEvents"] && last(got.Evidence) != "  a line" {
					t.Errorf("the log is missing, though it could be read:\n%s", strings.Join(got.Evidence, "\n"))
				}
				if !w.hangs["ListTasks"] && !w.hangs["DescribeTasks"] && !strings.HasPrefix(got.Sentence, "the container needs more memory") {
					t.Errorf("sentence %q, though the tasks could be read", got.Sentence)
				}
			})
		})
	}
}

func TestNoDiagnosisShowsASecret(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const value = "hunter22"
		definition := *taking(secret + ":KEY::")
		definition.ContainerDefinitions[0].LogConfiguration = awslogs()
		w := &ward{
			definitions: map[string]types.TaskDefinition{webNew: definition},
			tasks:       []types.Task{dead("11111111", essential, "exited with "+value, types.Container{Name: aws.String("app"), ExitCode: aws.Int32(1), Reason: aws.String("reason " + value)})},
			streams:     map[string][]string{"web/app/11111111": {value + "| starting", "KEY=" + value, "Error: Cannot find module '" + value + "'"}},
			services: []types.Service{{ServiceName: aws.String("blog-dev-web"), Events: []types.ServiceEvent{
				happened(time.Second, "(service blog-dev-web) failed: "+value),
			}}},
			targets: []balancertypes.TargetHealthDescription{target("10.0.0.1", "unhealthy", "Target.Timeout", value)},
		}
		got := diagnoser(w, &vault{values: map[string]string{secret: `{"KEY":"` + value + `"}`}}).Diagnose(t.Context(), []Deployment{patientWeb})
		document, _ := json.Marshal(got)
		if strings.Contains(string(document), value) {
			t.Errorf("the secret is shown: %s", document)
		}
		if !strings.HasPrefix(got.Sentence, "the program ends while it loads its parts, at ***") {
			t.Errorf("sentence %q", got.Sentence)
		}
	})
}
