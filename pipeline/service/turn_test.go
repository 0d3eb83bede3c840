package service

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// fakeParameters is Parameter Store.
type fakeParameters struct {
	mutex  sync.Mutex
	values map[string]string
	// trouble, where it is set, is asked before each call, and after those whose effect is there all the same.
	before, after func(call string) error
}

func (f *fakeParameters) call(name string, do func() error) error {
	if f.before != nil {
		if err := f.before(name); err != nil {
			return err
		}
	}
	f.mutex.Lock()
	err := do()
	f.mutex.Unlock()
	if f.after != nil {
		if lost := f.after(name); lost != nil {
			return lost
		}
	}
	return err
}

func (f *fakeParameters) GetParametersByPath(_ context.Context, input *ssm.GetParametersByPathInput, _ ...func(*ssm.Options)) (*ssm.GetParametersByPathOutput, error) {
	output := &ssm.GetParametersByPathOutput{}
	return output, f.call("GetParametersByPath", func() error {
		for name, value := range f.values {
			if path.Dir(name) == aws.ToString(input.Path) {
				output.Parameters = append(output.Parameters, ssmtypes.Parameter{Name: aws.String(name), Value: aws.String(value)})
			}
		}
		return nil
	})
}

func (f *fakeParameters) PutParameter(_ context.Context, input *ssm.PutParameterInput, _ ...func(*ssm.Options)) (*ssm.PutParameterOutput, error) {
	return &ssm.PutParameterOutput{}, f.call("PutParameter", func() error {
		if _, exists := f.values[aws.ToString(input.Name)]; exists && !aws.ToBool(input.Overwrite) {
			return &ssmtypes.ParameterAlreadyExists{}
		}
		if f.values == nil {
			f.values = map[string]string{}
		}
		f.values[aws.ToString(input.Name)] = aws.ToString(input.Value)
		return nil
	})
}

func (f *fakeParameters) DeleteParameters(_ context.Context, input *ssm.DeleteParametersInput, _ ...func(*ssm.Options)) (*ssm.DeleteParametersOutput, error) {
	return &ssm.DeleteParametersOutput{}, f.call("DeleteParameters", func() error {
		if len(input.Names) > 10 {
			return errors.New("ValidationException: ten at most")
		}
		for _, name := range input.Names {
			delete(f.values, name)
		}
		return nil
	})
}

// numbers are the turns that are kept.
func (f *fakeParameters) numbers() []int {
	var numbers []int
	for name := range f.values {
		number, _ := strconv.Atoi(path.Base(name))
		numbers = append(numbers, number)
	}
	slices.Sort(numbers)
	return numbers
}

// keeping is a store with these turns.
func keeping(turns ...turn) *fakeParameters {
	f := &fakeParameters{values: map[string]string{}}
	for _, t := range turns {
		value, err := json.Marshal(t.turnRecord)
		if err != nil {
			panic(err)
		}
		f.values[fmt.Sprintf("/slipway/blog/dev/migration/%d", t.number)] = string(value)
	}
	return f
}

var others = turnRecord{By: "octocat", Commit: "bbbbbbb", Since: time.Unix(1_000_000, 0).UTC(), Mark: "slipway-theirs"}

