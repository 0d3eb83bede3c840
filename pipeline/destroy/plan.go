// Package destroy takes an environment away: what holds data is counted, what would block Terraform is stopped or emptied,
// and what AWS still has afterwards is listed.
package destroy

import (
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws/arn"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/infra"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// Doomed is what of a plan that destroys has to be looked at before.
type Doomed struct {
	Repositories []Container
	Buckets      []Container
	Databases    []Database
	// Clusters and Services are ECS's names: of a service, its cluster's too.
	Clusters []string
	Services []Service
	// Secrets stay restorable for some days, or go at once; LogGroups are names.
	Secrets   []Secret
	LogGroups []Named
	// Protected are the resources whose deletion AWS refuses.
	Protected []string
}

// Named is a resource with the name that AWS knows it by.
type Named struct{ Address, Name string }

// Container is what has to be empty before it can be deleted, unless it is deleted with what is in it.
type Container struct {
	Named
	Force bool
}

// Database is an RDS instance or cluster. Snapshot is the final one's name, empty where none is made.
type Database struct {
	Named
	Engine   string
	GiB      int
	Cluster  bool
	Snapshot string
}

// Service is an ECS service.
type Service struct{ Cluster, Name string }

// Secret is a secret with the days that it can be restored for.
type Secret struct {
	Named
	Days int
}

// protection are the attributes by which AWS refuses a deletion, by Terraform's type.
var protection = map[string]string{
	"aws_db_instance":     "deletion_protection",
	"aws_rds_cluster":     "deletion_protection",
	"aws_docdb_cluster":   "deletion_protection",
	"aws_neptune_cluster": "deletion_protection",
	"aws_lb":              "enable_deletion_protection",
	"aws_alb":             "enable_deletion_protection",
	"aws_dynamodb_table":  "deletion_protection_enabled",
}

// Read reads what a plan destroys.
func Read(plan *tfjson.Plan) Doomed {
	var d Doomed
	for _, change := range plan.ResourceChanges {
		if change.Mode != tfjson.ManagedResourceMode || change.Change == nil || !change.Change.Actions.Delete() {
			continue
		}
		values, _ := change.Change.Before.(map[string]any)
		text := func(name string) string { value, _ := values[name].(string); return value }
		flag := func(name string) bool { value, _ := values[name].(bool); return value }
		number := func(name string) int { value, _ := values[name].(float64); return int(value) }
		if flag(protection[change.Type]) {
			d.Protected = append(d.Protected, change.Address)
		}
		named := func(name string) Named { return Named{change.Address, text(name)} }
		snapshot := text("final_snapshot_identifier")
		if flag("skip_final_snapshot") {
			snapshot = ""
		}
		switch change.Type {
		case "aws_ecr_repository":
			d.Repositories = append(d.Repositories, Container{named("name"), flag("force_delete")})
		case "aws_s3_bucket":
			d.Buckets = append(d.Buckets, Container{named("bucket"), flag("force_destroy")})
		case "aws_db_instance":
			d.Databases = append(d.Databases, Database{Named: named("identifier"), Engine: text("engine"), GiB: number("allocated_storage"), Snapshot: snapshot})
		case "aws_rds_cluster":
			d.Databases = append(d.Databases, Database{Named: named("cluster_identifier"), Engine: text("engine"), GiB: number("allocated_storage"), Snapshot: snapshot, Cluster: true})
		case "aws_ecs_cluster":
			d.Clusters = append(d.Clusters, text("name"))
		case "aws_ecs_service":
			d.Services = append(d.Services, Service{last(text("cluster")), text("name")})
		case "aws_secretsmanager_secret":
			d.Secrets = append(d.Secrets, Secret{Named{change.Address, text("name")}, number("recovery_window_in_days")})
		case "aws_cloudwatch_log_group":
			d.LogGroups = append(d.LogGroups, named("name"))
		}
	}
	return d
}

// last is what stands behind the last slash of an ARN, or the whole of a name.
func last(name string) string { return name[strings.LastIndex(name, "/")+1:] }

// Elsewhere returns a failure where the state has resources in another region than the one that was given. Terraform would
// look for them there, find none, and forget them without having destroyed anything.
func Elsewhere(resources []infra.StateResource, region string) error {
	var found []string
	for _, resource := range resources {
		value, _ := resource.Attributes["arn"].(string)
		parsed, err := arn.Parse(value)
		// IAM's ARNs, and those of S3's buckets, have no region.
		if err == nil && parsed.Region != "" && parsed.Region != region {
			found = append(found, fmt.Sprintf("%s is in %s", resource.Address, parsed.Region))
		}
	}
	if len(found) == 0 {
		return nil
	}
	return &report.Failure{
		Reason:   fmt.Sprintf("the state has %s in another region than %s", report.Plural(len(found), "resource"), region),
		Evidence: found[:min(len(found), 5)],
		Effect:   "nothing was changed",
		Next:     "give the region that the environment is in with --region",
	}
}

// Protection returns a failure that says how the protection is switched off.
func (d Doomed) Protection(environment string) error {
	if len(d.Protected) == 0 {
		return nil
	}
	return &report.Failure{
		Reason:   report.Plural(len(d.Protected), "resource") + " protected from deletion",
		Evidence: d.Protected,
		Effect:   "nothing was changed",
		Next: fmt.Sprintf("set deletion_protection = false in environments/%s.tfvars and apply that, then destroy again; "+
			"the final snapshot is made all the same (protect = false, which is for throw-away environments, would skip it)", environment),
	}
}

// Stays are the addresses that a state still has.
func Stays(resources []infra.StateResource) []string {
	var addresses []string
	for _, resource := range resources {
		addresses = append(addresses, resource.Address)
	}
	slices.Sort(addresses)
	return addresses
}

// Warnings say what can't be had back.
func (d Doomed) Warnings() []string {
	var warnings []string
	for _, database := range d.Databases {
		if database.Snapshot == "" {
			warnings = append(warnings, fmt.Sprintf("NO FINAL SNAPSHOT is made of the database %s: skip_final_snapshot is set, as for an environment that is thrown away. Its data can't be had back", database.Name))
		}
	}
	for _, secret := range d.Secrets {
		if secret.Days == 0 {
			warnings = append(warnings, fmt.Sprintf("the secret %s goes at once and can't be restored", secret.Name))
		}
	}
	return warnings
}
