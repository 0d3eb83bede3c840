package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/contract"
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
		input := d.taskInput(web, webNew, []string{"release", "--check"})
		if again := d.taskInput(web, webNew, []string{"release", "--check"}); aws.ToString(input.ClientToken) == "" || *input.ClientToken == *again.ClientToken {
			t.Error("two tasks have one token: the second would be taken for the first, sent again")
		}
		input.ClientToken = nil
		same(t, "request", &ecs.RunTaskInput{
			Cluster: aws.String("blog-dev"), TaskDefinition: aws.String(webNew), LaunchType: "FARGATE", StartedBy: aws.String("slipway"),
			NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{
				Subnets: []string{"subnet-1", "subnet-2"}, SecurityGroups: []string{"sg-1"}, AssignPublicIp: want,
			}},
			Overrides: &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{{Name: aws.String("app"), Command: []string{"release", "--check"}}}},
		}, input)
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
			edit:    func(f *fakeECS, _ *fakeLogs) { f.fails = map[string]error{"DescribeTasks": errRefused} },
			wantErr: "follow task 6e0d2a5c: AccessDeniedException: not you",
		},
		"ECS forgets it": {
			edit:    func(f *fakeECS, _ *fakeLogs) { f.tasks = nil },
			wantErr: "follow task 6e0d2a5c: ECS does not know it any more",
		},
		"the log can't be read": {
			edit:    func(_ *fakeECS, l *fakeLogs) { l.always = errRefused },
			wantErr: "read log web/app/6e0d2a5c: AccessDeniedException: not you",
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

func TestMigrate(t *testing.T) {
	release := Release{Revisions: map[string]string{"web": webNew}}
	tests := map[string]struct {
		contract    contract.Contract
		ecs         *fakeECS
		want        bool
		wantFailure *report.Failure
		wantErr     string
	}{
		"a migration that works": {
			contract: one(), ecs: started(stoppedTask("EssentialContainerExited", "", exited("app", 0))), want: true,
		},
		"no migration": {
			contract: func() contract.Contract { c := one(); c.Migration = contract.Migration{}; return c }(), ecs: &fakeECS{},
		},
		"a migration of a service that isn't there": {
			contract: func() contract.Contract { c := one(); c.Migration.Service = "gone"; return c }(), ecs: &fakeECS{},
			wantErr: `the contract has no service "gone"`,
		},
		"a migration that fails": {
			contract: one(), ecs: started(stoppedTask("EssentialContainerExited", "", exited("app", 3))), want: true,
			wantFailure: &report.Failure{
				Reason:   "the migration exited with status 3 (task 6e0d2a5c)",
				Evidence: []string{"no such table"},
				Effect:   "no service was updated: the release that was serving still is. What the migration had done to the database before it failed is not undone",
				Next:     "mend the migration and deploy again",
			},
		},
		"a migration that ECS refuses": {
			contract: one(), ecs: &fakeECS{definitions: definitions(webNew), fails: map[string]error{"RunTask": errRefused}}, want: true,
			wantErr: "run a task of blog-dev-web:41: AccessDeniedException: not you",
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, _ := newDeployer(test.ecs, &fakeLogs{pages: []page{{lines: []string{"no such table"}}}}, test.contract)
				got, err := d.Migrate(t.Context(), release)
				if got != test.want {
					t.Errorf("migrated %t, want %t", got, test.want)
				}
				switch {
				case test.wantFailure != nil:
					failure, _ := errors.AsType[*report.Failure](err)
					if failure == nil {
						t.Fatalf("error %v, want a failure", err)
					}
					same(t, "failure", test.wantFailure.Text("migrate"), failure.Text("migrate"))
				case test.wantErr != "":
					if err == nil || err.Error() != test.wantErr {
						t.Errorf("error %v, want %q", err, test.wantErr)
					}
				case err != nil:
					t.Error(err)
				}
				if len(test.ecs.started) > 0 {
					same(t, "revision", webNew, aws.ToString(test.ecs.started[0].TaskDefinition))
					same(t, "command", []string{"release"}, test.ecs.started[0].Overrides.ContainerOverrides[0].Command)
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