func TestATurnIsTakenWhenTheMigrationBeforeIsOver(t *testing.T) {
	ended := others
	ended.Ended = true
	tests := map[string]struct {
		before []turn
		tasks  [][]types.Task // of the turn before, as ECS shows them one time after the other
		number int
		after  time.Duration // at least
		within time.Duration
		said   bool
	}{
		"there never was one":                           {nil, nil, 1, 0, time.Second, false},
		"it was given back":                             {[]turn{{number: 7, turnRecord: ended}}, nil, 8, 0, time.Second, false},
		"the highest number counts, not the last text":  {[]turn{{number: 9, turnRecord: others}, {number: 10, turnRecord: ended}}, nil, 11, 0, time.Second, false},
		"its task has stopped, and nobody gave it back": {[]turn{{number: 7, turnRecord: others}}, [][]types.Task{{stoppedTask("EssentialContainerExited", "")}}, 8, 0, time.Second, false},
		"its task runs":                                 {[]turn{{number: 7, turnRecord: others}}, [][]types.Task{{running()}, {running()}, {stoppedTask("EssentialContainerExited", "")}}, 8, 8 * time.Second, 12 * time.Second, true},
		"of two tasks one runs":                         {[]turn{{number: 7, turnRecord: others}}, [][]types.Task{{stoppedTask("", ""), running()}, {stoppedTask("", ""), stoppedTask("", "")}}, 8, 4 * time.Second, 6 * time.Second, true},
		"no task of it is to be seen":                   {[]turn{{number: 7, turnRecord: others}}, [][]types.Task{{}}, 8, unseenLimit, unseenLimit + 10*time.Second, true},
		"its task comes late, and then runs": {
			[]turn{{number: 7, turnRecord: others}}, [][]types.Task{{}, {}, {running()}, {running()}, {stoppedTask("", "")}}, 8, 16 * time.Second, 20 * time.Second, true},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				fake := &fakeECS{tasks: test.tasks, marks: map[string][]string{"slipway-theirs": {task1}}}
				if test.tasks == nil {
					fake.marks = nil
				}
				d, said := newDeployer(fake, nil, one())
				store := keeping(test.before...)
				d.parameters = store
				began := time.Now()
				got, err := d.takeTurn(t.Context(), Release{Commit: "6fc2d10", Run: "me"})
				if err != nil {
					t.Fatal(err)
				}
				if took := time.Since(began); took < test.after || took > test.within {
					t.Errorf("it waited for %s, want %s to %s", took, test.after, test.within)
				}
				if got.number != test.number || got.By != "me" || got.Commit != "6fc2d10" || got.Ended || got.Mark == "" {
					t.Errorf("turn %+v, want number %d", got, test.number)
				}
				var want []string
				if test.said {
					want = []string{"waiting for the migration of commit bbbbbbb by octocat, since 1970-01-12 13:46:40 UTC"}
				}
				same(t, "lines", want, said.lines)
			})
		})
	}
}

func TestAMigrationThatNeverEndsIsNotWaitedForForEver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &fakeECS{definitions: definitions(webNew), tasks: [][]types.Task{{running()}}, marks: map[string][]string{"slipway-theirs": {task1}}}
		d, _ := newDeployer(fake, nil, one())
		d.parameters = keeping(turn{number: 7, turnRecord: others})
		migrated, err := d.Migrate(t.Context(), Release{Revisions: map[string]string{"web": webNew}})
		failure, ok := errors.AsType[*report.Failure](err)
		if !ok || migrated {
			t.Fatalf("migrated %t, error %v, want a failure", migrated, err)
		}
		same(t, "reason", "another migration has not ended within 35m0s: the migration of commit bbbbbbb by octocat, since 1970-01-12 13:46:40 UTC", failure.Reason)
		if len(fake.started) > 0 {
			t.Error("a task was started")
		}
	})
}

func TestATurnThatWasHeldUpIsNotUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := started(running())
		d, _ := newDeployer(fake, &fakeLogs{}, one())
		store := keeping()
		created := false
		store.after = func(call string) error {
			if call == "PutParameter" && !created {
				created = true
				time.Sleep(startLimit + time.Second) // the machine slept
			}
			return nil
		}
		d.parameters = store
		_, err := d.Migrate(t.Context(), Release{Revisions: map[string]string{"web": webNew}})
		if err == nil || !strings.Contains(err.Error(), "held up") || len(fake.started) > 0 {
			t.Errorf("error %v after %d tasks", err, len(fake.started))
		}
	})
}

