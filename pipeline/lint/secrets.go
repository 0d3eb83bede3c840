package lint

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// secretName is a name whose value is a secret. It has to end so: secret_arn and password_version are none. A value of type bool
// or number isn't one either, which the callers see to.
var secretName = regexp.MustCompile(`(?i)(^|_)(password|passwd|passphrase|secret|secret_string|token|api_?key|private_?key|secret_?key|credentials?)(_wo)?$`)

// A variable for a secret has to be sensitive, or its value is on the screen, in the plan and in the log; and without a default,
// or it is in the repository, like a literal given to an argument.
func plainSecrets(m *module) []finding {
	var found []finding
	for _, file := range m.files {
		if !file.values {
			for _, variable := range file.blocks("variable") {
				found = append(found, secretVariable(file, variable)...)
			}
		}
		_ = hclsyntax.VisitAll(file.body, func(node hclsyntax.Node) hcl.Diagnostics {
			switch node := node.(type) {
			case *hclsyntax.Attribute:
				if value, ok := constant(node.Expr); ok && value != "" && secretName.MatchString(node.Name) {
					found = append(found, file.at(node.NameRange, "%s is given here as text: it belongs into Secrets Manager", node.Name))
				}
			case *hclsyntax.ObjectConsExpr:
				for _, item := range node.Items {
					key, literal := constant(item.KeyExpr)
					value, ok := constant(item.ValueExpr)
					if literal && ok && value != "" && secretName.MatchString(key) {
						found = append(found, file.at(item.KeyExpr.Range(), "%s is given here as text: it belongs into Secrets Manager", key))
					}
				}
			}
			return nil
		})
	}
	return found
}

func secretVariable(file *file, variable *hclsyntax.Block) []finding {
	if len(variable.Labels) != 1 || !secretName.MatchString(variable.Labels[0]) {
		return nil
	}
	name, attributes := variable.Labels[0], variable.Body.Attributes
	if kind, ok := attributes["type"]; ok && slices.Contains([]string{"bool", "number"}, hcl.ExprAsKeyword(kind.Expr)) {
		return nil
	}
	var found []finding
	if !on(attributes["sensitive"]) && !on(attributes["ephemeral"]) {
		found = append(found, file.at(variable.DefRange(), "the variable %s looks like a secret: make it sensitive or ephemeral", name))
	}
	if initial, ok := attributes["default"]; ok {
		if value, diagnostics := initial.Expr.Value(nil); !diagnostics.HasErrors() && !value.IsNull() {
			if s, ok := constant(initial.Expr); !ok || s != "" {
				found = append(found, file.at(initial.NameRange, "the variable %s looks like a secret and has a default, which is in the repository", name))
			}
		}
	}
	return found
}

func on(attribute *hclsyntax.Attribute) bool {
	if attribute == nil {
		return false
	}
	value, diagnostics := attribute.Expr.Value(nil)
	return !diagnostics.HasErrors() && !value.IsNull() && value.IsKnown() && value.Type().FriendlyName() == "bool" && value.True()
}

// Credentials that are recognised by their form, wherever they stand. What was found is never repeated.
var credentials = map[string]*regexp.Regexp{
	// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html#identifiers-unique-ids
	"the id of an AWS access key": regexp.MustCompile(`\b(AKIA|ASIA)[A-Z2-7]{16}\b`),
	"a private key":               regexp.MustCompile(`-----BEGIN ([A-Z]+ )*PRIVATE KEY-----`),
	// https://github.blog/engineering/platform-security/behind-githubs-new-authentication-token-formats/
	"a GitHub token": regexp.MustCompile(`\b(gh[pousr]_[A-Za-z0-9]{36,}|github_pat_[A-Za-z0-9_]{22,})\b`),
}

func literalCredentials(m *module) []finding {
	var found []finding
	for _, file := range m.files {
		for i, line := range bytes.Split(file.content, []byte("\n")) {
			for _, what := range slices.Sorted(maps.Keys(credentials)) {
				// AWS's own documentation ends its examples so.
				if match := credentials[what].Find(line); match != nil && !strings.HasSuffix(string(match), "EXAMPLE") {
					found = append(found, finding{file: file.path, line: i + 1, message: "here stands " + what + ": take it out, and make a new one, for this one is known"})
				}
			}
		}
	}
	return found
}
