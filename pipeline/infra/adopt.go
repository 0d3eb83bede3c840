package infra

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/terraform-exec/tfexec"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/plan"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// importIDs are what "terraform import" takes as the id of resource types whose id follows from their own attributes, which
// {attribute} stands for. Each is in the section "Import" of the resource's page below
// https://registry.terraform.io/providers/hashicorp/aws/6.34.0/docs. Every other type is imported by its id.
var importIDs = map[string][]string{
	"aws_cloudwatch_log_group":       {"{name}"},
	"aws_db_instance":                {"{identifier}"},
	"aws_db_parameter_group":         {"{name}"},
	"aws_db_subnet_group":            {"{name}"},
	"aws_dynamodb_table":             {"{name}"},
	"aws_ecr_lifecycle_policy":       {"{repository}"},
	"aws_ecr_repository":             {"{name}"},
	"aws_ecs_cluster":                {"{name}"},
	"aws_ecs_service":                {"{cluster}/{name}"},
	"aws_iam_instance_profile":       {"{name}"},
	"aws_iam_role":                   {"{name}"},
	"aws_iam_role_policy":            {"{role}:{name}"},
	"aws_iam_role_policy_attachment": {"{role}/{policy_arn}"},
	"aws_iam_user":                   {"{name}"},
	"aws_kms_alias":                  {"{name}"},
	"aws_lambda_function":            {"{function_name}"},
	"aws_rds_cluster":                {"{cluster_identifier}"},
	"aws_rds_cluster_instance":       {"{identifier}"},
	"aws_route":                      {"{route_table_id}_{destination_cidr_block}", "{route_table_id}_{destination_ipv6_cidr_block}", "{route_table_id}_{destination_prefix_list_id}"},
	"aws_route_table_association":    {"{subnet_id}/{route_table_id}", "{gateway_id}/{route_table_id}"},
	"aws_s3_bucket":                  {"{bucket}"},
	"aws_s3_object":                  {"{bucket}/{key}"},
	"aws_ssm_parameter":              {"{name}"},
	// By its ARN, which is not its id. Another apply registers another revision, and none is in the way.
	"aws_ecs_task_definition": {},
}

// importID returns what a planned resource is imported by: known is the id that Terraform reported, if it did. It is empty
// where that can't be told, or not before something else is in the state.
func importID(change *tfjson.ResourceChange, known string) string {
	forms, listed := importIDs[change.Type]
	if !listed {
		return known
	}
	after, _ := change.Change.After.(map[string]any)
	for _, form := range forms {
		if id, ok := fill(form, after); ok {
			return id
		}
	}
	return ""
}

// fill puts attributes into a form; all of them have to be known.
func fill(form string, attributes map[string]any) (string, bool) {
	var id strings.Builder
	for {
		text, rest, found := strings.Cut(form, "{")
		id.WriteString(text)
		if !found {
			return id.String(), true
		}
		name, after, _ := strings.Cut(rest, "}")
		value, _ := attributes[name].(string)
		if value == "" {
			return "", false
		}
		if name == "cluster" { // an ARN or a name; the import wants the name
			value = value[strings.LastIndexByte(value, '/')+1:]
		}
		id.WriteString(value)
		form = after
	}
}

