package service

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	logstypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
)

type logsAPI interface {
	GetLogEvents(context.Context, *cloudwatchlogs.GetLogEventsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.GetLogEventsOutput, error)
}

// tail reads the log stream of one container of a task as it grows.
type tail struct {
	deployer      *Deployer
	group, stream string
	next          *string
	lines         []string
	// unread is what the last attempt to read it ended with.
	unread error
}

// tail returns the log of a task's container. A container that does not log to CloudWatch has no lines.
func (d *Deployer) tail(definition *types.TaskDefinition, container, task string) *tail {
	group, stream := streamOf(definition, container, task)
	return &tail{deployer: d, group: group, stream: stream}
}

// streamOf returns where the log of a task's container is. The group is empty for one that does not log to CloudWatch.
//
// The stream's name is made as the awslogs driver makes it:
// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/specify-log-config.html
func streamOf(definition *types.TaskDefinition, container, task string) (group, stream string) {
	i := slices.IndexFunc(definition.ContainerDefinitions, named(container))
	if i < 0 {
		return "", ""
	}
	log := definition.ContainerDefinitions[i].LogConfiguration
	if log == nil || log.LogDriver != types.LogDriverAwslogs {
		return "", ""
	}
	return log.Options["awslogs-group"], fmt.Sprintf("%s/%s/%s", log.Options["awslogs-stream-prefix"], container, taskID(task))
}

// read shows and keeps the lines that are new, and says how many there were.
func (t *tail) read(ctx context.Context) (int, error) {
	count := 0
	for t.group != "" {
		output, err := t.deployer.logs.GetLogEvents(ctx, &cloudwatchlogs.GetLogEventsInput{
			LogGroupName: &t.group, LogStreamName: &t.stream, StartFromHead: aws.Bool(true), NextToken: t.next,
		})
		if _, absent := errors.AsType[*logstypes.ResourceNotFoundException](err); absent {
			return count, nil // the stream appears with the container's first line
		}
		if err != nil {
			return count, fmt.Errorf("read log %s: %w", t.stream, err)
		}
		for _, event := range output.Events {
			line := t.deployer.redactor.redact(strings.TrimRight(aws.ToString(event.Message), "\r\n"))
			t.lines = append(t.lines, line)
			t.deployer.say("| " + line)
		}
		count += len(output.Events)
		// The end of the stream is where the token stays the same. A page before it may be empty:
		// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_GetLogEvents.html
		end := output.NextForwardToken == nil || aws.ToString(t.next) == *output.NextForwardToken
		t.next = output.NextForwardToken
		if end {
			return count, nil
		}
	}
	return count, nil
}

// show shows and keeps the lines that are new, and says how many there were. That a log can't be read is said once.
func (t *tail) show(ctx context.Context) int {
	count, err := t.read(ctx)
	if err != nil && t.unread == nil && ctx.Err() == nil {
		t.deployer.say(err.Error())
	}
	t.unread = err
	return count
}

// settle is how long a stopped task's log may stay silent before it counts as complete: its last lines reach CloudWatch
// after the task has stopped.
const settle = 3

// drain reads what arrives after the task has stopped.
func (t *tail) drain(ctx context.Context) error {
	for silent := 0; silent < settle && t.group != ""; {
		if silent++; t.show(ctx) > 0 {
			silent = 0
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(t.deployer.interval / 2):
		}
	}
	return nil
}

// last are the last lines, and why there are no more where the log can't be read.
func (t *tail) last(n int) []string {
	lines := t.lines[max(0, len(t.lines)-n):]
	if t.unread != nil {
		lines = append(slices.Clone(lines), t.unread.Error())
	}
	return lines
}
