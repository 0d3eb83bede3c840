// Package guard reads a Terraform plan and stops what can't be undone: the loss of what holds data, protection and backups
// that are switched off, and what is opened to everybody. It knows the resources of the AWS provider; what a plan does to
// those of other providers it doesn't judge.
//
// The plan is the one of terraform show -json: https://developer.hashicorp.com/terraform/internals/json-format
package guard

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// The rules, as findings name them.
const (
	// Data is the loss of what holds data.
	Data = "data"
	// Protection is a safeguard against loss that is switched off.
	Protection = "protection"
	// Storage is a store that shrinks.
	Storage = "storage"
	// Backups are backups and versions that end.
	Backups = "backups"
	// Port is a port for administrators or databases that is opened to the world.
	Port = "port"
	// Public is a bucket, a database or a snapshot that is opened to everybody.
	Public = "public"
	// EngineVersion is a change of a database's engine or of its major version.
	EngineVersion = "engine version"
	// RunningTaskDefinition is a plan that takes over what a service runs, which is the pipeline's.
	RunningTaskDefinition = "running task definition"
)

// rules in the order in which an address's findings are listed. A rule gets one resource's change and fills in what it
// finds of it; Check adds the rest.
var rules = []func(planned, change) []report.Finding{
	lost,
	settings,
	removedSafeguards,
	openedPorts,
	publicBuckets,
	engineVersions,
	runningTaskDefinitions,
}

// Check returns what the plan does that has to be allowed by name (Stops), what nobody may allow (Never) and what a person
// should know of (Noted), in the plan's order.
func Check(p *tfjson.Plan) []report.Finding {
	var findings []report.Finding
	all := read(p)
	for _, c := range all.changes {
		for _, rule := range rules {
			for _, finding := range rule(all, c) {
				finding.Address, finding.Type, finding.Action = printable(c.Address), c.Type, c.action()
				finding.Deposed = printable(c.DeposedKey)
				if finding.Verdict == "" {
					finding.Verdict = report.Stops
				}
				findings = append(findings, finding)
			}
		}
	}
	return findings
}

// Addresses are those that have to be allowed by name, each once.
func Addresses(findings []report.Finding) []string {
	var addresses []string
	for _, finding := range findings {
		named := finding.Verdict == report.Stops || finding.Verdict == report.Allowed
		if named && !slices.Contains(addresses, finding.Address) {
			addresses = append(addresses, finding.Address)
		}
	}
	return addresses
}

// instance is the address of one resource instance. Names are identifiers as Terraform has them, and a key is a number or
// a quoted string: https://developer.hashicorp.com/terraform/cli/state/resource-addressing
var instance = regexp.MustCompile(`^(module\.` + name + key + `\.)*` + name + `\.` + name + key + `$`)

const (
	name = `[\p{L}_][\p{L}\p{N}_-]*`
	key  = `(\[(\d+|"([^"\\]|\\.)*")\])?`
)

// Named are addresses as people give them, with keys in double quotes. A key may stand in single ones: Dagger's command line
// reads a list as CSV, where a double quote is something else.
func Named(addresses []string) []string {
	named := make([]string, len(addresses))
	for i, address := range addresses {
		if named[i] = address; !strings.Contains(address, `"`) {
			named[i] = strings.NewReplacer("['", `["`, "']", `"]`).Replace(address)
		}
	}
	return named
}

// Argument is an address as an argument, for a shell and for Dagger's command line, where that is possible.
func Argument(address string) string {
	if strings.Contains(address, `"`) && !strings.ContainsAny(address, "'\\$`!,") {
		return `"` + strings.ReplaceAll(address, `"`, "'") + `"`
	}
	return "'" + strings.ReplaceAll(address, "'", `'\''`) + "'"
}

// Refuse stops a plan with findings that allowed doesn't name. It marks those that are named as Allowed: one address allows
// all that happens at it. Only whole addresses count; what isn't one is an error, even where nothing was found.
func Refuse(findings []report.Finding, allowed []string) error {
	for _, address := range allowed {
		if !instance.MatchString(address) {
			return unclear(address)
		}
	}
	var never []string
	var stopped []report.Finding
	for i := range findings {
		switch finding := &findings[i]; {
		case finding.Verdict == report.Never:
			never = append(never, finding.Address)
		case finding.Verdict == report.Stops && slices.Contains(allowed, finding.Address):
			finding.Verdict = report.Allowed
		case finding.Verdict == report.Stops:
			stopped = append(stopped, *finding)
		}
	}
	switch {
	case len(never) > 0:
		return &report.Failure{
			Reason:   "the guard refuses the plan: it would change the task definition that a service runs",
			Evidence: never,
			Effect:   "nothing was applied",
			Next:     "put lifecycle { ignore_changes = [task_definition, desired_count] } into the aws_ecs_service: the pipeline sets both",
		}
	case len(stopped) > 0:
		return &report.Failure{
			Reason:   "the guard refuses the plan: " + counted(stopped),
			Evidence: append(lines(stopped), Unused(findings, allowed)...),
			Effect:   "nothing was applied",
			Next:     "if that is meant, name each one:" + flags(Addresses(stopped)),
		}
	}
	return nil
}

// Unused has a sentence for each allowed address at which there was nothing to allow: a slip of the pen, or a permission
// that was left behind. It is no failure, so that an apply that broke off half-way can be repeated as it was.
func Unused(findings []report.Finding, allowed []string) []string {
	var sentences []string
	found := Addresses(findings)
	for _, address := range allowed {
		if !slices.Contains(found, address) {
			sentences = append(sentences, fmt.Sprintf(
				"--allow-destroy %s allows nothing: the guard stops at no such address; leave it out, or correct it", printable(address)))
		}
	}
	return sentences
}

func unclear(address string) error {
	f := &report.Failure{
		Reason: fmt.Sprintf("--allow-destroy %s is not the address of one resource", printable(address)),
		Effect: "nothing was changed",
		Next:   `give the whole address, as the guard prints it, in quotes: --allow-destroy "module.data.aws_s3_bucket.this['a']"`,
	}
	if strings.ContainsAny(address, "*?") {
		f.Reason = fmt.Sprintf("--allow-destroy %s is a pattern; every address has to be named", printable(address))
		f.Next = ""
	}
	return f
}

// counted says what was found in a clause.
func counted(findings []report.Finding) string {
	data := len(Addresses(slices.DeleteFunc(slices.Clone(findings), func(f report.Finding) bool { return f.Rule != Data })))
	others := len(Addresses(findings)) - data
	holding := fmt.Sprintf("it destroys or replaces %d resources that hold data", data)
	if data == 1 {
		holding = "it destroys or replaces 1 resource that holds data"
	}
	switch {
	case others == 0:
		return holding
	case data == 0:
		return fmt.Sprintf("it makes %s less safe", report.Plural(others, "resource"))
	default:
		return fmt.Sprintf("%s, and makes %s less safe", holding, report.Plural(others, "resource"))
	}
}

// mostLines is how many findings a failure lists, and how many addresses. The result has all of them.
const mostLines = 50

func lines(findings []report.Finding) []string {
	var list []string
	for i, finding := range findings {
		if i == mostLines {
			return append(list, fmt.Sprintf("and %d more", len(findings)-i))
		}
		list = append(list, finding.Address+": "+finding.Sentence())
	}
	return list
}

func flags(addresses []string) string {
	var b strings.Builder
	for i, address := range addresses {
		if i == mostLines {
			fmt.Fprintf(&b, " and %d more", len(addresses)-i)
			break
		}
		b.WriteString(" --allow-destroy " + Argument(address))
	}
	return b.String()
}
