// Package fault is the list of what can go wrong in a rehearsal on purpose, with what should come of it: natively and in a
// Dagger engine the same.
package fault

import (
	_ "embed"
	"fmt"
	"strings"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// Names of the faults.
const (
	Crash         = "crash"
	CrashLater    = "crash-later"
	Unhealthy     = "unhealthy"
	SlowStart     = "slow-start"
	Migration     = "migration"
	MissingSecret = "missing-secret"
	MissingImage  = "missing-image"
	WrongPlatform = "wrong-platform"
	ZeroTasks     = "zero-tasks"
	Superseded    = "superseded"
	OutOfMemory   = "out-of-memory"
)

// Fault is one way in which a deployment meets trouble, and how it should end.
type Fault struct {
	Name        string
	Description string
	// Outcome and Status are those of slipway redeploy.
	Outcome report.Outcome
	Status  int
	// Step is the step that fails, and empty for what the deployment has to cope with. It is the emulator's: see docs/failures.md
	// for where real ECS notices sooner.
	Step string
	// Cause stands within the last fifteen lines of the output.
	Cause string
}

// All are the faults, in the order in which a deployment would meet them.
var All = []Fault{
	{MissingImage, "the repository doesn't have the image", report.Failed, 1, "push", "has no image sha256:"},
	{WrongPlatform, "the image is for another platform than the template's", report.Failed, 1, "verify", "linux/"},
	{MissingSecret, "the template names a key that its secret doesn't have", report.Failed, 1, "verify", MissingKey},
	{Migration, "the migration exits with status 4", report.Failed, 1, "migrate", "status 4"},
	{Crash, "the new task exits with status 3 as soon as it starts", report.Failed, 1, "wait", "SECRET_KEY is not set"},
	{OutOfMemory, "the new task is killed with SIGKILL, as for lack of memory", report.Failed, 1, "wait", "137"},
	{CrashLater, "the new task exits after five seconds", report.Failed, 1, "smoke", "SECRET_KEY is not set"},
	{Unhealthy, "the new task answers every request with 500", report.Failed, 1, "smoke", "500"},
	{SlowStart, "the new task takes twenty seconds to start", report.Succeeded, 0, "", ""},
	{ZeroTasks, "somebody has scaled the service to no task", report.Succeeded, 0, "", ""},
	{Superseded, "somebody else deploys while this deployment is under way", report.Superseded, 3, "wait", Other},
}

// MissingKey is the key that a secret doesn't have, and Other who deploys in between.
const (
	MissingKey = "NOT_IN_THE_SECRET"
	Other      = "somebody else"
)

// Named returns the fault of this name.
func Named(name string) (Fault, error) {
	var names []string
	for _, fault := range All {
		if fault.Name == name {
			return fault, nil
		}
		names = append(names, fault.Name)
	}
	return Fault{}, fmt.Errorf("there is no fault %q; there are: %s", name, strings.Join(names, ", "))
}

// Entrypoint is a script that stands before an image's own entry point and makes the faults that come from inside a task.
// It goes over the image at Path, executable, with the variables of Environment.
//
//go:embed entrypoint
var Entrypoint string

// Path is where Entrypoint is put in an image.
const Path = "/fault-entrypoint"

// Environment are the variables that Entrypoint reads, name and value, for an image with this entry point.
func (f Fault) Environment(entrypoint []string) [][2]string {
	return [][2]string{{"FAULT", f.Name}, {"FAULT_ENTRYPOINT", quote(entrypoint)}}
}

// quote writes words as a shell reads them.
func quote(words []string) string {
	var quoted []string
	for _, word := range words {
		quoted = append(quoted, "'"+strings.ReplaceAll(word, "'", `'\''`)+"'")
	}
	return strings.Join(quoted, " ")
}
