package chain

import (
	"context"
	"slices"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// run is one step's work.
type run = func(ctx context.Context) (Done, error)

// Work is what does the steps of a whole deployment: containers in a Dagger engine, or processes in the native rehearsal.
type Work struct {
	// Tools makes what the steps run in; nil where that is there.
	Tools run

	Validate, Build, Test, Plan, Apply, Release run
}

// Deploy is the whole chain. A failing build or test stops it before infrastructure is touched, and infrastructure that
// fails stops it before an image is pushed.
func Deploy(w Work) []Step {
	steps := []Step{
		// The program, and the container with Terraform and its providers.
		{Name: "tools", Run: w.Tools},
		// Reads the Terraform as text: no credentials, nothing outside.
		{Name: "validate", Needs: []string{"tools"}, Run: w.Validate},
		// The image that will be pushed; what is tested is its other half, made of the same layers.
		{Name: "build", Run: w.Build},
		{Name: "test", Run: w.Test},
		// It only reads, so it need not wait for the application's tests.
		{Name: "plan", Needs: []string{"validate"}, Run: w.Plan},
		// The first step with an effect, and only of code that builds and passes; in the report, guard and apply.
		{Name: "apply", Needs: []string{"plan", "build", "test"}, Run: w.Apply},
		// The application side; in the report its own steps take its place.
		{Name: "release", Needs: []string{"apply"}, Run: w.Release},
	}
	if w.Tools == nil {
		steps = without(steps, "tools")
	}
	return steps
}

// without is the table less a step, for which none waits then.
func without(steps []Step, name string) []Step {
	var rest []Step
	for _, step := range steps {
		if step.Name == name {
			continue
		}
		var needs []string
		for _, need := range step.Needs {
			if need != name {
				needs = append(needs, need)
			}
		}
		step.Needs = needs
		rest = append(rest, step)
	}
	return rest
}

// Infrastructure is how a saved plan is applied.
func Infrastructure(guard, apply run) []Step {
	return []Step{
		// Refuses what would destroy data, unless it was named.
		{Name: "guard", Run: guard},
		// Exactly the saved plan.
		{Name: "apply", Needs: []string{"guard"}, Run: apply},
	}
}

// Destruction is what does the steps of taking an environment away.
type Destruction struct{ Plan, Guard, Stop, Empty, Destroy, Check run }

// Teardown takes an environment away.
func Teardown(d Destruction) []Step {
	return []Step{
		// Only reads: what goes, and how much data with it.
		{Name: "plan", Run: d.Plan},
		// Refuses what was not confirmed, and what can't succeed.
		{Name: "guard", Needs: []string{"plan"}, Run: d.Guard},
		// Tasks keep a cluster and its network from being deleted.
		{Name: "stop", Needs: []string{"guard"}, Run: d.Stop},
		// Images and objects keep what holds them.
		{Name: "empty", Needs: []string{"stop"}, Run: d.Empty},
		// Exactly the saved plan.
		{Name: "destroy", Needs: []string{"empty"}, Run: d.Destroy},
		// What Terraform doesn't know of, and what is left.
		{Name: "check", Needs: []string{"destroy"}, Run: d.Check},
	}
}

// Application is what does the steps of the application side.
type Application struct {
	Contract, Push, Verify, Diff, Migrate, Update, Wait, Smoke run
	Rollback                                                   recovery
}

// recovery is the work of a step that answers the failure of others.
type recovery = func(ctx context.Context, failure *report.Failure) (Done, error)

// Release is the application side: one image into service in an environment that exists. Nothing of it can run at the
// same time as another step of it, since each may only happen if the one before has succeeded.
func Release(a Application) []Step {
	return []Step{
		// What infrastructure published, which is all that is known of it here.
		{Name: "contract", Run: a.Contract},
		// By digest; nothing travels when the repository has it.
		{Name: "push", Needs: []string{"contract"}, Run: a.Push},
		// Everything that can be found wrong without changing anything.
		{Name: "verify", Needs: []string{"push"}, Run: a.Verify},
		// What this deployment changes, and whether what runs is ours to change. A dry run ends here.
		{Name: "diff", Needs: []string{"verify"}, Run: a.Diff},
		// Registers the revision and runs the migration as a task of it: the old release goes on serving.
		{Name: "migrate", Needs: []string{"diff"}, Run: a.Migrate},
		{Name: "update", Needs: []string{"migrate"}, Run: a.Update},
		// Until ECS has decided; a rollback by ECS is a failure.
		{Name: "wait", Needs: []string{"update"}, Run: a.Wait},
		// ECS being content does not mean that the new release answers.
		{Name: "smoke", Needs: []string{"wait"}, Run: a.Smoke},
		// All services go back together if one of them failed. The deployment has failed all the same.
		{Name: "rollback", Recovers: []string{"update", "wait", "smoke"}, Recover: a.Rollback},
	}
}

// Return is how an earlier release comes back: chosen from the history, and then as a deployment without what it had done
// when it was new. Migrations are not undone.
func Return(choose run, a Application) []Step {
	return []Step{
		{Name: "contract", Run: a.Contract},
		{Name: "choose", Needs: []string{"contract"}, Run: choose},
		{Name: "update", Needs: []string{"choose"}, Run: a.Update},
		{Name: "wait", Needs: []string{"update"}, Run: a.Wait},
		{Name: "smoke", Needs: []string{"wait"}, Run: a.Smoke},
	}
}

// UpTo is the table up to and with a step.
func UpTo(steps []Step, name string) []Step {
	last := slices.IndexFunc(steps, func(step Step) bool { return step.Name == name })
	return steps[:last+1]
}

// Rehearsal is a deployment and what stands around it where an emulator takes the place of AWS.
type Rehearsal struct {
	Work
	Emulator, Bootstrap, Write, Page run
	// Fault is a second release, with a fault; nil for a rehearsal without.
	Fault run
}

// Rehearse is the whole chain against an emulator, from an empty account to a page that a visitor gets.
func Rehearse(r Rehearsal) []Step {
	steps := []Step{{Name: "emulator", Run: r.Emulator}}
	for _, step := range Deploy(r.Work) {
		switch step.Name {
		case "validate": // stands behind the tools, where there are any
			steps = append(steps, Step{Name: "bootstrap", Needs: append([]string{"emulator"}, step.Needs...), Run: r.Bootstrap})
		case "plan":
			step.Needs = append(step.Needs, "bootstrap")
		}
		steps = append(steps, step)
	}
	steps = append(steps,
		// Through the application into its database, and back out through the load balancer.
		Step{Name: "write", Needs: []string{"release"}, Run: r.Write},
		Step{Name: "page", Needs: []string{"write"}, Run: r.Page},
	)
	if r.Fault != nil {
		// Only where a good release serves: what a fault does to it is what there is to see.
		steps = append(steps, Step{Name: "fault", Needs: []string{"page"}, Run: r.Fault})
	}
	return steps
}
