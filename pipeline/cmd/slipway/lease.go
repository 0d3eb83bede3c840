package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/adopt"
	"github.com/slipway-ci/slipway/pipeline/backend"
	"github.com/slipway-ci/slipway/pipeline/infra"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// locks says where the state and its locks are.
type locks struct {
	StateBucket string `env:"SLIPWAY_STATE_BUCKET" help:"Name of the state bucket; by default slipway-state-ACCOUNT-REGION."`
	LockTable   string `env:"SLIPWAY_LOCK_TABLE" placeholder:"NAME" help:"DynamoDB table with Terraform's locks, where there still is one, beside the lock in the state bucket."`
}

// leasing says how long to wait for others, and where a state is kept that could not be written.
type leasing struct {
	LockTimeout   time.Duration `env:"SLIPWAY_LOCK_TIMEOUT" default:"5m" help:"How long to wait for another run, or for somebody's lock on the state. A run that was killed is recognised after six intervals."`
	LeaseInterval time.Duration `env:"SLIPWAY_LEASE_INTERVAL" default:"10s" help:"How often the lease is renewed. Others take a lease for that of a killed run when it was not renewed for six times this."`
	Rescue        string        `type:"path" env:"SLIPWAY_RESCUE" placeholder:"DIR" help:"Directory that outlives this run, for a state that Terraform can't write into the bucket."`
}

func (l leasing) valid() error {
	if l.LeaseInterval < 100*time.Millisecond || l.LeaseInterval > 10*time.Minute {
		return &report.Failure{
			Reason: fmt.Sprintf("--lease-interval %s is not between 100ms and 10m", l.LeaseInterval),
			Effect: "nothing was changed", Next: "leave it out, or give something like 10s",
		}
	}
	if l.LockTimeout < 0 {
		return &report.Failure{Reason: fmt.Sprintf("--lock-timeout %s is negative", l.LockTimeout), Effect: "nothing was changed", Next: "give something like 5m, or 0s not to wait"}
	}
	return nil
}

// unlockLine is the command that removes a lock on the target's state, without the lock's id.
func unlockLine(t target, l locks) string {
	args := []string{"slipway", "unlock", "--name", t.Name, "--environment", t.Environment, "--region", t.Region}
	for _, flag := range [][2]string{{"--state-bucket", l.StateBucket}, {"--lock-table", l.LockTable}, {"--endpoint", string(t.Endpoint)}} {
		if flag[1] != "" {
			args = append(args, flag[0], flag[1])
		}
	}
	return strings.Join(args, " ")
}

// hold takes the directory, and then the lease and the lock while Terraform is initialised, which is most of what that takes.
func (w *workspace) hold(ctx context.Context, run backend.Run, o backend.Options) error {
	o.Say = w.say
	if err := w.Occupy(ctx, run.String(), o.Timeout); err != nil {
		return err
	}
	// A suspended process would not renew the lease while Terraform, in a process group of its own, goes on.
	signal.Ignore(syscall.SIGTSTP)
	acquiring, abandon := context.WithCancelCause(ctx)
	initialising, stop := context.WithCancel(ctx)
	defer abandon(nil)
	defer stop()
	initialised := make(chan error, 1)
	go func() {
		err := w.Init(initialising, &w.backend)
		if err != nil {
			abandon(err)
		}
		initialised <- err
	}()
	lease, err := w.store.Acquire(acquiring, run, o)
	if err != nil {
		stop()
		<-initialised
		return err
	}
	w.lease = lease
	w.Hold(lease.Held(), lease.Taken())
	journal, err := w.store.Journal(ctx)
	if initErr := <-initialised; initErr != nil {
		err = initErr
	}
	if err != nil {
		return err
	}
	return w.recover(ctx, journal)
}

// recover mends what a run left that was killed, or that could not write the state.
func (w *workspace) recover(ctx context.Context, journal *backend.Journal) error {
	if len(w.lease.Killed()) > 0 || journal != nil {
		mended, err := w.store.MendDigest(ctx)
		if err != nil {
			return err
		}
		if mended {
			w.say("the checksum of the state in the lock table was that of an earlier one, because a run was killed in between; set right")
		}
	}
	if w.Errored(w.kept) {
		state, err := w.store.State(ctx)
		if err != nil {
			return err
		}
		if err := w.PushErrored(ctx, w.kept, infra.Snapshot{Lineage: state.Lineage, Serial: state.Serial}); err != nil {
			return err
		}
	}
	if journal == nil {
		return nil
	}
	w.unfinished = journal.Token
	w.Adopt(journal.Created, adopt.New(w.aws).Find)
	w.say(fmt.Sprintf("the apply of %s did not end well: what it created, and did not write into the state, has to be imported", journal.Run))
	return nil
}

// journaled applies exactly the saved plan, which plan is the content of. What it creates stands in the journal from before it
// begins, in case nobody is left to write the state.
func (w *workspace) journaled(ctx context.Context, file string, plan *tfjson.Plan) error {
	journal, err := w.lease.Begin(ctx, infra.Creates(plan))
	if err != nil {
		return err
	}
	cut, err := w.Apply(ctx, file, plan, journal.Create)
	journal.Close()
	if w.kept != "" {
		kept, keepErr := w.Keep(w.kept)
		if kept {
			failure := report.AsFailure(err)
			failure.Effect = "what is shown above as created, updated or destroyed was, but Terraform could not write the state; it lies in " + w.kept
			return failure
		}
		if keepErr != nil {
			return errors.Join(err, keepErr)
		}
	}
	if errors.Is(err, infra.ErrKilled) || w.Errored("") {
		return err // the next run needs the journal
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	endErr := w.store.EndJournal(ending)
	if len(cut) > 0 && endErr == nil {
		// Of these it isn't known whether they exist.
		if journal, endErr = w.lease.Begin(ending, cut); endErr == nil {
			journal.Close()
		}
	}
	return cmp.Or(err, endErr)
}

// close gives the lock, the lease and the directory back, even if ctx has ended. Where that fails, err is that failure, unless it is one
// already. It may be called on a workspace that was never opened, and more than once.
func (w *workspace) close(ctx context.Context, err *error) {
	if w == nil {
		return
	}
	defer w.Leave()
	if w.lease == nil {
		return
	}
	switch closeErr := w.lease.Release(ctx); {
	case closeErr != nil && *err != nil:
		w.say("warning: " + closeErr.Error())
	case closeErr != nil:
		*err = closeErr
	}
}

// newRun is who works on the environment.
func newRun(operation, commit string) backend.Run {
	host, _ := os.Hostname() // for people
	return backend.Run{
		Token: backend.NewToken(), Who: caller(), Host: host, Commit: commit, Operation: operation, Since: time.Now(),
	}
}

// keptFile is where the state of an environment is kept that could not be written; empty where it stays in the root module.
func (l leasing) keptFile(t target) string {
	if l.Rescue == "" {
		return ""
	}
	return filepath.Join(l.Rescue, t.Name+"-"+t.Environment+".tfstate")
}
