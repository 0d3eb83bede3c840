package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"dagger/tests/internal/dagger"
)

var unknownEnvironment = test{
	claim: "an unknown environment is an error that names those there are",
	run: func(ctx context.Context, r *rig) error {
		options := r.options(r.commit())
		options.Environment = "nowhere"
		_, err := dag.Slipway(options).Plan().Summary(ctx)
		return fails(err, `there is no environment "nowhere"`, environment)
	},
}

var failingTest = test{
	claim: "a test that fails ends the deployment before anything is applied, and the report says so",
	run: func(ctx context.Context, r *rig) error {
		options := r.options(r.commit())
		if _, err := dag.Slipway(options).Bootstrap(ctx); err != nil {
			return err
		}
		before, err := r.effects(ctx)
		if err != nil {
			return err
		}
		options.Source = r.Source.WithNewFile("blog/tests/test_that_fails.py", `def test_that_fails():
    """Fails."""
    raise AssertionError("made to fail")
`)
		_, err = dag.Slipway(options).Deploy().Outcome(ctx)
		if err := fails(err, "deploy failed at test", "made to fail"); err != nil {
			return err
		}
		after, err := r.effects(ctx)
		if err != nil {
			return err
		}
		if after != before {
			return fmt.Errorf("AWS was changed:\n  before: %s\n  after:  %s", before, after)
		}
		text, err := dag.Slipway(options).Report(ctx, dagger.SlipwayReportOpts{Format: "terminal"})
		if err != nil {
			return err
		}
		return contains(text, "deploy failed at test", "made to fail")
	},
}

// effects counts calls that no deployment can do without.
func (r *rig) effects(ctx context.Context) (string, error) {
	var text strings.Builder
	for _, name := range []string{
		"CreateLogGroup", "CreateRepository", "CreateCluster", "CreateService", "PutParameter", // apply
		"RegisterTaskDefinition", "RunTask", "UpdateService", // release
	} {
		n, err := r.calls(ctx, name)
		if err != nil {
			return "", err
		}
		fmt.Fprintf(&text, "%s %d ", name, n)
	}
	return text.String(), nil
}

var applied = test{
	claim: "the environment that apply returns is the one that was published, and the next plan changes nothing",
	run: func(ctx context.Context, r *rig) error {
		var environment *dagger.SlipwayEnvironment
		err := r.updates(ctx, 0, func() (err error) {
			environment, err = r.infrastructure(ctx)
			return err
		})
		if err != nil {
			return err
		}
		returned, err := environment.Contract(ctx)
		if err != nil {
			return err
		}
		slipway := dag.Slipway(r.options(r.commit()))
		published, err := slipway.Environment().Contract(ctx)
		if err != nil {
			return err
		}
		if returned != published {
			return fmt.Errorf("apply returned the contract\n%s\nand this one is published:\n%s", returned, published)
		}
		// And so the record, which other cases count in, does name what was done.
		made, err := r.calls(ctx, "CreateCluster")
		if err != nil {
			return err
		}
		if made != 1 {
			return fmt.Errorf("there were %d calls of CreateCluster, not 1", made)
		}
		plan, err := slipway.Plan().JSON().Contents(ctx)
		if err != nil {
			return err
		}
		return unchanged(plan)
	},
}

// unchanged returns an error for a plan with a change other than of what the emulator does not keep.
func unchanged(document string) error {
	var plan struct {
		ResourceChanges []struct {
			Address, Type, Mode string
			Change              struct {
				Actions       []string
				Before, After map[string]any
			}
		} `json:"resource_changes"`
	}
	if err := json.Unmarshal([]byte(document), &plan); err != nil {
		return fmt.Errorf("read the plan: %w", err)
	}
	if len(plan.ResourceChanges) < 30 {
		return fmt.Errorf("the plan is of %d resources: it is not the environment's", len(plan.ResourceChanges))
	}
	for _, resource := range plan.ResourceChanges {
		if resource.Mode == "data" {
			continue
		}
		switch action := strings.Join(resource.Change.Actions, ","); {
		case action == "no-op":
		case action == "update" && resource.Type == "aws_vpc_security_group_egress_rule":
			for key, before := range resource.Change.Before {
				if after := resource.Change.After[key]; key != "tags_all" && fmt.Sprint(before) != fmt.Sprint(after) {
					return fmt.Errorf("%s: the plan changes %s from %v to %v", resource.Address, key, before, after)
				}
			}
		default:
			return fmt.Errorf("the plan would %s %s", action, resource.Address)
		}
	}
	return nil
}

