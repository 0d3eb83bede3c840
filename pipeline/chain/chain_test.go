package chain

import (
	"context"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// ran records which steps began.
type ran struct {
	mutex sync.Mutex
	names map[string]bool
}

// step records that it began, and fails if it is the one that shall.
func (r *ran) step(name, fails string) run {
	return func(context.Context) (Done, error) {
		r.mutex.Lock()
		defer r.mutex.Unlock()
		if r.names == nil {
			r.names = map[string]bool{}
		}
		r.names[name] = true
		if name == fails {
			return Done{}, &report.Failure{Reason: name + " fails"}
		}
		return Done{}, nil
	}
}

func (r *ran) deploy(fails string) []Step {
	return Deploy(Work{
		Validate: r.step("validate", fails), Build: r.step("build", fails), Test: r.step("test", fails),
		Plan: r.step("plan", fails), Apply: r.step("apply", fails), Release: r.step("release", fails),
	})
}

func (r *ran) release(fails string) []Step {
	return Release(Application{
		Contract: r.step("contract", fails), Push: r.step("push", fails), Verify: r.step("verify", fails),
		Diff: r.step("diff", fails), Migrate: r.step("migrate", fails), Update: r.step("update", fails),
		Wait: r.step("wait", fails), Smoke: r.step("smoke", fails),
		Rollback: func(ctx context.Context, _ *report.Failure) (Done, error) { return r.step("rollback", fails)(ctx) },
	})
}

func (r *ran) rehearse(fails string) []Step {
	return Rehearse(Rehearsal{
		Work: Work{
			Validate: r.step("validate", fails), Build: r.step("build", fails), Test: r.step("test", fails),
			Plan: r.step("plan", fails), Apply: r.step("apply", fails), Release: r.step("release", fails),
		},
		Emulator: r.step("emulator", fails), Bootstrap: r.step("bootstrap", fails),
		Write: r.step("write", fails), Page: r.step("page", fails),
	})
}

func (r *ran) rehearseWithTools() []Step {
	return Rehearse(Rehearsal{
		Work: Work{
			Tools: r.step("tools", ""), Validate: r.step("validate", ""), Build: r.step("build", ""), Test: r.step("test", ""),
			Plan: r.step("plan", ""), Apply: r.step("apply", ""), Release: r.step("release", ""),
		},
		Emulator: r.step("emulator", ""), Bootstrap: r.step("bootstrap", ""), Write: r.step("write", ""), Page: r.step("page", ""),
	})
}

// needs is the table without its work.
func needs(table []Step) map[string][]string {
	found := map[string][]string{}
	for _, step := range table {
		found[step.Name] = step.Needs
	}
	return found
}

func TestTables(t *testing.T) {
	var r ran
	tests := map[string]struct {
		table []Step
		want  map[string][]string
	}{
		"a deployment applies what is planned, built and tested, and releases on what is applied": {
			table: r.deploy(""),
			want: map[string][]string{
				"validate": nil, "build": nil, "test": nil,
				"plan":    {"validate"},
				"apply":   {"plan", "build", "test"},
				"release": {"apply"},
			},
		},
		"a rehearsal is a deployment with an emulator in front and a page behind": {
			table: r.rehearse(""),
			want: map[string][]string{
				"emulator": nil, "bootstrap": {"emulator"},
				"validate": nil, "build": nil, "test": nil,
				"plan":    {"validate", "bootstrap"},
				"apply":   {"plan", "build", "test"},
				"release": {"apply"}, "write": {"release"}, "page": {"write"},
			},
		},
		"what the steps run in is made first, where it has to be": {
			table: r.rehearseWithTools(),
			want: map[string][]string{
				"tools": nil, "emulator": nil, "bootstrap": {"emulator", "tools"},
				"validate": {"tools"}, "build": nil, "test": nil,
				"plan":    {"validate", "bootstrap"},
				"apply":   {"plan", "build", "test"},
				"release": {"apply"}, "write": {"release"}, "page": {"write"},
			},
		},
		"an apply is guarded": {
			table: Infrastructure(r.step("guard", ""), r.step("apply", "")),
			want:  map[string][]string{"guard": nil, "apply": {"guard"}},
		},
		"a release takes one step after another": {
			table: r.release(""),
			want: map[string][]string{
				"contract": nil, "push": {"contract"}, "verify": {"push"}, "diff": {"verify"}, "migrate": {"diff"},
				"update": {"migrate"}, "wait": {"update"}, "smoke": {"wait"}, "rollback": nil,
			},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			if diff := cmp.Diff(test.want, needs(test.table)); diff != "" {
				t.Errorf("needs (-want +got):\n%s", diff)
			}
			steps, err := Run(t.Context(), test.table, quiet)
			if err != nil {
				t.Fatal(err)
			}
			for _, step := range steps {
				if step.Outcome != report.Succeeded {
					t.Errorf("%s: %s", step.Name, step.Outcome)
				}
			}
		})
	}
}

