package lint

import (
	"slices"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// given are the variables that Slipway sets in every root module, whether it uses them or not.
var given = []string{"name", "environment", "region"}

// A variable that nothing refers to does nothing, whatever it is set to. Its own validation doesn't count.
func unusedVariables(m *module) []finding {
	used := map[string]bool{}
	for _, file := range m.configuration() {
		for _, block := range file.body.Blocks {
			own := ""
			if block.Type == "variable" && len(block.Labels) == 1 {
				own = block.Labels[0]
			}
			_ = hclsyntax.VisitAll(block.Body, func(node hclsyntax.Node) hcl.Diagnostics {
				traversal, ok := node.(*hclsyntax.ScopeTraversalExpr)
				if !ok || traversal.Traversal.RootName() != "var" || len(traversal.Traversal) < 2 {
					return nil
				}
				if name, ok := traversal.Traversal[1].(hcl.TraverseAttr); ok && name.Name != own {
					used[name.Name] = true
				}
				return nil
			})
		}
	}
	var found []finding
	for _, file := range m.configuration() {
		for _, variable := range file.blocks("variable") {
			if len(variable.Labels) != 1 || used[variable.Labels[0]] || m.root() && slices.Contains(given, variable.Labels[0]) {
				continue
			}
			found = append(found, file.at(variable.DefRange(), "nothing uses the variable %s", variable.Labels[0]))
		}
	}
	return found
}
