package service

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// watch is on one deployment, for tasks that fail in a way that does not heal. It is used from one goroutine.
type watch struct {
	*Deployer
	deployment Deployment
	// prognosis is the diagnosis that is begun when the first task fails; it arrives once.
	prognosis chan report.Diagnosis
}

// watch begins to watch deployments.
func (d *Deployer) watch(deployments []Deployment) []*watch {
	watches := make([]*watch, len(deployments))
	for i, deployment := range deployments {
		watches[i] = &watch{Deployer: d, deployment: deployment}
	}
	return watches
}

// conclusion is why a deployment failed, in one line, with the diagnosis where that is what decided.
type conclusion struct {
	decided   string
	diagnosis *report.Diagnosis
}

// hopeless says whether the deployment can't succeed any more: enough of its tasks have failed, or one of them did for a
// cause that lies in the release itself. What can't be seen now can be seen later. Tasks are looked at only when they changed.
func (w *watch) hopeless(ctx context.Context, changed bool) (conclusion, bool) {
	if w.attempts == 0 {
		return conclusion{}, false
	}
	name := w.deployment.Service.Service
	if changed {
		failures, err := w.failures(ctx)
		switch {
		case err != nil || failures == 0:
		case failures >= w.attempts:
			return conclusion{decided: fmt.Sprintf("%s of %s failed in a way that does not heal", report.Plural(failures, "task"), name)}, true
		case w.prognosis == nil:
			w.prognosis = make(chan report.Diagnosis, 1)
			go func() { w.prognosis <- w.diagnose(ctx, []Deployment{w.deployment}) }()
		}
	}
	select {
	case diagnosis := <-w.prognosis:
		if diagnosis.Lasting {
			return conclusion{fmt.Sprintf("a task of %s failed, and every further one would in the same way", name), &diagnosis}, true
		}
	default:
	}
	return conclusion{}, false
}

// failures counts the tasks of the deployment that failed in a way that does not heal: their container exited, they could
// not start, or a health check ended them.
func (w *watch) failures(ctx context.Context) (int, error) {
	tasks, err := w.stopped(ctx, w.deployment)
	count := 0
	for _, task := range tasks {
		switch task.StopCode {
		case types.TaskStopCodeEssentialContainerExited, types.TaskStopCodeTaskFailedToStart:
			count++
		case types.TaskStopCodeServiceSchedulerInitiated:
			// "Task failed ELB health checks in (target-group …)", "Task failed container health checks":
			// https://docs.aws.amazon.com/AmazonECS/latest/developerguide/stopped-task-error-codes.html
			if strings.Contains(aws.ToString(task.StoppedReason), "health checks") {
				count++
			}
		}
	}
	return count, err
}

// stopped returns the stopped tasks of a deployment that ECS still remembers, about an hour's.
func (d *Deployer) stopped(ctx context.Context, deployment Deployment) ([]types.Task, error) {
	list, err := d.ecs.ListTasks(ctx, &ecs.ListTasksInput{
		Cluster: &d.contract.Cluster, ServiceName: &deployment.Service.Service, DesiredStatus: types.DesiredStatusStopped,
	})
	if err != nil || len(list.TaskArns) == 0 {
		return nil, err
	}
	output, err := d.ecs.DescribeTasks(ctx, &ecs.DescribeTasksInput{Cluster: &d.contract.Cluster, Tasks: list.TaskArns})
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(output.Tasks, func(t types.Task) bool {
		return aws.ToString(t.TaskDefinitionArn) != deployment.Revision || aws.ToTime(t.CreatedAt).Before(deployment.Since)
	}), nil
}

// explain makes the failure of a deployment that failed: why, and what its service runs instead.
func (d *Deployer) explain(ctx context.Context, deployment Deployment, service types.Service, v conclusion) error {
	// Said at once: to find out why takes a while.
	d.say("giving up: " + v.decided)
	if v.diagnosis == nil {
		diagnosis := d.diagnose(ctx, []Deployment{deployment})
		v.diagnosis = &diagnosis
	}
	f := &report.Failure{
		Reason:   v.diagnosis.Sentence,
		Evidence: append([]string{v.decided}, v.diagnosis.Evidence...),
		Detail:   v.diagnosis.Detail,
		Effect:   "the release did not come into service",
		Next:     v.diagnosis.Next,
	}
	for _, other := range service.Deployments {
		if aws.ToString(other.Status) == "PRIMARY" && aws.ToString(other.Id) != deployment.ID {
			f.Effect = fmt.Sprintf("ECS rolled back to %s", revisionName(aws.ToString(other.TaskDefinition)))
		}
	}
	return f
}
