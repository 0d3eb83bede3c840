package service

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// verdict decides on the first of these; all others mean that the container's exit status does.
func TestTheStopCodesThatTheSDKKnows(t *testing.T) {
	want := []types.TaskStopCode{
		"EssentialContainerExited", "InfrastructureHealth", "ServiceSchedulerInitiated", "SpotInterruption", "TaskFailedToStart",
		"TerminationNotice", "UserInitiated",
	}
	got := types.TaskStopCode("").Values()
	slices.Sort(got)
	same(t, "stop codes: a new one needs a look at verdict", want, got)
}

func exited(name string, code int32) types.Container {
	return types.Container{Name: &name, ExitCode: &code}
}

func stoppedTask(code types.TaskStopCode, reason string, containers ...types.Container) types.Task {
	return types.Task{
		TaskArn: aws.String(task1), LastStatus: aws.String("STOPPED"), StopCode: code, StoppedReason: aws.String(reason), Containers: containers,
	}
}

func TestVerdict(t *testing.T) {
	const essential = types.TaskStopCodeEssentialContainerExited
	tests := map[string]struct {
		task types.Task
		want string // the reason of the failure, empty where there is none
	}{
		"it exited with 0": {stoppedTask(essential, "Essential container in task exited", exited("app", 0)), ""},
		"it exited with 3": {stoppedTask(essential, "Essential container in task exited", exited("app", 3)), "exited with status 3 (task 6e0d2a5c)"},
		"it ran out of memory": {
			stoppedTask(essential, "OutOfMemoryError: Container killed due to memory usage", exited("app", 137)), "exited with status 137 (task 6e0d2a5c)"},
		"it exited with 0, and a sidecar was stopped for it": {
			stoppedTask(essential, "Essential container in task exited", exited("proxy", 143), exited("app", 0)), ""},
		"it exited with 1, and a sidecar with 0": {
			stoppedTask(essential, "Essential container in task exited", exited("proxy", 0), exited("app", 1)), "exited with status 1 (task 6e0d2a5c)"},
		"a sidecar never started and has no status": {
			stoppedTask(essential, "Essential container in task exited", types.Container{Name: aws.String("proxy")}, exited("app", 0)), ""},
		"its image can't be pulled": {
			stoppedTask(types.TaskStopCodeTaskFailedToStart, "CannotPullContainerError: not found", types.Container{Name: aws.String("app")}),
			"could not start (task 6e0d2a5c): CannotPullContainerError: not found"},
		"it failed to start, whatever its containers say": {
			stoppedTask(types.TaskStopCodeTaskFailedToStart, "ResourceInitializationError: no secret", exited("app", 0)),
			"could not start (task 6e0d2a5c): ResourceInitializationError: no secret"},
		"it ended without a status": {
			stoppedTask(types.TaskStopCodeSpotInterruption, "Your Spot Task was interrupted.", types.Container{Name: aws.String("app")}),
			"ended without an exit status (task 6e0d2a5c): Your Spot Task was interrupted."},
		"ECS shows no container": {stoppedTask(essential, "gone"), "ended without an exit status (task 6e0d2a5c): gone"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			err := verdict(test.task, "app", []string{"a line"})
			if test.want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			failure, ok := errors.AsType[*report.Failure](err)
			if !ok {
				t.Fatalf("error %v, want a failure", err)
			}
			same(t, "reason", test.want, failure.Reason)
			same(t, "evidence", []string{"a line"}, failure.Evidence)
		})
	}
}

func TestTaskInput(t *testing.T) {
	for public, want := range map[bool]types.AssignPublicIp{false: "DISABLED", true: "ENABLED"} {
		c := one()
		c.Tasks.AssignPublicIP = public
		d, _ := newDeployer(nil, nil, c)
		input := d.taskInput(web, webNew, []string{"release", "--check"}, "slipway-1")
		same(t, "request", &ecs.RunTaskInput{
			Cluster: aws.String("blog-dev"), TaskDefinition: aws.String(webNew), LaunchType: "FARGATE",
			StartedBy: aws.String("slipway-1"), ClientToken: aws.String("slipway-1"),
			NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{
				Subnets: []string{"subnet-1", "subnet-2"}, SecurityGroups: []string{"sg-1"}, AssignPublicIp: want,
			}},
			Overrides: &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{{Name: aws.String("app"), Command: []string{"release", "--check"}}}},
		}, input)
	}
}

