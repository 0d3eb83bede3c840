package service

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"

	"github.com/slipway-ci/slipway/pipeline/report"
)

func TestAttendNoticesTasksThatEndAfterECSWasContent(t *testing.T) {
	failed := types.Task{TaskArn: aws.String(task1), TaskDefinitionArn: aws.String(webNew), StopCode: types.TaskStopCodeEssentialContainerExited}
	tests := map[string]struct {
		attempts int
		tasks    [][]types.Task
		lasting  bool
		reason   string
	}{
		"two tasks":                                      {2, [][]types.Task{nil, {failed}, {failed, failed}}, false, "it exits"},
		"one task may fail":                              {2, [][]types.Task{nil, {failed}}, false, ""},
		"the decision is left to ECS":                    {0, [][]types.Task{{failed, failed}}, false, ""},
		"tasks of the release before":                    {2, [][]types.Task{{{TaskDefinitionArn: aws.String(webOld), StopCode: failed.StopCode}, {TaskDefinitionArn: aws.String(webOld), StopCode: failed.StopCode}}}, false, ""},
		"tasks that somebody stopped":                    {1, [][]types.Task{{{TaskDefinitionArn: aws.String(webNew), StopCode: types.TaskStopCodeUserInitiated}}}, false, ""},
		"one task, for a cause that lies in the release": {2, [][]types.Task{nil, {failed}}, true, "it exits"},
		"nothing failed for the minute":                  {2, nil, false, ""},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				defer cancel()
				fake := &fakeECS{services: [][]types.Service{{deploymentsOf(ours("PRIMARY", "COMPLETED", 2, 0, 2, 0))}}, tasks: test.tasks}
				d, _ := newDeployer(fake, nil, one())
				d.Attempts(test.attempts)
				d.diagnose = diagnosedAs(test.lasting)
				err := d.Attend(ctx, []Deployment{{Service: web, ID: "ecs-svc/1", Revision: webNew}})
				reason := ""
				if failure, ok := errors.AsType[*report.Failure](err); ok {
					reason = failure.Reason
				}
				if same(t, "reason", test.reason, reason); reason == "" && err != nil {
					t.Errorf("error %v", err)
				}
			})
		})
	}
}
