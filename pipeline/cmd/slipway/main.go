// Slipway runs the steps of the chain: one subcommand per step, inside a container or on a laptop.
//
// Progress for people goes to standard error, a line per thing that happened. The result is one JSON document, written to
// the file that --result names. The exit status is 0 for success, 1 for a failure, 2 for drift that was found, 3 for a
// deployment that somebody else's replaced and 64 for a mistake on the command line.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"github.com/alecthomas/kong"
)

// commands is the command line.
type commands struct {
	Validate  validateCommand  `cmd:"" help:"Check the Terraform as text: format, Terraform's own validation, and what both let pass. Needs no credentials."`
	Bootstrap bootstrapCommand `cmd:"" help:"Make the bucket that holds Terraform's state, once per account and region. Doing it again changes nothing."`
	Plan      planCommand      `cmd:"" help:"Save what Terraform would change, and say what the guard would refuse."`
	Apply     applyCommand     `cmd:"" help:"Apply exactly a saved plan, if the guard lets it pass."`
	Guard     guardCommand     `cmd:"" help:"Judge anybody's plan as apply would. Needs no AWS, no state and no Terraform."`
	Show      showCommand      `cmd:"" help:"Say what a plan file is bound to."`
	Key       keyCommand       `cmd:"" help:"Draw a key for plan files, and print it."`
	Cost      costCommand      `cmd:"" help:"Say what the resources of a plan cost by the month, and what the plan changes about it."`
	Drift     driftCommand     `cmd:"" help:"Say what was changed outside of Terraform, by whom, and what the next apply would do about it. Exits with 2 where there is drift."`
	Destroy   destroyCommand   `cmd:"" help:"Take an environment away: show what goes, and with --confirm destroy exactly that. Lists what is left."`
	Unlock    unlockCommand    `cmd:"" help:"Show who works on an environment, and remove a lock that nobody holds any more, by its id."`
	Contract  contractCommand  `cmd:"" help:"Print the contract that infrastructure published for an environment."`
	Push      pushCommand      `cmd:"" help:"Push an image archive into an environment's repository."`
	Verify    verifyCommand    `cmd:"" help:"Check, without changing anything, all that a deployment to an environment needs."`
	Redeploy  redeployCommand  `cmd:"" help:"Bring one image into service: verify, migrate, update, wait, smoke test."`
	Fault     faultCommand     `cmd:"" hidden:"" help:"Redeploy with a fault, in a rehearsal."`
	Status    statusCommand    `cmd:"" help:"Say what each service runs, since when, and how it is."`
	History   historyCommand   `cmd:"" help:"List the last releases: commit, image, who, when, and how they ended."`
	Diff      diffCommand      `cmd:"" help:"Say what a deployment of an image would change against what runs. Changes nothing."`
	Rollback  rollbackCommand  `cmd:"" help:"Bring an earlier release back into service. Migrations are not undone."`
	Migrate   migrateCommand   `cmd:"" help:"Run the contract's migration alone, of what runs or of an image of the repository."`
	Run       runCommand       `cmd:"" help:"Run a one-off command as a task of what is deployed, and show its log."`
	Request   requestCommand   `cmd:"" help:"Ask for a page through the load balancer, and check what it holds."`
	Report    reportCommand    `cmd:"" help:"Print a result file for a person, as Markdown, as JSON or as GitHub's workflow commands."`
}

func main() {
	// Terraform is told of an interrupt and may finish what it is doing. A second one ends this process at once, and with it
	// Terraform; the next run finds out by itself.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr))
}

// streams are where the program prints. Kong hands them to every command.
type streams struct {
	out, progress io.Writer
}

// errReported is returned by a command that has already printed why it failed.
var errReported = errors.New("failed")

// errSuperseded is returned by a deployment that somebody else's replaced, and that has said so.
var errSuperseded = errors.New("superseded")

// usage is the exit status for a mistake on the command line, EX_USAGE of sysexits.h: 2 says that there is drift.
const usage = 64

func run(ctx context.Context, args []string, out, progress io.Writer) int {
	var c commands
	exit := -1
	parser, err := kong.New(&c,
		kong.Name("slipway"),
		kong.Description("A portable CI/CD pipeline: a containerised web application and its Terraform to AWS."),
		kong.Writers(out, progress),
		kong.Exit(func(code int) { exit = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(streams{out, progress}),
	)
	if err != nil {
		fmt.Fprintf(progress, "slipway: %v\n", err)
		return usage
	}
	parsed, err := parser.Parse(args)
	if exit >= 0 {
		return exit // --help
	}
	if err != nil {
		fmt.Fprintf(progress, "slipway: %v\n", err)
		return usage
	}
	switch err := parsed.Run(); {
	case errors.Is(err, errReported):
		return 1
	case errors.Is(err, errDrifted):
		return 2
	case errors.Is(err, errSuperseded):
		return 3
	case err != nil:
		fmt.Fprintf(progress, "slipway: %v\n", err)
		return 1
	}
	return 0
}