// A mark is a token as well: what ECS gets twice with one token it does once.
func TestEveryTaskHasAMarkOfItsOwn(t *testing.T) {
	one, two := newMark(), newMark()
	if one == two || len(one) > 36 || !regexp.MustCompile(`^slipway-[A-Za-z0-9]+$`).MatchString(one) {
		t.Errorf("marks %q and %q", one, two)
	}
}

func running() types.Task {
	return types.Task{TaskArn: aws.String(task1), LastStatus: aws.String("RUNNING")}
}

// started is an ECS whose task is in one state after the other.
func started(states ...types.Task) *fakeECS {
	fake := &fakeECS{
		definitions: definitions(webNew, webTemplate),
		run:         &ecs.RunTaskOutput{Tasks: []types.Task{{TaskArn: aws.String(task1)}}},
	}
	for _, state := range states {
		fake.tasks = append(fake.tasks, []types.Task{state})
	}
	return fake
}

func TestRunTaskShowsTheLogWhileTheTaskRunsAndWhatComesAfterItsEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := started(running(), running(), running(), stoppedTask("EssentialContainerExited", "", exited("app", 0)))
		logs := &fakeLogs{pages: []page{
			{absent: true}, // the container hasn't said anything yet
			{lines: []string{"Operations to perform:\n"}}, {},
			{lines: []string{"  Applying blog.0001"}}, {lines: []string{"  Applying blog.0002"}}, {},
			{}, // the task has stopped
			{lines: []string{" OK"}}, {},
			{}, {}, // silent, but not for long enough
			{lines: []string{"bye\r\n"}},
		}}
		d, said := newDeployer(fake, logs, one())
		if err := d.RunTask(t.Context(), web, webNew, []string{"release"}); err != nil {
			t.Fatal(err)
		}
		same(t, "lines", []string{
			`task 6e0d2a5c of blog-dev-web:41: ["release"]`,
			"| Operations to perform:", "|   Applying blog.0001", "|   Applying blog.0002", "|  OK", "| bye",
		}, said.lines)
		for _, input := range logs.asked {
			same(t, "group", "/slipway/blog/dev", aws.ToString(input.LogGroupName))
			same(t, "stream", "web/app/6e0d2a5c", aws.ToString(input.LogStreamName))
			same(t, "from its beginning", true, aws.ToBool(input.StartFromHead))
		}
		if len(fake.stops) > 0 {
			t.Error("the task was stopped")
		}
	})
}

func TestRunTaskThatFailsShowsItsLastLines(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var lines, want []string
		for i := range 100 {
			lines = append(lines, fmt.Sprintf("line %d", i))
		}
		want = lines[70:]
		fake := started(running(), stoppedTask("EssentialContainerExited", "", exited("app", 3)))
		d, _ := newDeployer(fake, &fakeLogs{pages: []page{{lines: lines[:50]}, {}, {lines: lines[50:]}}}, one())
		err := d.RunTask(t.Context(), web, webNew, []string{"release"})
		failure, ok := errors.AsType[*report.Failure](err)
		if !ok {
			t.Fatalf("error %v, want a failure", err)
		}
		same(t, "reason", "exited with status 3 (task 6e0d2a5c)", failure.Reason)
		same(t, "evidence", want, failure.Evidence)
	})
}