func TestEveryStepOfATableDoesItsOwnWork(t *testing.T) {
	var r ran
	for _, table := range [][]Step{r.deploy(""), r.release(""), r.rehearse(""), Infrastructure(r.step("guard", ""), r.step("apply", ""))} {
		for _, step := range table {
			r.names = nil
			var err error
			if len(step.Recovers) > 0 {
				_, err = step.Recover(t.Context(), nil)
			} else {
				_, err = step.Run(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(map[string]bool{step.Name: true}, r.names); diff != "" {
				t.Errorf("work of step %s (-want +got):\n%s", step.Name, diff)
			}
		}
	}
}

func TestWhatAFailureKeepsFromStarting(t *testing.T) {
	tests := map[string]struct {
		table func(*ran, string) []Step
		fails string
		never []string
	}{
		"a Terraform that is not valid: no plan, no apply, no release": {(*ran).deploy, "validate", []string{"plan", "apply", "release"}},
		"an image that does not build: no apply, no release":           {(*ran).deploy, "build", []string{"apply", "release"}},
		"a test that fails: no apply, no release":                      {(*ran).deploy, "test", []string{"apply", "release"}},
		"a plan that fails: no apply, no release":                      {(*ran).deploy, "plan", []string{"apply", "release"}},
		"an apply that fails: no release":                              {(*ran).deploy, "apply", []string{"release"}},
		"an emulator that does not come up: nothing planned":           {(*ran).rehearse, "emulator", []string{"bootstrap", "plan", "apply", "release", "write", "page"}},
		"no contract: nothing pushed":                                  {(*ran).release, "contract", []string{"push", "verify", "diff", "migrate", "update", "wait", "smoke", "rollback"}},
		"a push that fails: nothing registered":                        {(*ran).release, "push", []string{"verify", "diff", "migrate", "update", "wait", "smoke", "rollback"}},
		"an environment that is not as it should be: no migration":     {(*ran).release, "verify", []string{"diff", "migrate", "update", "wait", "smoke", "rollback"}},
		"a running revision that is not ours: no migration":            {(*ran).release, "diff", []string{"migrate", "update", "wait", "smoke", "rollback"}},
		"a migration that fails: no service updated":                   {(*ran).release, "migrate", []string{"update", "wait", "smoke", "rollback"}},
		"an update that fails: nothing to wait for":                    {(*ran).release, "update", []string{"wait", "smoke"}},
		"a deployment that ECS gives up: no smoke test":                {(*ran).release, "wait", []string{"smoke"}},
		"a plan that the guard refuses: no apply": {
			func(r *ran, fails string) []Step {
				return Infrastructure(r.step("guard", fails), r.step("apply", fails))
			}, "guard", []string{"apply"},
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			var r ran
			steps, err := Run(t.Context(), test.table(&r, test.fails), quiet)
			if got := report.AsFailure(err).Step; got != test.fails {
				t.Errorf("failure at %q, want at %q", got, test.fails)
			}
			for _, name := range test.never {
				if r.names[name] {
					t.Errorf("%s began", name)
				}
			}
			for _, step := range steps {
				if want := r.names[step.Name]; want == (step.Outcome == report.NotStarted) {
					t.Errorf("%s began: %t, and is reported as %s", step.Name, want, step.Outcome)
				}
			}
		})
	}
}