var pushed = test{
	claim: "an image that was built and pushed is redeployed without Terraform",
	run: func(ctx context.Context, r *rig) error {
		environment, err := r.infrastructure(ctx)
		if err != nil {
			return err
		}
		commit := r.commit()
		slipway := dag.Slipway(r.options(commit))
		id, err := slipway.Build().Push(dagger.SlipwayBuildPushOpts{Environment: environment}).ID(ctx)
		if err != nil {
			return err
		}
		image := dag.LoadSlipwayImageFromID(dagger.SlipwayImageID(id))
		pushed, err := image.Digest(ctx)
		if err != nil {
			return err
		}
		return r.updates(ctx, 1, func() error {
			deployed, err := environment.Redeploy(dagger.SlipwayEnvironmentRedeployOpts{Image: image}).Digest(ctx)
			if err != nil {
				return err
			}
			if deployed != pushed {
				return fmt.Errorf("%s was pushed, and %s deployed", pushed, deployed)
			}
			return r.answers(ctx, commit)
		})
	},
}

// updates returns an error unless the service is updated this often meanwhile.
func (r *rig) updates(ctx context.Context, want int, meanwhile func() error) error {
	before, err := r.calls(ctx, "UpdateService")
	if err != nil {
		return err
	}
	if err := meanwhile(); err != nil {
		return err
	}
	after, err := r.calls(ctx, "UpdateService")
	if err != nil {
		return err
	}
	if got := after - before; got != want {
		return fmt.Errorf("there were %d calls of UpdateService, not %d", got, want)
	}
	return nil
}

// deploy runs the whole chain for a commit, once.
func (r *rig) deploy(ctx context.Context, commit string, options ...dagger.SlipwayDeployOpts) error {
	if _, err := r.infrastructure(ctx); err != nil {
		return err
	}
	outcome, err := dag.Slipway(r.options(commit)).Deploy(options...).Outcome(ctx)
	if err != nil {
		return err
	}
	if outcome != "succeeded" {
		return fmt.Errorf("the outcome is %q, and no error", outcome)
	}
	r.released = commit
	return r.answers(ctx, commit)
}

var twoDeployments = test{
	claim: "two deployments of two commits update the service twice, and each serves its own",
	run: func(ctx context.Context, r *rig) error {
		return r.updates(ctx, 2, func() error {
			if err := r.deploy(ctx, r.commit()); err != nil {
				return err
			}
			return r.deploy(ctx, r.commit())
		})
	},
}

var sameAgain = test{
	claim: "the same deployment again asks ECS again: nothing is replayed",
	run: func(ctx context.Context, r *rig) error {
		// Without force the second would find the release in service, and rightly leave it alone.
		commit, force := r.commit(), dagger.SlipwayDeployOpts{Force: true}
		return r.updates(ctx, 2, func() error {
			if err := r.deploy(ctx, commit, force); err != nil {
				return err
			}
			return r.deploy(ctx, commit, force)
		})
	},
}

var command = test{
	claim: "a one-off command writes what a visitor reads, each time that it is run",
	run: func(ctx context.Context, r *rig) error {
		if r.released == "" {
			if err := r.deploy(ctx, r.commit()); err != nil {
				return err
			}
		}
		environment := dag.Slipway(r.options(r.released)).Environment()
		before, err := r.calls(ctx, "RunTask")
		if err != nil {
			return err
		}
		write := []string{"manage", "create_post", "--title", "Written by a test"}
		for range 2 {
			if err := environment.Run(ctx, write); err != nil {
				return err
			}
		}
		after, err := r.calls(ctx, "RunTask")
		if err != nil {
			return err
		}
		if got := after - before; got != 2 {
			return fmt.Errorf("there were %d calls of RunTask, not 2", got)
		}
		page, err := r.visit(ctx, "/")
		if err != nil {
			return err
		}
		if err := contains(page, "Written by a test"); err != nil {
			return err
		}
		return fails(environment.Run(ctx, []string{"manage", "no_such_command"}), "no_such_command")
	},
}