func TestRunTaskThatDoesNotGetToAnEnd(t *testing.T) {
	tests := map[string]struct {
		edit        func(*fakeECS, *fakeLogs)
		wantFailure string
		wantErr     string
	}{
		"the revision is gone": {
			edit:    func(f *fakeECS, _ *fakeLogs) { f.definitions = nil },
			wantErr: "read template blog-dev-web:41: ClientException: Unable to describe task definition.",
		},
		"ECS refuses to run it": {
			edit:    func(f *fakeECS, _ *fakeLogs) { f.fails = map[string]error{"RunTask": errRefused} },
			wantErr: "run a task of blog-dev-web:41: AccessDeniedException: not you",
		},
		"ECS finds no place for it": {
			edit: func(f *fakeECS, _ *fakeLogs) {
				f.run = &ecs.RunTaskOutput{Failures: []types.Failure{{Reason: aws.String("Capacity is unavailable"), Detail: aws.String("eu-central-1a")}}}
			},
			wantFailure: "could not be placed: ECS says Capacity is unavailable (eu-central-1a)",
		},
		"ECS starts none and says nothing": {
			edit:    func(f *fakeECS, _ *fakeLogs) { f.run = &ecs.RunTaskOutput{} },
			wantErr: "run a task of blog-dev-web:41: ECS started none and gives no reason",
		},
		"ECS can't be asked": {
			edit:        func(f *fakeECS, _ *fakeLogs) { f.fails = map[string]error{"DescribeTasks": errRefused} },
			wantFailure: "can't be followed any more (task 6e0d2a5c)",
		},
		"ECS does not answer any more": {
			edit:        func(f *fakeECS, _ *fakeLogs) { f.fails = map[string]error{"DescribeTasks": errSilent} },
			wantFailure: "can't be followed any more (task 6e0d2a5c)",
		},
		"ECS forgets it": {
			edit:        func(f *fakeECS, _ *fakeLogs) { f.tasks = nil },
			wantFailure: "can't be followed any more (task 6e0d2a5c)",
		},
		"it runs for ever": {
			edit:        func(f *fakeECS, _ *fakeLogs) { f.tasks = [][]types.Task{{running()}} },
			wantFailure: "was stopped after 30m0s",
		},
		"it runs for ever and can't be stopped": {
			edit: func(f *fakeECS, _ *fakeLogs) {
				f.tasks = [][]types.Task{{running()}}
				f.fails = map[string]error{"StopTask": errRefused}
			},
			wantErr: "stop task 6e0d2a5c, which has run for 30m0s: AccessDeniedException: not you",
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake, logs := started(running(), stoppedTask("EssentialContainerExited", "", exited("app", 0))), &fakeLogs{}
				test.edit(fake, logs)
				d, _ := newDeployer(fake, logs, one())
				d.interval = time.Minute
				err := d.RunTask(t.Context(), web, webNew, []string{"release"})
				failure, isFailure := errors.AsType[*report.Failure](err)
				switch {
				case err == nil:
					t.Fatal("no error")
				case isFailure:
					same(t, "reason", test.wantFailure, failure.Reason)
				default:
					same(t, "error", test.wantErr, err.Error())
				}
				if strings.HasPrefix(sentence, "it runs for ever") {
					same(t, "stops", []*ecs.StopTaskInput{{
						Cluster: aws.String("blog-dev"), Task: aws.String(task1), Reason: aws.String("stopped by slipway after 30m0s"),
					}}, fake.stops)
				}
			})
		})
	}
}

func TestATaskWhoseLogCantBeReadDecidesAllTheSame(t *testing.T) {
	const unread = "read log web/app/6e0d2a5c: AccessDeniedException: not you"
	for code, want := range map[int32]string{0: "", 3: "exited with status 3 (task 6e0d2a5c)"} {
		synctest.Test(t, func(t *testing.T) {
			fake := started(running(), running(), stoppedTask("EssentialContainerExited", "", exited("app", code)))
			d, said := newDeployer(fake, &fakeLogs{always: errRefused}, one())
			err := d.RunTask(t.Context(), web, webNew, []string{"release"})
			same(t, "lines", []string{`task 6e0d2a5c of blog-dev-web:41: ["release"]`, unread}, said.lines)
			if want == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			failure, ok := errors.AsType[*report.Failure](err)
			if !ok {
				t.Fatalf("error %v, want a failure", err)
			}
			same(t, "reason", want, failure.Reason)
			same(t, "evidence", []string{unread}, failure.Evidence)
		})
	}
}

