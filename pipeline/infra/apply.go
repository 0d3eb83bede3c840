package infra

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// Apply applies exactly the saved plan, which plan is the content of. Created, where it isn't nil, is told the address and
// the id of every resource as soon as it was created. An apply that is interrupted finishes the resources that it works on,
// writes the state, and returns a failure that says what it didn't do. What it returns then, as Creates does, are those
// whose creation was cut off: the AWS provider gives its requests up when it is told to stop, and some will have arrived.
func (t *Terraform) Apply(ctx context.Context, file string, plan *tfjson.Plan, created func(address, id string)) (cut map[string]string, err error) {
	file, err = filepath.Abs(file)
	if err != nil {
		return nil, fmt.Errorf("apply the plan: %w", err)
	}
	ui := newUI(t.say)
	if created != nil {
		ui.created = created
	}
	inner, cancel := t.within(ctx)
	defer cancel()
	// The lock is the lease's holder's.
	err = t.run(inner, ui, "apply", "-json", "-input=false", "-lock=false", file)
	ui.Close()
	if err == nil {
		return nil, nil
	}
	f := report.AsFailure(t.failed("apply", ui.diagnostics, err))
	f.Effect = "what is shown above as created, updated or destroyed was; the state has it, and the next plan goes on from there"
	f.Next = cmp.Or(existing(plan, ui.diagnostics), "mend the cause and run the same command again")
	if cause := context.Cause(inner); cause != nil {
		f = interrupted("apply", cause)
		f.Effect, f.Detail = ui.undone(plan)
		cut = Creates(plan)
		maps.DeleteFunc(cut, func(address, imported string) bool { return imported == "" && (!ui.begun[address] || ui.done[address]) })
	}
	if errors.Is(err, ErrKilled) {
		f.Because(err)
		f.Effect = "what Terraform was doing when it was killed may be in no state; the next run looks for it"
	}
	if _, statErr := os.Stat(t.errored()); statErr == nil {
		f.Effect = "what is shown above as created, updated or destroyed was, but Terraform could not write the state; it left it in " + t.errored()
		f.Next = "keep that file: the next run for this environment puts it into the bucket before anything else"
	}
	return cut, f
}

// exists is how AWS's services say that something of this name is there: EntityAlreadyExists, BucketAlreadyOwnedByYou,
// ResourceExistsException, InvalidGroup.Duplicate. Each API's reference lists its own.
var exists = regexp.MustCompile(`AlreadyExists|AlreadyOwnedByYou|ResourceExistsException|\.Duplicate\b|already exists`)

// existing says what to do about a resource that Terraform was to create and that is there, and in no state: what a run that was
// cut off left, or somebody else's. Which of the two can't be told from here. It is empty where that isn't the trouble.
func existing(plan *tfjson.Plan, found []diagnostic) string {
	for _, d := range found {
		if plan == nil || d.Severity != "error" || d.Address == "" || !exists.MatchString(d.Summary+" "+d.Detail) {
			continue
		}
		id := "…"
		for _, change := range plan.ResourceChanges {
			if change.Address == d.Address {
				id = cmp.Or(importID(change, ""), id)
			}
		}
		return fmt.Sprintf("something of that name exists and is in no state. If it is this environment's, take it in with an import block "+
			"(to = %s, id = %q) and plan anew; if not, give yours another name", d.Address, id)
	}
	return ""
}

// interrupted is the failure of a command that was told to end. The cause is a failure itself where a lease was lost.
func interrupted(command string, cause error) *report.Failure {
	if failure, ok := errors.AsType[*report.Failure](cause); ok {
		f := *failure
		return &f
	}
	return (&report.Failure{
		Reason: "terraform " + command + " was interrupted, and ended after what it was doing",
		Effect: "nothing was changed",
		Next:   "run it again",
	}).Because(cause)
}

// undone says what an apply that ended early did and didn't do.
func (u *ui) undone(plan *tfjson.Plan) (effect string, detail []string) {
	var done, half, never []string
	for _, address := range changing(plan) {
		switch {
		case u.done[address]:
			done = append(done, address)
		case u.begun[address]:
			half = append(half, address)
		default:
			never = append(never, address)
		}
	}
	for _, group := range []struct {
		name      string
		addresses []string
	}{{"done", done}, {"begun, and not done", half}, {"not begun", never}} {
		if len(group.addresses) > 0 {
			detail = append(detail, group.name+": "+strings.Join(group.addresses, ", "))
		}
	}
	return fmt.Sprintf("of %d resources, %d were done and are in the state, %d were begun and not done, %d were not begun; the next plan goes on from there",
		len(done)+len(half)+len(never), len(done), len(half), len(never)), detail
}

// changing lists the addresses that a plan changes, in its order.
func changing(plan *tfjson.Plan) []string {
	var addresses []string
	if plan == nil {
		return nil
	}
	for _, change := range plan.ResourceChanges {
		if change.Mode == tfjson.ManagedResourceMode && change.Change != nil && !change.Change.Actions.NoOp() {
			addresses = append(addresses, change.Address)
		}
	}
	return addresses
}

// Creates are the addresses of the resources that a plan makes outside of Terraform, new or in the place of another, and of
// those that it imports, with what they are imported by.
func Creates(plan *tfjson.Plan) map[string]string {
	addresses := map[string]string{}
	if plan == nil {
		return addresses
	}
	for _, change := range plan.ResourceChanges {
		if change.Mode != tfjson.ManagedResourceMode || change.Change == nil || change.ProviderName == builtin {
			continue
		}
		switch importing := change.Change.Importing; {
		case importing != nil && !change.Change.Actions.Replace():
			addresses[change.Address] = importing.ID
		case change.Change.Actions.Create() || change.Change.Actions.Replace():
			addresses[change.Address] = ""
		}
	}
	return addresses
}

// builtin is the provider of terraform_data, which is nowhere but in the state.
const builtin = "terraform.io/builtin/terraform"
