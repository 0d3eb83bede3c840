package infra

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// change is one resource of a saved plan, as terraform show -json writes it.
func change(address, kind, actions string, more ...string) string {
	mode := "managed"
	if strings.HasPrefix(address, "data.") {
		mode = "data"
	}
	return `{"address": "` + strings.ReplaceAll(address, `"`, `\"`) + `", "mode": "` + mode + `", "type": "` + kind + `", "name": "this",
		"change": {"actions": [` + actions + `], "after": {"password": "a-generated-password"}` + strings.Join(more, "") + `}}`
}

func savedPlan(t *testing.T, changes ...string) *tfjson.Plan {
	t.Helper()
	var plan tfjson.Plan
	document := `{"format_version": "1.2", "terraform_version": "1.11.4", "resource_changes": [` + strings.Join(changes, ",") + `]}`
	if err := json.Unmarshal([]byte(document), &plan); err != nil {
		t.Fatal(err)
	}
	return &plan
}

const (
	create  = `"create"`
	update  = `"update"`
	destroy = `"delete"`
	replace = `"delete", "create"`
	before  = `"create", "delete"` // create_before_destroy
	read    = `"read"`
	noOp    = `"no-op"`
	forget  = `"forget"`
)

func TestGuarded(t *testing.T) {
	database := "module.database.aws_db_instance.this"
	tests := map[string]struct {
		change string
		want   []string
	}{
		"a database that is destroyed":                           {change(database, "aws_db_instance", destroy), []string{database}},
		"a database that is replaced":                            {change(database, "aws_db_instance", replace), []string{database}},
		"a database whose successor is made first":               {change(database, "aws_db_instance", before), []string{database}},
		"a database that is made":                                {change(database, "aws_db_instance", create), nil},
		"a database that is updated":                             {change(database, "aws_db_instance", update), nil},
		"a database that nothing happens to":                     {change(database, "aws_db_instance", noOp), nil},
		"a database that Terraform lets go of":                   {change(database, "aws_db_instance", forget), nil},
		"a repository with its images":                           {change("aws_ecr_repository.this", "aws_ecr_repository", destroy), []string{"aws_ecr_repository.this"}},
		"a secret":                                               {change("aws_secretsmanager_secret.this", "aws_secretsmanager_secret", replace), []string{"aws_secretsmanager_secret.this"}},
		"the logs":                                               {change("aws_cloudwatch_log_group.this", "aws_cloudwatch_log_group", destroy), []string{"aws_cloudwatch_log_group.this"}},
		"a rule that can be made again":                          {change("aws_vpc_security_group_egress_rule.this", "aws_vpc_security_group_egress_rule", replace), nil},
		"a data source of that type, which Terraform only reads": {change("data.aws_db_instance.this", "aws_db_instance", read), nil},
		"a data source that leaves the state":                    {change("data.aws_db_instance.this", "aws_db_instance", destroy), nil},
		"one of several":                                         {change("aws_s3_bucket.a", "aws_s3_bucket", noOp) + "," + change("aws_s3_bucket.b", "aws_s3_bucket", destroy), []string{"aws_s3_bucket.b"}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			if diff := cmp.Diff(test.want, Guarded(savedPlan(t, test.change))); diff != "" {
				t.Errorf("guarded (-want +got):\n%s", diff)
			}
		})
	}
}

// service is the change of a service from one task definition to another.
func service(address, from, to, unknown string) string {
	return `{"address": "` + address + `", "mode": "managed", "type": "aws_ecs_service", "name": "this", "change": {"actions": ["update"],
		"before": {"task_definition": ` + from + `}, "after": {"task_definition": ` + to + `}, "after_unknown": {"task_definition": ` + unknown + `}}}`
}

func TestGuard(t *testing.T) {
	moves := &report.Failure{
		Reason:   "the guard refuses the plan: it would change the task definition that a service runs",
		Evidence: []string{"aws_ecs_service.this"},
		Effect:   "nothing was applied",
		Next:     "put lifecycle { ignore_changes = [task_definition, desired_count] } into the aws_ecs_service: the pipeline sets both",
	}
	bucket, database := `aws_s3_bucket.this["a"]`, "aws_db_instance.this"
	both := []string{change(bucket, "aws_s3_bucket", destroy), change(database, "aws_db_instance", replace)}
	tests := map[string]struct {
		changes []string
		allowed []string
		want    *report.Failure
	}{
		"nothing is lost":               {changes: []string{change(database, "aws_db_instance", create)}},
		"both are named":                {changes: both, allowed: []string{database, bucket}},
		"a name that nothing stands by": {changes: nil, allowed: []string{database}},
		"none is named": {changes: both, want: &report.Failure{
			Reason:   "the guard refuses the plan: it destroys or replaces 2 resources that hold data",
			Evidence: []string{bucket, database},
			Effect:   "nothing was applied",
			Next:     `if that is meant, name each one: --allow-destroy 'aws_s3_bucket.this["a"]' --allow-destroy 'aws_db_instance.this'`,
		}},
		"one is named, the other is refused": {changes: both, allowed: []string{bucket}, want: &report.Failure{
			Reason:   "the guard refuses the plan: it destroys or replaces 1 resources that hold data",
			Evidence: []string{database},
			Effect:   "nothing was applied",
			Next:     "if that is meant, name each one: --allow-destroy 'aws_db_instance.this'",
		}},
		"the beginning of an address is no address": {changes: both[:1], allowed: []string{"aws_s3_bucket.this"}, want: &report.Failure{
			Reason:   "the guard refuses the plan: it destroys or replaces 1 resources that hold data",
			Evidence: []string{bucket},
			Effect:   "nothing was applied",
			Next:     `if that is meant, name each one: --allow-destroy 'aws_s3_bucket.this["a"]'`,
		}},
		"a service would run the template": {
			changes: []string{service("aws_ecs_service.this", `"blog:41"`, `"blog:42"`, `false`)}, allowed: []string{"aws_ecs_service.this"}, want: moves,
		},
		"a service would run a template that is not there yet": {changes: []string{service("aws_ecs_service.this", `"blog:41"`, `null`, `true`)}, want: moves},
		"a service keeps what it runs":                         {changes: []string{service("aws_ecs_service.this", `"blog:41"`, `"blog:41"`, `false`)}},
		"a service is made":                                    {changes: []string{change("aws_ecs_service.this", "aws_ecs_service", create)}},
		"a pattern is refused even where nothing is lost": {allowed: []string{"aws_db_instance.*"}, want: &report.Failure{
			Reason: "--allow-destroy aws_db_instance.* is a pattern; every address has to be named",
			Effect: "nothing was changed",
		}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			err := Guard(savedPlan(t, test.changes...), test.allowed)
			failure, _ := errors.AsType[*report.Failure](err)
			if diff := cmp.Diff(test.want, failure, cmp.AllowUnexported(report.Failure{})); diff != "" {
				t.Errorf("failure (-want +got):\n%s", diff)
			}
		})
	}
}