// Adopt takes into the state what a killed apply created and Terraform hadn't written down yet. Created has the addresses
// that it was to create, with the ids of those that it reported. It returns the addresses that were taken in, and a line for
// each that was certainly created and could not be.
//
// What is missing is what Terraform would create now. Each of these is imported if there is such an object, and the rest is
// left for Terraform to create. Then it is planned again, since what was imported makes known what others refer to.
func (t *Terraform) Adopt(ctx context.Context, target Target, created map[string]string) (adopted, lost []string, err error) {
	ctx, cancel := t.within(ctx)
	defer cancel()
	dir, err := os.MkdirTemp("", "slipway-adopt-")
	if err != nil {
		return nil, nil, fmt.Errorf("look for what a killed apply created: %w", err)
	}
	defer os.RemoveAll(dir)
	quiet := *t
	quiet.say = func(string) {} // a plan is no news here
	var found *tfjson.Plan
	tried := map[string]string{} // by address, with what it was imported by
	for again := true; again; {
		again = false
		// With a look at what there is: what was destroyed and is in the state still would not be created.
		document, err := quiet.savePlan(ctx, "plan", target, filepath.Join(dir, "plan"))
		if err != nil {
			return adopted, nil, err
		}
		if found, err = plan.Read(bytes.NewReader(document)); err != nil {
			return adopted, nil, err
		}
		for _, change := range found.ResourceChanges {
			known, candidate := created[change.Address]
			if !candidate || change.Change == nil || !change.Change.Actions.Create() {
				continue
			}
			id := importID(change, known)
			if id == "" || tried[change.Address] == id {
				continue
			}
			tried[change.Address] = id
			ok, err := quiet.adopt(ctx, target, change.Address, id)
			if err != nil {
				return adopted, nil, err
			}
			if ok {
				adopted = append(adopted, change.Address)
				again = true
				t.say(change.Address + ": exists, and was taken into the state") // at once: each takes Terraform some seconds
			}
		}
		again = again && len(adopted) < len(created)
	}
	return adopted, lostIDs(found, created, adopted), nil
}

// adopt imports one resource, if there is one. An object that the state has and AWS hasn't makes room.
func (t *Terraform) adopt(ctx context.Context, target Target, address, id string) (bool, error) {
	for _, room := range []bool{false, true} {
		tf, err := t.command()
		if err != nil {
			return false, err
		}
		err = tf.Import(ctx, address, id,
			tfexec.Lock(false), tfexec.VarFile(variables(target.Environment)),
			tfexec.Var("name="+target.Name), tfexec.Var("environment="+target.Environment), tfexec.Var("region="+target.Region),
		)
		switch {
		case err == nil:
			return true, nil
		case context.Cause(ctx) != nil:
			return false, interrupted("import", context.Cause(ctx))
		case !room && strings.Contains(err.Error(), "Resource already managed by Terraform"):
			if err := tf.StateRm(ctx, address, tfexec.Lock(false)); err != nil {
				return false, t.failed("state rm", nil, err)
			}
		case refused.MatchString(err.Error()):
			return false, (&report.Failure{Reason: "what a killed apply created can't be taken into the state with these credentials: " + address}).Because(ErrRefused)
		default:
			// There is no such object, which each resource type says in its own way.
			return false, nil
		}
	}
	return false, nil
}

// ErrRefused is returned by Adopt where the credentials may not read the object or not write the state, like those of a role
// that may only plan.
var ErrRefused = errors.New("access is denied")

// refused is how AWS and Terraform's backend say so.
var refused = regexp.MustCompile(`AccessDenied|UnauthorizedOperation|not authorized|ExpiredToken|writing state|[Ff]ailed to (save|persist|upload) state`)

// lostIDs has a line for each resource that was created for certain and that is neither in the state nor imported.
func lostIDs(plan *tfjson.Plan, created map[string]string, adopted []string) []string {
	ids := map[string]string{}
	if plan.PriorState != nil && plan.PriorState.Values != nil {
		collect(plan.PriorState.Values.RootModule, ids)
	}
	var lost []string
	for address, id := range created {
		if id == "" || slices.Contains(adopted, address) {
			continue
		}
		if _, inState := ids[address]; inState && !replaced(plan, address) {
			continue
		}
		if ids[address] != id {
			lost = append(lost, fmt.Sprintf("%s: %s was created and could not be taken into the state; look whether it is there still, and import or delete it", address, id))
		}
	}
	slices.Sort(lost)
	return lost
}

// replaced says whether the plan still wants another object at the address.
func replaced(plan *tfjson.Plan, address string) bool {
	return slices.ContainsFunc(plan.ResourceChanges, func(change *tfjson.ResourceChange) bool {
		return change.Address == address && change.Change != nil && change.Change.Actions.Replace()
	})
}

func collect(module *tfjson.StateModule, ids map[string]string) {
	if module == nil {
		return
	}
	for _, resource := range module.Resources {
		id, _ := resource.AttributeValues["id"].(string)
		ids[resource.Address] = id
	}
	for _, child := range module.ChildModules {
		collect(child, ids)
	}
}
