//go:build rehearsal

package rehearsal

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/google/go-cmp/cmp"
)

// The environment that all tests share goes here, so this file's name is the last.
func TestDestroyLeavesNothingBillable(t *testing.T) {
	environmentOf(t)
	destroy := func(args ...string) ran {
		return must(shared.slipway(t.Context(), append([]string{"destroy", "--infrastructure", shared.terraform}, args...)...))(t)
	}
	subject := name + "-" + environment
	addresses := []string{
		"module.database.aws_db_instance.this", `module.network.aws_eip.nat["eu-central-1a"]`, "module.secrets.aws_secretsmanager_secret.this",
		"module.service.aws_cloudwatch_log_group.this", "module.service.aws_ecr_repository.this",
	}
	allowed := []string{"--confirm", subject}
	for _, address := range addresses {
		allowed = append(allowed, "--allow-destroy", address)
	}

	refusals := map[string]struct {
		args []string
		want []string
	}{
		"nothing is confirmed": {nil, []string{
			"the destruction of " + subject + " has to be confirmed", "NO FINAL SNAPSHOT is made of the database " + subject,
			"next: if all of that is to go: slipway destroy --confirm " + subject + " --allow-destroy 'module.database.aws_db_instance.this'",
		}},
		"another environment is confirmed":      {[]string{"--confirm", name + "-prod"}, []string{"--confirm blog-prod is not the environment that would be destroyed, " + subject}},
		"nothing that holds data is named":      {[]string{"--confirm", subject}, append([]string{"the guard refuses the plan"}, addresses...)},
		"the environment is in no other region": {[]string{"--confirm", subject, "--region", "us-east-1"}, []string{"slipway-state-000000000000-us-east-1 does not exist"}},
		"the state lies elsewhere":              {[]string{"--confirm", subject, "--state-bucket", shared.elsewhere(t)}, []string{"its state lies elsewhere", "--state-bucket"}},
	}
	for sentence, test := range refusals {
		t.Run(sentence, func(t *testing.T) {
			before, mark := shared.look(t), shared.record.now(t)
			ended := destroy(test.args...)
			if ended.status != 1 {
				t.Errorf("exit status %d, not 1", ended.status)
			}
			holds(t, ended.output, test.want...)
			holds(t, ended.output, "nothing was ") // changed, or applied
			if changes := changing(shared.record.since(t, mark)); len(changes) > 0 {
				t.Errorf("something was changed: %q", changes)
			}
			if diff := cmp.Diff(before, shared.look(t)); diff != "" {
				t.Errorf("the environment (-before +after):\n%s", diff)
			}
		})
	}

	// A one-off task, in which nobody's run waits any more: it would keep the cluster from being deleted.
	tasks := ecs.NewFromConfig(shared.aws)
	must(tasks.RunTask(t.Context(), &ecs.RunTaskInput{Cluster: &subject, TaskDefinition: aws.String(shared.look(t).Running)}))(t)

	ended := destroy(allowed...)
	if ended.status != 0 {
		t.Fatalf("destroy ended with %d:\n%s", ended.status, ended.output)
	}
	down := ended.result.Teardown
	if len(down.Stays) > 0 || down.Gone < 40 {
		t.Errorf("%d resources are gone, and these stay: %v", down.Gone, down.Stays)
	}
	if len(down.Leftovers) > 0 {
		t.Errorf("left: %v", down.Leftovers)
	}
	if revisions := must(tasks.ListTaskDefinitions(t.Context(), &ecs.ListTaskDefinitionsInput{}))(t).TaskDefinitionArns; len(revisions) > 0 {
		t.Errorf("revisions are left: %v", revisions)
	}
	left := must(ssm.NewFromConfig(shared.aws).GetParametersByPath(t.Context(), &ssm.GetParametersByPathInput{
		Path: aws.String("/slipway/" + name + "/" + environment), Recursive: aws.Bool(true),
	}))(t)
	for _, parameter := range left.Parameters { // the contract, the record of migrations
		t.Errorf("the parameter %s is left", *parameter.Name)
	}
	// The emulator doesn't know the call that lists retained backups, which is said.
	if n := strings.Count(ended.output, "could not look for"); n != 1 {
		t.Errorf("%d things could not be looked for, not one:\n%s", n, ended.output)
	}
	holds(t, ended.output, "1 service scaled down, ", "could not look for retained backups (rds:DescribeDBInstanceAutomatedBackups)")
	if containers := strings.TrimSpace(string(must(shared.emulator.Exec(t.Context(), "docker", "ps", "--quiet"))(t))); containers != "" {
		t.Errorf("containers run: %s", containers)
	}

	again := destroy(allowed...)
	if again.status != 0 {
		t.Errorf("again, destroy ended with %d", again.status)
	}
	holds(t, again.output, "nothing to destroy: the state s3://"+bucket)
}

// elsewhere makes a state bucket that has nothing of the environment.
func (r *rig) elsewhere(t *testing.T) string {
	t.Helper()
	name := bucket + "-elsewhere"
	if made := must(r.slipway(t.Context(), "bootstrap", "--state-bucket", name))(t); made.status != 0 {
		t.Fatalf("bootstrap ended with %d:\n%s", made.status, made.output)
	}
	return name
}