func TestParameterStoreInTrouble(t *testing.T) {
	first := func(name string, err error) func(string) error {
		done := false
		return func(call string) error {
			if call == name && !done {
				done = true
				return err
			}
			return nil
		}
	}
	tests := map[string]struct {
		before, after func(string) error
		want          string
		numbers       []int
	}{
		"the reply of a creation is lost":                     {nil, first("PutParameter", errSilent), "", []int{1}},
		"the reply is lost, and the SDK's second one is a no": {nil, first("PutParameter", &ssmtypes.ParameterAlreadyExists{}), "", []int{1}},
		"a creation gets nowhere":                             {first("PutParameter", errSilent), nil, "write the migration /slipway/blog/dev/migration/1: connection reset by peer", nil},
		"a creation is refused":                               {first("PutParameter", errRefused), nil, "write the migration /slipway/blog/dev/migration/1: AccessDeniedException: not you", nil},
		"which there were can't be read":                      {first("GetParametersByPath", errRefused), nil, "read which migrations there were (/slipway/blog/dev/migration): AccessDeniedException: not you", nil},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, _ := newDeployer(&fakeECS{}, nil, one())
				store := &fakeParameters{before: test.before, after: test.after}
				d.parameters = store
				_, err := d.takeTurn(t.Context(), Release{})
				if test.want == "" && err != nil || test.want != "" && (err == nil || err.Error() != test.want) {
					t.Errorf("error %v, want %q", err, test.want)
				}
				same(t, "turns", test.numbers, store.numbers())
			})
		})
	}
}

func TestOldTurnsAreTidiedUp(t *testing.T) {
	var before []turn
	for number := 1; number <= 33; number++ {
		ended := others
		ended.Ended = true
		before = append(before, turn{number: number, turnRecord: ended})
	}
	d, _ := newDeployer(&fakeECS{}, nil, one())
	store := keeping(before...)
	d.parameters = store
	if _, err := d.takeTurn(t.Context(), Release{}); err != nil {
		t.Fatal(err)
	}
	same(t, "turns", []int{25, 26, 27, 28, 29, 30, 31, 32, 33, 34}, store.numbers())
}

// Who looked so long ago that its number has been taken, used and tidied up since, creates it and has to notice.
func TestANumberThatWasTidiedUpIsNoTurn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ended := others
		ended.Ended = true
		fake := &fakeECS{tasks: [][]types.Task{{running()}, {stoppedTask("", "")}}, marks: map[string][]string{"slipway-theirs": {task1}}}
		d, said := newDeployer(fake, nil, one())
		store := keeping(turn{number: 7, turnRecord: ended})
		overtaken := false
		store.before = func(call string) error {
			if call == "PutParameter" && !overtaken {
				overtaken = true
				store.values = keeping(turn{number: 30, turnRecord: others}).values
			}
			return nil
		}
		d.parameters = store
		got, err := d.takeTurn(t.Context(), Release{})
		if err != nil || got.number != 31 {
			t.Errorf("turn %+v, error %v; want number 31", got, err)
		}
		same(t, "turns", []int{30, 31}, store.numbers())
		if len(said.lines) != 1 {
			t.Errorf("lines %q, want one on the migration that was waited for", said.lines)
		}
	})
}

// world is an ECS and a Parameter Store that many deployers share, with calls that take their time and get lost.
type world struct {
	*fakeParameters
	random *rand.Rand
	mutex  sync.Mutex
	tasks  map[string]*types.Task // by ARN
	tokens map[string]string      // the task of a token
	most   int                    // tasks that ran at the same time
	ran    int
}

func (w *world) number(n int) int {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return w.random.IntN(n)
}

// trouble takes a while, and some calls with it: those that the SDK does not make up for.
func (w *world) trouble(call string) error {
	time.Sleep(time.Duration(w.number(3000)) * time.Millisecond)
	if call != "GetParametersByPath" && call != "" && w.number(10) == 0 {
		return errSilent
	}
	return nil
}

// worldECS is the world as ECS shows it.
type worldECS struct {
	*fakeECS
	*world
}