// deaf loses the first replies to RunTask; took says whether ECS did it all the same.
type deaf struct {
	*fakeECS
	replies int
	took    bool
	options ecs.Options
}

func (f *deaf) RunTask(ctx context.Context, input *ecs.RunTaskInput, options ...func(*ecs.Options)) (*ecs.RunTaskOutput, error) {
	for _, option := range options {
		option(&f.options)
	}
	output, err := f.fakeECS.RunTask(ctx, input)
	if len(f.started) > f.replies {
		return output, err
	}
	if f.took {
		f.marks = map[string][]string{aws.ToString(input.StartedBy): {task1}}
	}
	return nil, errSilent
}

func TestATaskWhoseStartGetsNoReply(t *testing.T) {
	tests := map[string]struct {
		replies, sent int
		took, ended   bool
		want          string
	}{
		"is found, and not started twice":          {1, 1, true, true, ""},
		"is started again where it took no effect": {2, 3, false, true, ""},
		"may have begun where ECS never answers":   {9, 5, false, false, "run a task of blog-dev-web:41, which may have begun all the same: connection reset by peer"},
		"is started once where nothing goes wrong": {0, 1, false, true, ""},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := &deaf{fakeECS: started(stoppedTask("EssentialContainerExited", "", exited("app", 0))), replies: test.replies, took: test.took}
				d, _ := newDeployer(fake.fakeECS, &fakeLogs{}, one())
				d.ecs = fake
				ended, err := d.runTask(t.Context(), web, webNew, []string{"release"}, "slipway-1")
				if test.want == "" && err != nil || test.want != "" && (err == nil || err.Error() != test.want) {
					t.Errorf("error %v, want %q", err, test.want)
				}
				if ended != test.ended || len(fake.started) != test.sent {
					t.Errorf("ended %t after %d requests, want %t after %d", ended, len(fake.started), test.ended, test.sent)
				}
				for _, input := range fake.started {
					same(t, "token", "slipway-1", aws.ToString(input.ClientToken))
				}
				if fake.options.RetryMaxAttempts != 1 {
					t.Error("the SDK may repeat the request by itself")
				}
			})
		})
	}
}

func TestFollowingATaskEndsWithItsContext(t *testing.T) {
	stop := errors.New("somebody pressed Ctrl-C")
	for sentence, fake := range map[string]*fakeECS{
		"while it runs":         started(running()),
		"while its log settles": started(stoppedTask("EssentialContainerExited", "", exited("app", 0))),
	} {
		t.Run(sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithCancelCause(t.Context())
				defer cancel(nil)
				time.AfterFunc(time.Minute, func() { cancel(stop) })
				d, _ := newDeployer(fake, &fakeLogs{}, one())
				d.interval = time.Hour
				if err := d.RunTask(ctx, web, webNew, nil); !errors.Is(err, stop) {
					t.Errorf("error %v, want one because of %v", err, stop)
				}
			})
		})
	}
}

func TestAContainerThatDoesNotLogToCloudWatchHasNoLines(t *testing.T) {
	definition := types.TaskDefinition{ContainerDefinitions: []types.ContainerDefinition{
		container("silent", nil), container("elsewhere", &types.LogConfiguration{LogDriver: types.LogDriverSplunk}),
	}}
	logs := &fakeLogs{pages: []page{{lines: []string{"not ours"}}}}
	d, _ := newDeployer(nil, logs, one())
	for _, name := range []string{"silent", "elsewhere", "gone"} {
		tail := d.tail(&definition, name, task1)
		if n, err := tail.read(t.Context()); n != 0 || err != nil {
			t.Errorf("%s: %d lines, error %v", name, n, err)
		}
		if err := tail.drain(t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	if len(logs.asked) > 0 {
		t.Error("a stream was asked for")
	}
}
