package service

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/report"
)

type taskAPI interface {
	RunTask(context.Context, *ecs.RunTaskInput, ...func(*ecs.Options)) (*ecs.RunTaskOutput, error)
	StopTask(context.Context, *ecs.StopTaskInput, ...func(*ecs.Options)) (*ecs.StopTaskOutput, error)
	ListTasks(context.Context, *ecs.ListTasksInput, ...func(*ecs.Options)) (*ecs.ListTasksOutput, error)
	DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error)
}

// TaskTimeout is how long a one-off task may run before it is stopped.
const TaskTimeout = 30 * time.Minute

// lastLines is how many log lines a failure shows.
const lastLines = 30

// RunTask runs a command as a one-off task of a revision of the service, shows its log lines while it runs, and returns a
// failure with the last of them unless the service's container exits with 0.
func (d *Deployer) RunTask(ctx context.Context, entry contract.Service, revision string, command []string) error {
	_, err := d.runTask(ctx, entry, revision, command, newMark())
	return err
}

// newMark draws the mark of one task, by which it is found again: ECS keeps it as the task's startedBy.
func newMark() string { return "slipway-" + rand.Text() }

// runTask is RunTask for a task with this mark. It also says whether the task has ended, or never began: where that is not
// known, it may be running.
func (d *Deployer) runTask(ctx context.Context, entry contract.Service, revision string, command []string, mark string) (ended bool, _ error) {
	definition, _, err := d.template(ctx, revision)
	if err != nil {
		return true, err
	}
	for _, note := range d.redactor.learn(ctx, definition) {
		d.say(note)
	}
	task, ended, err := d.start(ctx, d.taskInput(entry, revision, command, mark))
	if err != nil {
		return ended, err
	}
	d.say(d.redactor.redact(fmt.Sprintf("task %s of %s: %q", taskID(task), revisionName(revision), command)))

	tail := d.tail(definition, entry.Container, task)
	stopped, err := d.follow(ctx, task, tail)
	if err != nil {
		return false, err
	}
	stopped.StoppedReason = aws.String(d.redactor.redact(aws.ToString(stopped.StoppedReason)))
	return true, verdict(stopped, entry.Container, tail.last(lastLines))
}

// repetitions is how often a request is sent that the SDK must not repeat by itself.
const repetitions = 5

// startLimit is how long it may take until ECS has taken a task. Who waits for a migration of which no task is to be seen
// relies on it.
const startLimit = time.Minute

// start starts a task once, and returns its ARN. ECS knows a request that it gets twice by its token for a time, but a
// second migration would be one too many: so the SDK doesn't repeat it, and before this function does it looks for what the
// first request may have done.
func (d *Deployer) start(ctx context.Context, input *ecs.RunTaskInput) (task string, ended bool, _ error) {
	revision := revisionName(aws.ToString(input.TaskDefinition))
	limited, cancel := context.WithTimeoutCause(ctx, startLimit, fmt.Errorf("ECS has not taken it within %s", startLimit))
	defer cancel()
	once := func(o *ecs.Options) { o.RetryMaxAttempts = 1 }
	for attempt := 1; ; attempt++ {
		output, err := d.ecs.RunTask(limited, input, once)
		switch {
		case err == nil && len(output.Failures) > 0:
			return "", true, &report.Failure{Reason: fmt.Sprintf("could not be placed: ECS says %s (%s)",
				aws.ToString(output.Failures[0].Reason), aws.ToString(output.Failures[0].Detail))}
		case err == nil && len(output.Tasks) == 0:
			return "", true, fmt.Errorf("run a task of %s: ECS started none and gives no reason", revision)
		case err == nil:
			return aws.ToString(output.Tasks[0].TaskArn), false, nil
		case !passing(err):
			return "", true, fmt.Errorf("run a task of %s: %w", revision, err)
		case attempt == repetitions || limited.Err() != nil:
			return "", false, fmt.Errorf("run a task of %s, which may have begun all the same: %w", revision, err)
		}
		d.say(fmt.Sprintf("a task of %s could not be started, looking whether it was: %v", revision, err))
		if err := d.sleep(limited, 1<<attempt); err != nil {
			return "", false, err
		}
		tasks, err := d.marked(limited, aws.ToString(input.StartedBy))
		if err != nil {
			return "", false, fmt.Errorf("find out whether a task of %s was started: %w", revision, err)
		}
		if len(tasks) > 0 {
			return aws.ToString(tasks[0].TaskArn), false, nil
		}
	}
}

// marked returns the tasks with a mark, those that run and those that have stopped. ECS remembers the latter for about an
// hour: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/API_ListTasks.html
func (d *Deployer) marked(ctx context.Context, mark string) ([]types.Task, error) {
	var arns []string
	for _, status := range []types.DesiredStatus{types.DesiredStatusRunning, types.DesiredStatusStopped} {
		list, err := d.ecs.ListTasks(ctx, &ecs.ListTasksInput{Cluster: &d.contract.Cluster, StartedBy: &mark, DesiredStatus: status})
		if err != nil {
			return nil, err
		}
		arns = append(arns, list.TaskArns...)
	}
	if len(arns) == 0 {
		return nil, nil
	}
	output, err := d.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &d.contract.Cluster, Tasks: arns})
	if err != nil {
		return nil, err
	}
	return output.Tasks, nil
}

