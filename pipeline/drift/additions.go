package drift

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// What may be put beside a resource without Terraform seeing it: rules of a security group and policies of a role are
// resources of their own, and a further one is in nobody's state. The group and the role do list them, as attributes that
// no configuration sets, and so that no apply sets back.
var lists = map[string][]string{
	"aws_security_group": {"ingress", "egress"},
	"aws_iam_role":       {"inline_policy", "managed_policy_arns"},
}

// owned are the attributes of a resource in which additions looks for what nobody holds. Where the configuration sets one,
// Terraform sees to it itself.
func owned(config *tfjson.Config, change *tfjson.ResourceChange) []string {
	return slices.DeleteFunc(slices.Clone(lists[change.Type]), func(attribute string) bool {
		return sets(config, change.Address, attribute)
	})
}

// sets says whether the configuration sets an attribute of the resource.
func sets(config *tfjson.Config, address, attribute string) bool {
	if config == nil {
		return false
	}
	module, parts := config.RootModule, split(address)
	for len(parts) > 2 && parts[0] == "module" {
		if module == nil || module.ModuleCalls[parts[1]] == nil {
			return false
		}
		module, parts = module.ModuleCalls[parts[1]].Module, parts[2:]
	}
	if module == nil {
		return false
	}
	for _, resource := range module.Resources {
		if resource.Address == strings.Join(parts, ".") {
			_, set := resource.Expressions[attribute]
			return set
		}
	}
	return false
}

// held is a resource as the plan found it.
type held struct {
	address, kind string
	values        map[string]any
}

// additions are rules of security groups and policies of roles that no resource of Terraform holds. They are looked for in
// all that the plan read, whether the list has changed or not: once an apply has written the longer list down, Terraform
// takes it for what it was.
func additions(plan *tfjson.Plan) []report.DriftedResource {
	var resources []held
	known := map[string]bool{}
	for _, change := range plan.ResourceChanges {
		if change.Mode != tfjson.ManagedResourceMode || change.Change == nil {
			continue
		}
		// What there is before the apply, refreshed; nothing of what the apply will make.
		values, ok := change.Change.Before.(map[string]any)
		if !ok {
			continue
		}
		resource := held{change.Address, change.Type, values}
		resources = append(resources, resource)
		for _, key := range resource.keys() {
			known[key] = true
		}
	}
	var found []report.DriftedResource
	for _, resource := range resources {
		addition := report.DriftedResource{
			Address: resource.address, Kind: "added", Identifiers: identifiers(resource.values),
			Next: "leaves it: no resource of Terraform holds it. Remove it by hand, or take it into the configuration",
		}
		for _, attribute := range lists[resource.kind] {
			if sets(plan.Config, resource.address, attribute) {
				continue
			}
			for _, part := range resource.parts(attribute) {
				if !known[part.key] {
					addition.Changes = append(addition.Changes, report.AttributeChange{Path: attribute, After: part.shown})
				}
			}
		}
		if len(addition.Changes) > 0 {
			found = append(found, addition)
		}
	}
	return found
}

// part is one rule or policy: key says whose and what it is, and is the same for the list's entry and for the resource.
type part struct{ key, shown string }

// parts are the rules and policies that a group or a role lists under an attribute.
func (h held) parts(attribute string) []part {
	var found []part
	values := h.values
	owner := text(values, "id")
	for _, entry := range list(values, attribute) {
		switch attribute {
		case "managed_policy_arns":
			arn, _ := entry.(string)
			found = append(found, part{key("policy", text(values, "name"), arn), arn})
		case "inline_policy":
			policy, _ := entry.(map[string]any)
			if name := text(policy, "name"); name != "" {
				found = append(found, part{key("inline", text(values, "name"), name), "the inline policy " + name})
			}
		default:
			block, _ := entry.(map[string]any)
			for _, source := range sources(block, owner) {
				found = append(found, rule(owner, attribute, block, source))
			}
		}
	}
	return found
}

// keys are those of the rules and policies that a resource of Terraform is.
func (h held) keys() []string {
	values := h.values
	switch h.kind {
	case "aws_vpc_security_group_ingress_rule", "aws_vpc_security_group_egress_rule":
		direction := strings.Split(strings.TrimPrefix(h.kind, "aws_vpc_security_group_"), "_")[0]
		source := cmp.Or(text(values, "cidr_ipv4"), text(values, "cidr_ipv6"), text(values, "prefix_list_id"), text(values, "referenced_security_group_id"))
		return []string{rule(text(values, "security_group_id"), direction, values, source).key}
	case "aws_security_group_rule":
		var keys []string
		group := text(values, "security_group_id")
		from := sources(values, group)
		if source := text(values, "source_security_group_id"); source != "" {
			from = append(from, source)
		}
		for _, source := range from {
			keys = append(keys, rule(group, text(values, "type"), values, source).key)
		}
		return keys
	case "aws_iam_role_policy_attachment":
		return []string{key("policy", text(values, "role"), text(values, "policy_arn"))}
	case "aws_iam_role_policy":
		return []string{key("inline", text(values, "role"), text(values, "name"))}
	case "aws_iam_role_policies_exclusive", "aws_iam_role_policy_attachments_exclusive":
		var keys []string
		for _, attribute := range []string{"policy_names", "policy_arns"} {
			for _, entry := range list(values, attribute) {
				name, _ := entry.(string)
				keys = append(keys, key(map[string]string{"policy_names": "inline", "policy_arns": "policy"}[attribute], text(values, "role_name"), name))
			}
		}
		return keys
	}
	return nil
}

// sources are what a rule's block admits: ranges, prefix lists and groups.
func sources(block map[string]any, owner string) []string {
	var found []string
	for _, attribute := range []string{"cidr_blocks", "ipv6_cidr_blocks", "prefix_list_ids", "security_groups"} {
		for _, entry := range list(block, attribute) {
			if source, ok := entry.(string); ok {
				found = append(found, source)
			}
		}
	}
	if self, _ := block["self"].(bool); self {
		found = append(found, owner)
	}
	return found
}

func rule(group, direction string, block map[string]any, source string) part {
	protocol, from, to := text(block, "ip_protocol"), port(block, "from_port"), port(block, "to_port")
	protocol = cmp.Or(protocol, text(block, "protocol"))
	if number, ok := protocols[protocol]; ok {
		protocol = number
	}
	ports := fmt.Sprintf("%d-%d", from, to)
	if from == to {
		ports = fmt.Sprint(from)
	}
	// Ports mean nothing where all protocols are let through; one of the two resources has them as null, the other as 0.
	shown := protocol + " " + ports
	if protocol == "-1" || protocol == "all" {
		protocol, ports, shown = "-1", "", "everything"
	}
	preposition := "from"
	if direction == "egress" {
		preposition = "to"
	}
	// A group of another account has the account before it.
	if i := strings.LastIndex(source, "/sg-"); i >= 0 {
		source = source[i+1:]
	}
	return part{key(group, direction, protocol, ports, source), shown + " " + preposition + " " + source}
}

// protocols are the numbers of those that AWS knows by name:
// https://docs.aws.amazon.com/AWSEC2/latest/APIReference/API_IpPermission.html
var protocols = map[string]string{"6": "tcp", "17": "udp", "1": "icmp", "58": "icmpv6"}

func key(parts ...string) string { return strings.Join(parts, " ") }

func text(values map[string]any, name string) string {
	value, _ := values[name].(string)
	return value
}

func port(values map[string]any, name string) int {
	value, _ := values[name].(float64)
	return int(value)
}

func list(values map[string]any, name string) []any {
	value, _ := values[name].([]any)
	return value
}
