package service

import (
	"errors"
	"testing"
	"testing/synctest"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// unseen is an ECS that starts a task and does not show it.
func unseen() *fakeECS {
	fake := started(running())
	fake.fails = map[string]error{"DescribeTasks": errRefused}
	return fake
}

func TestMigrate(t *testing.T) {
	release := Release{Revisions: map[string]string{"web": webNew}}
	tests := map[string]struct {
		contract    contract.Contract
		ecs         *fakeECS
		want        bool
		wantFailure *report.Failure
		wantErr     string
		// open says that the turn is not given back.
		open bool
	}{
		"a migration that works": {
			contract: one(), ecs: started(stoppedTask("EssentialContainerExited", "", exited("app", 0))), want: true,
		},
		"no migration": {
			contract: func() contract.Contract { c := one(); c.Migration = contract.Migration{}; return c }(), ecs: &fakeECS{},
		},
		"a migration of a service that isn't there": {
			contract: func() contract.Contract { c := one(); c.Migration.Service = "gone"; return c }(), ecs: &fakeECS{},
			wantErr: `the contract has no service "gone"`,
		},
		"a migration that fails": {
			contract: one(), ecs: started(stoppedTask("EssentialContainerExited", "", exited("app", 3))), want: true,
			wantFailure: &report.Failure{
				Reason:   "the migration exited with status 3 (task 6e0d2a5c)",
				Evidence: []string{"no such table"},
				Effect:   "no service was updated: the release that was serving still is. What the migration had done to the database before it failed is not undone",
				Next:     "mend the migration and deploy again",
			},
		},
		"a migration that can't be followed": {
			contract: one(), ecs: unseen(), want: true,
			wantFailure: (&report.Failure{
				Reason: "the migration can't be followed any more (task 6e0d2a5c)",
				Effect: "no service was updated: the release that was serving still is. The migration may go on, and the next one waits for its end",
				Next:   "mend the migration and deploy again",
			}).Because(errRefused),
			open: true,
		},
		"a migration that ECS refuses": {
			contract: one(), ecs: &fakeECS{definitions: definitions(webNew), fails: map[string]error{"RunTask": errRefused}}, want: true,
			wantErr: "run a task of blog-dev-web:41: AccessDeniedException: not you",
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				d, _ := newDeployer(test.ecs, &fakeLogs{pages: []page{{lines: []string{"no such table"}}}}, test.contract)
				got, err := d.Migrate(t.Context(), release)
				if got != test.want {
					t.Errorf("migrated %t, want %t", got, test.want)
				}
				switch {
				case test.wantFailure != nil:
					failure, _ := errors.AsType[*report.Failure](err)
					if failure == nil {
						t.Fatalf("error %v, want a failure", err)
					}
					same(t, "failure", test.wantFailure.Text("migrate"), failure.Text("migrate"))
				case test.wantErr != "":
					if err == nil || err.Error() != test.wantErr {
						t.Errorf("error %v, want %q", err, test.wantErr)
					}
				case err != nil:
					t.Error(err)
				}
				turns, err := d.turns(t.Context())
				if err != nil {
					t.Fatal(err)
				}
				for _, turn := range turns {
					if turn.Ended == test.open {
						t.Errorf("its turn has ended: %t", turn.Ended)
					}
				}
				if want := len(test.ecs.started); want != len(turns) {
					t.Errorf("%d turns for %d tasks", len(turns), want)
				}
				if len(test.ecs.started) > 0 {
					same(t, "revision", webNew, aws.ToString(test.ecs.started[0].TaskDefinition))
					same(t, "command", []string{"release"}, test.ecs.started[0].Overrides.ContainerOverrides[0].Command)
				}
			})
		})
	}
}