func (d *Deployer) taskInput(entry contract.Service, revision string, command []string, mark string) *ecs.RunTaskInput {
	assign := types.AssignPublicIpDisabled
	if d.contract.Tasks.AssignPublicIP {
		assign = types.AssignPublicIpEnabled
	}
	return &ecs.RunTaskInput{
		Cluster:        &d.contract.Cluster,
		TaskDefinition: &revision,
		LaunchType:     types.LaunchTypeFargate,
		StartedBy:      &mark,
		// Makes the request safe to repeat when its reply is lost.
		ClientToken: &mark,
		NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{
			Subnets:        d.contract.Tasks.Subnets,
			SecurityGroups: d.contract.Tasks.SecurityGroups,
			AssignPublicIp: assign,
		}},
		Overrides: &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{{Name: &entry.Container, Command: command}}},
	}
}

// follow shows the task's log until it has stopped, and what arrives after that. A task that runs too long is stopped. What
// it does decides, not whether it can be watched: a log that can't be read is a line, and ECS may be silent for a while.
func (d *Deployer) follow(ctx context.Context, arn string, tail *tail) (types.Task, error) {
	var (
		deadline = time.Now().Add(TaskTimeout)
		seen     = time.Now() // when ECS last answered
		silent   = 0          // answers in a row that did not come
	)
	for {
		output, err := d.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &d.contract.Cluster, Tasks: []string{arn}})
		switch {
		case ctx.Err() != nil:
			return types.Task{}, fmt.Errorf("stop following task %s, which goes on: %w", taskID(arn), context.Cause(ctx))
		case err != nil && (!passing(err) || time.Since(seen) > blindness):
			return types.Task{}, lost(arn, tail).Because(err)
		case err != nil:
			if silent++; silent == 1 {
				d.say(fmt.Sprintf("ECS does not answer, asking on: %v", err))
			}
			if err := d.sleep(ctx, min(1<<silent, 20)); err != nil {
				return types.Task{}, err
			}
			continue
		case len(output.Tasks) == 0:
			return types.Task{}, lost(arn, tail).Because(errors.New("ECS does not know it any more"))
		}
		seen, silent = time.Now(), 0
		tail.show(ctx)
		if aws.ToString(output.Tasks[0].LastStatus) == "STOPPED" {
			return output.Tasks[0], tail.drain(ctx)
		}
		if time.Now().After(deadline) {
			reason := fmt.Sprintf("stopped by slipway after %s", TaskTimeout)
			_, err := d.ecs.StopTask(ctx, &ecs.StopTaskInput{Cluster: &d.contract.Cluster, Task: &arn, Reason: &reason})
			if err != nil {
				return types.Task{}, fmt.Errorf("stop task %s, which has run for %s: %w", taskID(arn), TaskTimeout, err)
			}
			return types.Task{}, &report.Failure{Reason: "was stopped after " + TaskTimeout.String(), Evidence: tail.last(lastLines)}
		}
		if err := d.sleep(ctx, 1); err != nil {
			return types.Task{}, err
		}
	}
}

// lost is the failure of a task whose end can't be seen.
func lost(arn string, tail *tail) *report.Failure {
	return &report.Failure{
		Reason:   fmt.Sprintf("can't be followed any more (task %s)", taskID(arn)),
		Evidence: tail.last(lastLines),
		Effect:   fmt.Sprintf("task %s may go on, and how it ends is not known", taskID(arn)),
		Next:     "see in ECS how the task ends",
	}
}

// verdict is nil for a task whose container exited with 0. That is the one that runs the command: ECS stops the others when
// it has ended, and what they exit with then says nothing. A task that never started has no exit code at all.
func verdict(task types.Task, container string, evidence []string) error {
	id := taskID(aws.ToString(task.TaskArn))
	reason := aws.ToString(task.StoppedReason)
	if task.StopCode == types.TaskStopCodeTaskFailedToStart {
		return &report.Failure{Reason: fmt.Sprintf("could not start (task %s): %s", id, reason), Evidence: evidence}
	}
	i := slices.IndexFunc(task.Containers, func(c types.Container) bool { return aws.ToString(c.Name) == container })
	switch {
	case i < 0 || task.Containers[i].ExitCode == nil:
		return &report.Failure{Reason: fmt.Sprintf("ended without an exit status (task %s): %s", id, reason), Evidence: evidence}
	case *task.Containers[i].ExitCode != 0:
		return &report.Failure{Reason: fmt.Sprintf("exited with status %d (task %s)", *task.Containers[i].ExitCode, id), Evidence: evidence}
	}
	return nil
}
