package infra

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/hashicorp/hcl/v2/hclwrite"
	"github.com/hashicorp/terraform-exec/tfexec"
	tfjson "github.com/hashicorp/terraform-json"
	"github.com/zclconf/go-cty/cty"

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
	// These are made anew: a revision is in nobody's way, and to import the version of a secret would bring its value into the state.
	"aws_ecs_task_definition":           {},
	"aws_secretsmanager_secret_version": {},
}

// importID returns what a planned resource is imported by: known is the id that Terraform reported, if it did. It is empty
// where that can't be told, or not before something else is in the state.
func importID(change *tfjson.ResourceChange, known string) string {
	after, _ := change.Change.After.(map[string]any)
	if after["value_wo_version"] != nil { // a parameter whose value is to be in no state, and would be
		return ""
	}
	forms, listed := importIDs[change.Type]
	if !listed {
		return known
	}
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

// Finder says what planned resources of a type, with these attributes, are imported by: none, or several where the attributes
// don't tell one from another. Looked says that it knows the type.
type Finder func(ctx context.Context, kind string, attributes map[string]any) (ids []string, looked bool, err error)

// Adopt has every plan from now on import what a killed apply created and Terraform hadn't written into the state. Created has
// the addresses that it was to create, with the ids of those that it reported; find is asked for others.
func (t *Terraform) Adopt(created map[string]string, find Finder) { t.created, t.find = created, find }

// ImportsFile lies in the root module while it is planned what is to be imported, and is no part of it.
const ImportsFile = "slipway-imports.tf"

// planAdopting saves a plan that imports what was created and is in no state, and says what that is. What is missing is what
// Terraform would create; of each of these that can be named, an import is tried. Then it is planned again, since what is
// imported makes known what others refer to, and what isn't there has to be created after all.
func (t *Terraform) planAdopting(ctx context.Context, target Target, file string) ([]byte, error) {
	defer t.removeImports()
	imports, document, err := t.imports(ctx, target, file)
	if err != nil {
		return nil, err
	}
	for _, address := range slices.Sorted(maps.Keys(imports)) {
		t.say(address + ": exists since then, and is to be imported")
	}
	read, err := plan.Read(bytes.NewReader(document))
	if err != nil {
		return nil, err
	}
	for _, line := range t.lost(read, imports) {
		t.say("warning: " + line)
	}
	return document, nil
}

// Import imports at once what Plan would import, for a run that plans something else: with a plan of nothing but that, which is
// saved to file and applied.
func (t *Terraform) Import(ctx context.Context, target Target, file string) error {
	defer t.removeImports()
	imports, _, err := t.imports(ctx, target, file)
	if err != nil || len(imports) == 0 {
		return err
	}
	var only []tfexec.PlanOption
	for _, address := range slices.Sorted(maps.Keys(imports)) {
		only = append(only, tfexec.Target(address))
		t.say(address + ": exists since then, and is imported")
	}
	quiet := *t
	quiet.say = func(string) {}
	document, err := quiet.savePlan(ctx, "plan", target, file, only...)
	if err != nil {
		return err
	}
	read, err := plan.Read(bytes.NewReader(document))
	if err != nil {
		return err
	}
	_, err = quiet.Apply(ctx, file, read, nil)
	return err
}

// imports finds what is to be imported, by address with the id, and the saved plan that does it. ImportsFile stays, for the
// caller to remove.
func (t *Terraform) imports(ctx context.Context, target Target, file string) (map[string]string, []byte, error) {
	quiet := *t
	quiet.say = func(string) {} // several plans are one piece of news
	if err := t.hideVariables(variables(target.Environment)); err != nil {
		return nil, nil, err
	}
	file, err := filepath.Abs(file)
	if err != nil {
		return nil, nil, fmt.Errorf("save the plan: %w", err)
	}
	ctx, cancel := t.within(ctx)
	defer cancel()
	imports, tried := map[string]string{}, map[string]string{}
	seen := maps.Clone(t.created) // with an id: it exists for certain
	for {
		if err := t.writeImports(imports); err != nil {
			return nil, nil, err
		}
		document, found, err := quiet.planOnce(ctx, "plan", target, file)
		if err != nil {
			if len(imports) == 0 || len(found) == 0 {
				return nil, nil, err
			}
			refute(imports, seen, found)
			continue
		}
		read, err := plan.Read(bytes.NewReader(document))
		if err != nil {
			return nil, nil, err
		}
		before, gone := len(tried), deleted(read)
		taken := t.others(read, imports)
		for _, change := range read.ResourceChanges {
			known, candidate := t.created[change.Address]
			if !candidate || change.Change == nil || !change.Change.Actions.Create() {
				continue
			}
			if tried[change.Address] != "" {
				continue
			}
			id, exists, err := t.importBy(ctx, change, known, taken)
			if err != nil {
				t.say("warning: " + err.Error())
			}
			if id == "" {
				continue
			}
			if exists {
				seen[change.Address] = id
			}
			if gone[change.Address] {
				if err := t.forget(ctx, change.Address); err != nil {
					return nil, nil, err
				}
			}
			imports[change.Address], tried[change.Address] = id, id
			taken[id] = true
		}
		if len(tried) == before {
			return imports, document, nil
		}
	}
}

// deleted are the addresses that the state has, of objects that the refresh did not find.
func deleted(read *tfjson.Plan) map[string]bool {
	addresses := map[string]bool{}
	for _, change := range read.ResourceDrift {
		if change.Change != nil && change.Change.Actions.Delete() {
			addresses[change.Address] = true
		}
	}
	return addresses
}

// forget takes an address out of the state whose object is gone, as in the midst of a replacement, so that another object can be
// imported in its place: Terraform passes over an import of an address that the state has, without a word.
func (t *Terraform) forget(ctx context.Context, address string) error {
	tf, err := t.command()
	if err != nil {
		return err
	}
	if err := tf.StateRm(ctx, address, tfexec.Lock(false)); err != nil { // the lock is the lease's holder's
		if cause := context.Cause(ctx); cause != nil {
			return interrupted("state rm", cause)
		}
		return (&report.Failure{
			Reason: fmt.Sprintf("%s is gone, and could not be taken out of the state to import what a killed apply made in its place", address),
			Effect: "the plan was not made",
			Next:   "plan or deploy once with credentials that may write the state",
		}).Because(errors.New(t.shown(err.Error())))
	}
	return nil
}

// importBy is importID for what is known or named by its attributes, and asks for what isn't: one alone that no other resource has
// is the one. Exists says that it was seen.
func (t *Terraform) importBy(ctx context.Context, change *tfjson.ResourceChange, known string, taken map[string]bool) (id string, exists bool, err error) {
	if known == "" && t.find != nil {
		attributes, _ := change.Change.After.(map[string]any)
		if ids, looked, err := t.find(ctx, change.Type, attributes); looked {
			free := slices.DeleteFunc(ids, func(id string) bool { return taken[id] })
			if err != nil || len(free) != 1 {
				return "", false, err
			}
			return free[0], true, nil
		}
	}
	return importID(change, known), known != "", nil
}

// others are the ids that resources have for certain: those in the state, those that a killed apply reported, and those that are to
// be imported.
func (t *Terraform) others(read *tfjson.Plan, imports map[string]string) map[string]bool {
	taken := map[string]bool{}
	for _, known := range []map[string]string{stateIDs(read), t.created, imports} {
		for _, id := range known {
			taken[id] = true
		}
	}
	return taken
}

// refute takes those imports away that Terraform's diagnostics speak of. Where they speak of none, it takes away those that nobody
// has seen, and then all: whatever the trouble is, the next plan will tell without them.
func refute(imports, seen map[string]string, found []diagnostic) {
	before := len(imports)
	maps.DeleteFunc(imports, func(address, _ string) bool {
		quoted := strconv.Quote(address)
		return slices.ContainsFunc(found, func(d diagnostic) bool {
			return d.Severity == "error" && (d.Address == address || strings.Contains(d.Detail, quoted))
		})
	})
	if len(imports) == before {
		maps.DeleteFunc(imports, func(address, _ string) bool { return seen[address] == "" })
	}
	if len(imports) == before {
		clear(imports)
	}
}

// writeImports writes the imports in Terraform's language:
// https://developer.hashicorp.com/terraform/language/block/import
func (t *Terraform) writeImports(imports map[string]string) error {
	var blocks bytes.Buffer
	for _, address := range slices.Sorted(maps.Keys(imports)) {
		fmt.Fprintf(&blocks, "import {\n  to = %s\n  id = %s\n}\n", address, hclwrite.TokensForValue(cty.StringVal(imports[address])).Bytes())
	}
	if err := os.WriteFile(filepath.Join(t.dir, ImportsFile), blocks.Bytes(), 0o600); err != nil {
		return fmt.Errorf("import what a killed apply created: %w", err)
	}
	return nil
}

func (t *Terraform) removeImports() { _ = os.Remove(filepath.Join(t.dir, ImportsFile)) }

// lost has a line for each resource that was created for certain, and that is neither in the state nor among the imports. What
// is made anew without harm is not worth a line.
func (t *Terraform) lost(plan *tfjson.Plan, imports map[string]string) []string {
	ids := stateIDs(plan)
	var lost []string
	for _, change := range plan.ResourceChanges {
		id := t.created[change.Address]
		if forms, listed := importIDs[change.Type]; id == "" || imports[change.Address] != "" || change.Change == nil || listed && len(forms) == 0 {
			continue
		}
		if change.Change.Actions.Create() || change.Change.Actions.Replace() && ids[change.Address] != id {
			lost = append(lost, fmt.Sprintf("%s: %s was created, and can't be imported; look whether it is there still, and import or delete it", change.Address, id))
		}
	}
	slices.Sort(lost)
	return lost
}

// stateIDs are the ids of what the state has, by address.
func stateIDs(plan *tfjson.Plan) map[string]string {
	ids := map[string]string{}
	if plan.PriorState != nil && plan.PriorState.Values != nil {
		collect(plan.PriorState.Values.RootModule, ids)
	}
	return ids
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
