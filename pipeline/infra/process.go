package infra

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"
)

// finish is how long an interrupted Terraform may finish what it is doing, before it is killed. What it is making then
// would be in no state; a database takes this long.
const finish = 30 * time.Minute

// Hold binds every command that works on the state to a lease. When held ends, Terraform is told to end after what it is
// doing; when taken ends, somebody else holds the lease, and Terraform is killed with its providers: the other run began on
// the assumption that this one is dead, and what Terraform would still write could overwrite that run's state.
func (t *Terraform) Hold(held, taken context.Context) { t.held, t.taken = held, taken }

// within returns the context of one command, which ends with the lease as well, with the cause of that.
func (t *Terraform) within(ctx context.Context) (context.Context, context.CancelFunc) {
	merged, cancel := context.WithCancelCause(ctx)
	if t.held == nil {
		return merged, func() { cancel(context.Canceled) }
	}
	stop := context.AfterFunc(t.held, func() { cancel(context.Cause(t.held)) })
	return merged, func() {
		stop()
		cancel(context.Canceled)
	}
}

// run runs terraform in a process group of its own: a terminal's interrupt reaches Terraform once, from here, and not its
// providers. Where ctx ends, Terraform is interrupted and finishes the resources that it works on. terraform-exec can't
// kill a command with its providers, and leaves one that was interrupted as it started running by itself.
func (t *Terraform) run(ctx context.Context, stdout io.Writer, args ...string) error {
	command := exec.CommandContext(ctx, t.program, args...)
	command.Dir = t.dir
	command.Env = environ()
	command.SysProcAttr = processGroup()
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = finish
	var errs strings.Builder
	command.Stdout, command.Stderr = stdout, &errs
	if err := command.Start(); err != nil {
		return err
	}
	if t.taken != nil {
		stop := context.AfterFunc(t.taken, func() { _ = syscall.Kill(-command.Process.Pid, syscall.SIGKILL) })
		defer stop()
	}
	err := command.Wait()
	switch exit, _ := errors.AsType[*exec.ExitError](err); {
	case errors.Is(err, context.Canceled):
		return nil // it was interrupted when it had done all
	case exit != nil && exit.ExitCode() < 0:
		return fmt.Errorf("%w: %w", ErrKilled, err)
	case err != nil && errs.Len() > 0:
		return fmt.Errorf("%w\n%s", err, errs.String())
	}
	return err
}

// ErrKilled is returned where Terraform ended by a signal, so that the state may lack what it did.
var ErrKilled = errors.New("terraform was killed")

// environ is this process's environment without what would change what Terraform prints or where it works.
func environ() []string {
	kept := slices.DeleteFunc(os.Environ(), func(variable string) bool {
		name, _, _ := strings.Cut(variable, "=")
		return strings.HasPrefix(name, "TF_LOG") || name == "TF_WORKSPACE" || name == "TF_INPUT"
	})
	// https://developer.hashicorp.com/terraform/cli/config/environment-variables
	return append(kept, "TF_IN_AUTOMATION=1", "TF_INPUT=0", "CHECKPOINT_DISABLE=1")
}
