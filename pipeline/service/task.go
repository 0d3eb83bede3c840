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
	DescribeTasks(context.Context, *ecs.DescribeTasksInput, ...func(*ecs.Options)) (*ecs.DescribeTasksOutput, error)
}

// TaskTimeout is how long a one-off task may run before it is stopped.
const TaskTimeout = 30 * time.Minute

// lastLines is how many log lines a failure shows.
const lastLines = 30

// Migrate runs the contract's migration as a task of the release. It returns false where the contract has none. When it
// fails no service has been touched.
func (d *Deployer) Migrate(ctx context.Context, release Release) (bool, error) {
	if len(d.contract.Migration.Command) == 0 {
		return false, nil
	}
	entry, err := d.contract.ServiceNamed(d.contract.Migration.Service)
	if err != nil {
		return false, err
	}
	err = d.RunTask(ctx, entry, release.Revisions[entry.Name], d.contract.Migration.Command)
	if f, ok := errors.AsType[*report.Failure](err); ok {
		f.Reason = "the migration " + f.Reason
		f.Effect = "no service was updated: the release that was serving still is. What the migration had done to the database before it failed is not undone"
		f.Next = "mend the migration and deploy again"
		return true, f
	}
	return true, err
}

// RunTask runs a command as a one-off task of a revision of the service, shows its log lines while it runs, and returns a
// failure with the last of them unless the service's container exits with 0.
func (d *Deployer) RunTask(ctx context.Context, entry contract.Service, revision string, command []string) error {
	definition, _, err := d.template(ctx, revision)
	if err != nil {
		return err
	}
	for _, note := range d.redactor.learn(ctx, definition) {
		d.say(note)
	}
	output, err := d.ecs.RunTask(ctx, d.taskInput(entry, revision, command))
	if err != nil {
		return fmt.Errorf("run a task of %s: %w", revisionName(revision), err)
	}
	if len(output.Failures) > 0 {
		return &report.Failure{Reason: fmt.Sprintf("could not be placed: ECS says %s (%s)",
			aws.ToString(output.Failures[0].Reason), aws.ToString(output.Failures[0].Detail))}
	}
	if len(output.Tasks) == 0 {
		return fmt.Errorf("run a task of %s: ECS started none and gives no reason", revisionName(revision))
	}
	arn := aws.ToString(output.Tasks[0].TaskArn)
	d.say(d.redactor.redact(fmt.Sprintf("task %s of %s: %q", taskID(arn), revisionName(revision), command)))

	tail := d.tail(definition, entry.Container, arn)
	stopped, err := d.follow(ctx, arn, tail)
	if err != nil {
		return err
	}
	stopped.StoppedReason = aws.String(d.redactor.redact(aws.ToString(stopped.StoppedReason)))
	return verdict(stopped, entry.Container, tail.last(lastLines))
}

func (d *Deployer) taskInput(entry contract.Service, revision string, command []string) *ecs.RunTaskInput {
	assign := types.AssignPublicIpDisabled
	if d.contract.Tasks.AssignPublicIP {
		assign = types.AssignPublicIpEnabled
	}
	return &ecs.RunTaskInput{
		Cluster:        &d.contract.Cluster,
		TaskDefinition: &revision,
		LaunchType:     types.LaunchTypeFargate,
		StartedBy:      aws.String("slipway"),
		// Makes the request safe to repeat when its reply is lost.
		ClientToken: aws.String(rand.Text()),
		NetworkConfiguration: &types.NetworkConfiguration{AwsvpcConfiguration: &types.AwsVpcConfiguration{
			Subnets:        d.contract.Tasks.Subnets,
			SecurityGroups: d.contract.Tasks.SecurityGroups,
			AssignPublicIp: assign,
		}},
		Overrides: &types.TaskOverride{ContainerOverrides: []types.ContainerOverride{{Name: &entry.Container, Command: command}}},
	}
}

// follow shows the task's log until it has stopped, and what arrives after that. A task that runs too long is stopped.
func (d *Deployer) follow(ctx context.Context, arn string, tail *tail) (types.Task, error) {
	deadline := time.Now().Add(TaskTimeout)
	for {
		output, err := d.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &d.contract.Cluster, Tasks: []string{arn}})
		if err != nil {
			return types.Task{}, fmt.Errorf("follow task %s: %w", taskID(arn), err)
		}
		if len(output.Tasks) == 0 {
			return types.Task{}, fmt.Errorf("follow task %s: ECS does not know it any more", taskID(arn))
		}
		if _, err := tail.read(ctx); err != nil {
			return types.Task{}, err
		}
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
