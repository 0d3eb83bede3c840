package cost

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
)

// target is a resource that an attribute's expression comes down to.
type target struct {
	// address is without keys: "module.network.aws_subnet.public".
	address string
	// keys are those that the expression picks, and empty where it takes all instances.
	keys []string
}

// targets follows an attribute that has no value yet through the configuration, across variables and outputs of modules, to the
// resources of one type. Locals are not in a plan: what goes through one isn't found.
//
// https://developer.hashicorp.com/terraform/internals/json-format#expression-representation
func (r *resource) targets(attribute, kind string) []target {
	path := calls(r.change.ModuleAddress)
	module := r.module(path)
	if module == nil {
		return nil
	}
	f := follower{resource: r, kind: kind, seen: map[string]bool{}, found: map[string]map[string]bool{}}
	for _, configured := range module.Resources {
		if configured != nil && configured.Mode == tfjson.ManagedResourceMode && configured.Type == r.change.Type && configured.Name == r.change.Name {
			f.follow(path, configured.Expressions[attribute])
		}
	}
	var targets []target
	for _, address := range slices.Sorted(maps.Keys(f.found)) {
		targets = append(targets, target{address, slices.Sorted(maps.Keys(f.found[address]))})
	}
	return targets
}

// referenced is how many instances of a type of resource an attribute without a value refers to; 0 where that can't be told.
func (r *resource) referenced(attribute, kind string) int64 {
	var sum int64
	for _, target := range r.targets(attribute, kind) {
		if len(target.keys) > 0 {
			sum += int64(len(target.keys))
			continue
		}
		modules := map[string]bool{}
		for _, change := range r.types[kind] {
			if configured(change) != target.address {
				continue
			}
			side := change.Change.Before
			if r.after {
				side = change.Change.After
			}
			if side != nil {
				modules[change.ModuleAddress] = true
				sum++
			}
		}
		if len(modules) > 1 {
			return 0 // which copy of the module is meant, the configuration doesn't tell
		}
	}
	return sum
}

type follower struct {
	*resource
	kind  string
	seen  map[string]bool
	found map[string]map[string]bool
}

func (f follower) follow(path []string, expression *tfjson.Expression) {
	if expression == nil || expression.ExpressionData == nil {
		return
	}
	for _, reference := range expression.References {
		at := strings.Join(path, ".") + " " + reference
		if f.seen[at] {
			continue
		}
		f.seen[at] = true
		first, rest, _ := strings.Cut(reference, ".")
		switch first {
		case "var":
			if len(path) == 0 {
				continue
			}
			parent, call := path[:len(path)-1], path[len(path)-1]
			if module := f.module(parent); module != nil && module.ModuleCalls[call] != nil {
				f.follow(parent, module.ModuleCalls[call].Expressions[word(rest)])
			}
		case "module":
			name, output, _ := strings.Cut(keys.ReplaceAllString(rest, ""), ".")
			child := append(slices.Clone(path), name)
			if module := f.module(child); module != nil && module.Outputs[word(output)] != nil {
				f.follow(child, module.Outputs[word(output)].Expression)
			}
		case f.kind:
			address := addressOf(path) + f.kind + "." + word(rest)
			if f.found[address] == nil {
				f.found[address] = map[string]bool{}
			}
			if key := keys.FindString(rest); key != "" && strings.HasPrefix(rest, word(rest)+key) {
				f.found[address][key] = true
			}
		}
	}
}

// keys are what picks an instance out of several: [0], ["eu-central-1a"].
var keys = regexp.MustCompile(`\[("([^"\\]|\\.)*"|[0-9]+)\]`)

// word is the first name of a reference: "subnet_ids" of "subnet_ids[0]".
func word(reference string) string {
	if end := strings.IndexAny(reference, ".["); end >= 0 {
		return reference[:end]
	}
	return reference
}

// calls are the names of the module calls that lead to a module: "module.a[0].module.b" is a, b.
func calls(address string) []string {
	var names []string
	for i, part := range strings.Split(keys.ReplaceAllString(address, ""), ".") {
		if i%2 == 1 {
			names = append(names, part)
		}
	}
	return names
}

func addressOf(path []string) string {
	address := ""
	for _, name := range path {
		address += "module." + name + "."
	}
	return address
}

// configured is where a resource stands in the configuration: its address without keys.
func configured(change *tfjson.ResourceChange) string {
	return addressOf(calls(change.ModuleAddress)) + change.Type + "." + change.Name
}

func (e *estimate) module(path []string) *tfjson.ConfigModule {
	if e.plan.Config == nil {
		return nil
	}
	module := e.plan.Config.RootModule
	for _, name := range path {
		if module == nil || module.ModuleCalls[name] == nil {
			return nil
		}
		module = module.ModuleCalls[name].Module
	}
	return module
}
