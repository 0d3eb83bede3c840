package infra

import (
	"fmt"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// holdsData are the resource types whose destruction loses what nobody can make again.
var holdsData = []string{
	"aws_db_instance",
	"aws_rds_cluster",
	"aws_rds_cluster_instance",
	"aws_s3_bucket",
	"aws_efs_file_system",
	"aws_dynamodb_table",
	"aws_kms_key",
	"aws_secretsmanager_secret",
	"aws_ecr_repository",
	"aws_cloudwatch_log_group",
	"aws_eip",
	"aws_route53_zone",
}

// Guarded returns the addresses of resources with data that the plan destroys or replaces.
func Guarded(plan *tfjson.Plan) []string {
	var addresses []string
	for _, change := range plan.ResourceChanges {
		if change.Mode != tfjson.ManagedResourceMode || change.Change == nil {
			continue
		}
		lost := change.Change.Actions.Delete() || change.Change.Actions.Replace()
		if lost && slices.Contains(holdsData, change.Type) {
			addresses = append(addresses, change.Address)
		}
	}
	return addresses
}

// moved lists the services whose running task definition the plan would change. Terraform owns the template and the
// pipeline what runs: with this plan the service would start the template, whose image does not exist.
func moved(plan *tfjson.Plan) []string {
	var services []string
	for _, change := range plan.ResourceChanges {
		if change.Mode != tfjson.ManagedResourceMode || change.Type != "aws_ecs_service" || change.Change == nil || !change.Change.Actions.Update() {
			continue
		}
		before, _ := change.Change.Before.(map[string]any)
		after, _ := change.Change.After.(map[string]any)
		unknown, _ := change.Change.AfterUnknown.(map[string]any)
		if before["task_definition"] != after["task_definition"] || unknown["task_definition"] == true {
			services = append(services, change.Address)
		}
	}
	return services
}

// Guard refuses a plan that destroys or replaces something that holds data, unless each address is named in allowed, and
// one that would change what a service runs.
func Guard(plan *tfjson.Plan, allowed []string) error {
	if services := moved(plan); len(services) > 0 {
		return &report.Failure{
			Reason:   "the guard refuses the plan: it would change the task definition that a service runs",
			Evidence: services,
			Effect:   "nothing was applied",
			Next:     "put lifecycle { ignore_changes = [task_definition, desired_count] } into the aws_ecs_service: the pipeline sets both",
		}
	}
	for _, address := range allowed {
		if strings.Contains(address, "*") {
			return &report.Failure{
				Reason: fmt.Sprintf("--allow-destroy %s is a pattern; every address has to be named", address),
				Effect: "nothing was changed",
			}
		}
	}
	var refused []string
	for _, address := range Guarded(plan) {
		if !slices.Contains(allowed, address) {
			refused = append(refused, address)
		}
	}
	if len(refused) == 0 {
		return nil
	}
	next := "if that is meant, name each one:"
	for _, address := range refused {
		next += " --allow-destroy '" + address + "'"
	}
	return &report.Failure{
		Reason:   fmt.Sprintf("the guard refuses the plan: it destroys or replaces %d resources that hold data", len(refused)),
		Evidence: refused,
		Effect:   "nothing was applied",
		Next:     next,
	}
}