func (w worldECS) RunTask(_ context.Context, input *ecs.RunTaskInput, _ ...func(*ecs.Options)) (*ecs.RunTaskOutput, error) {
	if err := w.trouble("RunTask"); err != nil {
		return nil, err
	}
	w.world.mutex.Lock()
	token := aws.ToString(input.ClientToken)
	arn, known := w.tokens[token]
	if !known {
		w.ran++
		arn = fmt.Sprintf("%stask/blog-dev/%d", arnPrefix, w.ran)
		task := &types.Task{TaskArn: &arn, LastStatus: aws.String("RUNNING"), StartedBy: input.StartedBy}
		w.world.tasks[arn], w.tokens[token] = task, arn
		now := 0
		for _, other := range w.world.tasks {
			if aws.ToString(other.LastStatus) != "STOPPED" {
				now++
			}
		}
		w.most = max(w.most, now)
		takes := time.Duration(w.random.IntN(300)) * time.Second
		time.AfterFunc(takes, func() {
			w.world.mutex.Lock()
			defer w.world.mutex.Unlock()
			task.LastStatus, task.StopCode, task.Containers = aws.String("STOPPED"), "EssentialContainerExited", []types.Container{exited("app", 0)}
		})
	}
	w.world.mutex.Unlock()
	if err := w.trouble("RunTask"); err != nil {
		return nil, err
	}
	return &ecs.RunTaskOutput{Tasks: []types.Task{{TaskArn: &arn}}}, nil
}

func (w worldECS) ListTasks(_ context.Context, input *ecs.ListTasksInput, _ ...func(*ecs.Options)) (*ecs.ListTasksOutput, error) {
	if err := w.trouble(""); err != nil {
		return nil, err
	}
	w.world.mutex.Lock()
	defer w.world.mutex.Unlock()
	output := &ecs.ListTasksOutput{}
	for arn, task := range w.world.tasks {
		stopped := aws.ToString(task.LastStatus) == "STOPPED"
		if aws.ToString(task.StartedBy) == aws.ToString(input.StartedBy) && stopped == (input.DesiredStatus == types.DesiredStatusStopped) {
			output.TaskArns = append(output.TaskArns, arn)
		}
	}
	return output, nil
}

func (w worldECS) DescribeTasks(_ context.Context, input *ecs.DescribeTasksInput, _ ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error) {
	if err := w.trouble(""); err != nil {
		return nil, err
	}
	w.world.mutex.Lock()
	defer w.world.mutex.Unlock()
	output := &ecs.DescribeTasksOutput{}
	for _, arn := range input.Tasks {
		output.Tasks = append(output.Tasks, *w.world.tasks[arn])
	}
	return output, nil
}

// Twelve deployments at a time, of which some are interrupted at any moment, never run two migrations at the same time, and
// those that are not interrupted or cut off come to their turn.
func TestNoTwoMigrationsRunAtTheSameTime(t *testing.T) {
	for seed := range uint64(40) {
		synctest.Test(t, func(t *testing.T) {
			w := &world{fakeParameters: &fakeParameters{}, random: rand.New(rand.NewPCG(seed, 1)), tasks: map[string]*types.Task{}, tokens: map[string]string{}}
			w.before, w.after = w.trouble, w.trouble
			var group sync.WaitGroup
			migrated := 0
			for i := range 12 {
				fake := &fakeECS{definitions: definitions(webNew)}
				d, _ := newDeployer(fake, &fakeLogs{}, one())
				d.ecs, d.parameters = worldECS{fake, w}, w
				ctx, cancel := context.WithCancel(t.Context())
				if i%3 == 0 { // interrupted, wherever it is then
					time.AfterFunc(time.Duration(w.number(900))*time.Second, cancel)
				}
				group.Go(func() {
					defer cancel()
					time.Sleep(time.Duration(w.number(120)) * time.Second)
					if _, err := d.Migrate(ctx, Release{Commit: strconv.Itoa(i), Revisions: map[string]string{"web": webNew}}); err == nil {
						w.mutex.Lock()
						migrated++
						w.mutex.Unlock()
					}
				})
			}
			group.Wait()
			if w.most != 1 {
				t.Errorf("seed %d: %d migrations ran at the same time", seed, w.most)
			}
			if migrated == 0 {
				t.Errorf("seed %d: none succeeded", seed)
			}
			time.Sleep(10 * time.Minute) // tasks that were left alone end
		})
	}
}
