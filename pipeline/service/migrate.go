package service

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// Migrate runs the contract's migration as a task of the release, once no other migration runs in the environment. It
// returns false where the contract has none. When it fails no service has been touched.
func (d *Deployer) Migrate(ctx context.Context, release Release) (bool, error) {
	if len(d.contract.Migration.Command) == 0 {
		return false, nil
	}
	entry, err := d.contract.ServiceNamed(d.contract.Migration.Service)
	if err != nil {
		return false, err
	}
	turn, err := d.takeTurn(ctx, release)
	if err != nil {
		return false, unmigrated(err)
	}
	if waited := time.Now().Round(0).Sub(turn.taken); waited > startLimit {
		return false, unmigrated(fmt.Errorf("the migration was held up for %s before it began, and another may have begun", waited.Round(time.Second)))
	}
	ended, err := d.runTask(ctx, entry, release.Revisions[entry.Name], d.contract.Migration.Command, turn.Mark)
	if ended {
		// Those who wait see by the task, too, that it is over.
		if err := d.endTurn(ctx, turn); err != nil {
			d.say(fmt.Sprintf("the next migration will have to look at this one's task: %v", err))
		}
	}
	if f, ok := errors.AsType[*report.Failure](err); ok {
		f.Reason = "the migration " + f.Reason
		f.Next = "mend the migration and deploy again"
		f.Effect = "no service was updated: the release that was serving still is. What the migration had done to the database before it failed is not undone"
		if !ended {
			f.Effect = "no service was updated: the release that was serving still is. The migration may go on, and the next one waits for its end"
		}
		return true, f
	}
	return true, err
}

// unmigrated makes a failure of what kept a migration from beginning.
func unmigrated(err error) error {
	if f, ok := errors.AsType[*report.Failure](err); ok {
		return f
	}
	return (&report.Failure{
		Reason: "the migration did not begin",
		Effect: "no service was updated: the release that was serving still is",
		Next:   "mend the cause and deploy again",
	}).Because(err)
}
