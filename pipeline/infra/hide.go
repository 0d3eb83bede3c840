package infra

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclparse"
	"github.com/zclconf/go-cty/cty"

	"github.com/slipway-ci/slipway/pipeline/redact"
)

// Hide keeps values out of every line that is said and every failure that is returned from here on. Terraform keeps what is
// sensitive out of its own messages, but passes on what a provider or a provisioner says.
func (t *Terraform) Hide(values *redact.Values) { t.hidden = append(t.hidden, values) }

func (t *Terraform) shown(text string) string {
	for _, values := range t.hidden {
		text = values.Replace(text)
	}
	return redact.Patterns(text)
}

// hideVariables hides the values of the root module's sensitive variables: those in a file of variables, in TF_VAR_NAME, and
// their defaults. A file that is not valid is left to Terraform, which says what is wrong with it.
func (t *Terraform) hideVariables(file string) error {
	files, err := filepath.Glob(filepath.Join(t.dir, "*.tf"))
	if err != nil {
		return fmt.Errorf("list the Terraform files of %s: %w", t.dir, err)
	}
	known := &redact.Values{}
	parser := hclparse.NewParser()
	given := hcl.Attributes{}
	if content, _ := parser.ParseHCLFile(filepath.Join(t.dir, file)); content != nil && content.Body != nil {
		given, _ = content.Body.JustAttributes()
	}
	for _, file := range files {
		content, _ := parser.ParseHCLFile(file)
		if content == nil || content.Body == nil {
			continue
		}
		blocks, _, _ := content.Body.PartialContent(&hcl.BodySchema{Blocks: []hcl.BlockHeaderSchema{{Type: "variable", LabelNames: []string{"name"}}}})
		for _, block := range blocks.Blocks {
			attributes, _ := block.Body.JustAttributes()
			if sensitive := valueOf(attributes["sensitive"]); sensitive == cty.NilVal || sensitive.Type() != cty.Bool || sensitive.False() {
				continue
			}
			known.Add(os.Getenv("TF_VAR_" + block.Labels[0]))
			known.Add(texts(valueOf(attributes["default"]))...)
			known.Add(texts(valueOf(given[block.Labels[0]]))...)
		}
	}
	t.Hide(known)
	return nil
}

// valueOf is an attribute's value, if it is there and written out.
func valueOf(attribute *hcl.Attribute) cty.Value {
	if attribute == nil {
		return cty.NilVal
	}
	value, diagnostics := attribute.Expr.Value(nil)
	if diagnostics.HasErrors() || !value.IsWhollyKnown() || value.IsNull() {
		return cty.NilVal
	}
	return value
}

// texts are the strings in a value.
func texts(value cty.Value) []string {
	var found []string
	if value == cty.NilVal {
		return nil
	}
	_ = cty.Walk(value, func(_ cty.Path, v cty.Value) (bool, error) { // the callback returns no error
		if v.Type() == cty.String && !v.IsNull() {
			found = append(found, v.AsString())
		}
		return true, nil
	})
	return found
}
