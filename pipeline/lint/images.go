package lint

import (
	"regexp"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// jsonImage is an image in a container definition that is written as text.
var jsonImage = regexp.MustCompile(`"image"\s*:\s*"([^"$]+)"`)

// An image without a tag, or with the tag latest, is another one tomorrow. Images stand in arguments and object keys called
// image, in variables whose names end so, and in container definitions that are written as text.
func latestImages(m *module) []finding {
	var found []finding
	for _, file := range m.files {
		look := func(name string, expression hclsyntax.Expression) {
			if name != "image" && !strings.HasSuffix(name, "_image") {
				return
			}
			reference, ok := ending(expression)
			if !ok {
				return
			}
			if complaint := moving(reference); complaint != "" {
				found = append(found, file.at(expression.Range(), "the image %s %s: give it a tag that stays, or a digest", reference, complaint))
			}
		}
		_ = hclsyntax.VisitAll(file.body, func(node hclsyntax.Node) hcl.Diagnostics {
			switch node := node.(type) {
			case *hclsyntax.Attribute:
				look(node.Name, node.Expr)
			case *hclsyntax.ObjectConsExpr:
				for _, item := range node.Items {
					if key, ok := item.KeyExpr.Value(nil); !ok.HasErrors() && key.Type().FriendlyName() == "string" && !key.IsNull() && key.IsKnown() {
						look(key.AsString(), item.ValueExpr)
					}
				}
			case *hclsyntax.Block:
				if node.Type == "variable" && len(node.Labels) == 1 {
					if initial, ok := node.Body.Attributes["default"]; ok {
						look(node.Labels[0], initial.Expr)
					}
				}
			}
			return nil
		})
		for _, piece := range texts(file.body) {
			for _, match := range jsonImage.FindAllStringSubmatch(piece.value, -1) {
				if complaint := moving(match[1]); complaint != "" {
					found = append(found, file.at(piece.place, "the image %s %s: give it a tag that stays, or a digest", match[1], complaint))
				}
			}
		}
	}
	return found
}

// ending is a reference as far as it decides on the tag: all of a constant, and of a template the literal end, where that holds
// a tag. What a variable brings can't be told here.
func ending(expression hclsyntax.Expression) (string, bool) {
	if whole, ok := constant(expression); ok {
		return whole, whole != ""
	}
	template, ok := expression.(*hclsyntax.TemplateExpr)
	if !ok || len(template.Parts) == 0 {
		return "", false
	}
	end, ok := constant(template.Parts[len(template.Parts)-1])
	return end, ok && strings.Contains(end, ":")
}

// moving says what is wrong with a reference to an image, and is empty for one that stays.
func moving(reference string) string {
	if strings.Contains(reference, "@sha256:") {
		return ""
	}
	// A port stands before the last slash: registry:5000/app.
	_, tag, tagged := strings.Cut(reference[strings.LastIndexByte(reference, '/')+1:], ":")
	switch {
	case !tagged:
		return "has no tag"
	case tag == "latest":
		return "has the tag latest"
	}
	return ""
}
