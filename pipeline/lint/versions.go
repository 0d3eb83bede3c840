package lint

import (
	"maps"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// A provider without a version is whatever is newest on the day. The root module decides, so its constraint has to have an
// upper end; for a module below it a lower end is enough, which is what Terraform recommends.
//
// https://developer.hashicorp.com/terraform/language/providers/requirements#best-practices-for-provider-versions
func unpinnedProviders(m *module) []finding {
	required := map[string]bool{}
	var found []finding
	for _, file := range m.configuration() {
		for _, settings := range file.blocks("terraform") {
			for _, providers := range nested(settings.Body, "required_providers") {
				for _, name := range slices.Sorted(maps.Keys(providers.Body.Attributes)) {
					required[name] = true
					attribute := providers.Body.Attributes[name]
					version, has := versionOf(attribute.Expr)
					switch {
					case !has:
						found = append(found, file.at(attribute.NameRange, "the provider %s has no version", name))
					case m.root() && !bounded(version):
						found = append(found, file.at(attribute.NameRange, "the provider %s may be any version %s: give it an upper end, such as \"~> 6.34\"", name, version))
					}
				}
			}
		}
	}
	for _, file := range m.configuration() {
		for _, block := range file.body.Blocks {
			name, ok := providerOf(block)
			if !ok || required[name] {
				continue
			}
			required[name] = true
			found = append(found, file.at(block.DefRange(), "the provider %s has no entry in required_providers, and so no version", name))
		}
	}
	return found
}

// providerOf is the local name of the provider that a block uses.
func providerOf(block *hclsyntax.Block) (string, bool) {
	if len(block.Labels) == 0 {
		return "", false
	}
	switch block.Type {
	case "provider":
		return block.Labels[0], true
	case "resource", "data", "ephemeral":
		name, _, _ := strings.Cut(block.Labels[0], "_")
		if chosen, ok := block.Body.Attributes["provider"]; ok {
			if traversal, diagnostics := hcl.AbsTraversalForExpr(chosen.Expr); !diagnostics.HasErrors() {
				name = traversal.RootName()
			}
		}
		// terraform_data and terraform_remote_state are Terraform's own.
		return name, name != "terraform"
	}
	return "", false
}

// versionOf is the constraint of an entry in required_providers.
func versionOf(expression hclsyntax.Expression) (string, bool) {
	if version, ok := constant(expression); ok {
		return version, true // the short form of Terraform 0.12
	}
	object, ok := expression.(*hclsyntax.ObjectConsExpr)
	if !ok {
		return "", false
	}
	for _, item := range object.Items {
		if hcl.ExprAsKeyword(item.KeyExpr) == "version" {
			return constant(item.ValueExpr)
		}
	}
	return "", false
}

// bounded says whether a constraint has an upper end.
//
// https://developer.hashicorp.com/terraform/language/expressions/version-constraints
func bounded(constraint string) bool {
	return slices.ContainsFunc(strings.Split(constraint, ","), func(part string) bool {
		part = strings.TrimSpace(part)
		return part != "" && !strings.HasPrefix(part, ">") && !strings.HasPrefix(part, "!=")
	})
}

// A root module that doesn't say which Terraform it needs fails with an old one in a way that doesn't tell why.
func requiredVersion(m *module) []finding {
	if !m.root() {
		return nil
	}
	files := m.configuration()
	for _, file := range files {
		for _, settings := range file.blocks("terraform") {
			if _, ok := settings.Body.Attributes["required_version"]; ok {
				return nil
			}
		}
	}
	if len(files) == 0 {
		return nil
	}
	return []finding{files[0].at(hcl.Range{Start: hcl.InitialPos}, "the root module has no required_version")}
}
