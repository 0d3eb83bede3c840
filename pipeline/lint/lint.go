// Package lint reads Terraform as text and finds what Terraform itself lets pass: versions that aren't pinned, images that
// aren't, secrets in plain sight, account ids and regions that belong into a variable, and variables that nothing uses.
//
// It needs neither Terraform nor a provider. It expects configuration that Terraform calls valid.
package lint

import (
	"cmp"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// rule is one thing to look for in a module.
type rule struct {
	name string
	// outcome is what a finding makes of the check: Refused, or Warned where there may be a good reason for it.
	outcome report.CheckOutcome
	find    func(*module) []finding
}

// rules, in the order in which they are shown.
var rules = []rule{
	{"unpinned-provider", report.Refused, unpinnedProviders},
	{"required-version", report.Refused, requiredVersion},
	{"latest-image", report.Refused, latestImages},
	{"plain-secret", report.Refused, plainSecrets},
	{"literal-credential", report.Refused, literalCredentials},
	{"unused-variable", report.Warned, unusedVariables},
	{"account-id", report.Warned, accountIDs},
	{"region", report.Warned, regions},
}

// finding is a place that a rule has something to say about.
type finding struct {
	file    string // below the root, "modules/network/main.tf"
	line    int
	message string
}

// module is a directory of Terraform files, or a directory with nothing but files of variables.
type module struct {
	path  string // below the root; "." is the root
	files []*file
}

// root says that the module is the one that Terraform runs in.
func (m *module) root() bool { return m.path == "." }

// configuration are the files with blocks.
func (m *module) configuration() []*file {
	return slices.DeleteFunc(slices.Clone(m.files), func(f *file) bool { return f.values })
}

// file is one .tf or .tfvars file.
type file struct {
	path    string // below the root
	content []byte
	body    *hclsyntax.Body
	values  bool // it gives variables their values
}

func (f *file) at(place hcl.Range, format string, args ...any) finding {
	return finding{file: f.path, line: place.Start.Line, message: fmt.Sprintf(format, args...)}
}

// Check looks at the root module in dir, at all modules in directories below it, and at the files of variables. It returns a
// check for each rule, and for each finding one that names the file and the line. A finding is accepted by a comment on its line
// or on the one before:
//
//	# slipway:ignore RULE why it is as it should be
func Check(dir string) ([]report.Check, error) {
	modules, err := read(dir)
	if err != nil {
		return nil, err
	}
	accepted := accepting(modules)
	var checks []report.Check
	for _, rule := range rules {
		var found []finding
		for _, module := range modules {
			found = append(found, rule.find(module)...)
		}
		count := len(found)
		found = slices.DeleteFunc(found, func(f finding) bool { return accepted.accepts(rule.name, f) })
		checks = append(checks, listed(rule.name, rule.outcome, found, count-len(found))...)
	}
	if complaints := accepted.complaints(); len(complaints) > 0 {
		checks = append(checks, listed("ignore", report.Refused, complaints, 0)...)
	}
	return checks, nil
}

// listed are the checks of one rule.
func listed(rule string, outcome report.CheckOutcome, found []finding, accepted int) []report.Check {
	if len(found) == 0 {
		check := report.Check{Subject: rule, Outcome: report.OK}
		if accepted > 0 {
			check.Reason = fmt.Sprintf("%d accepted by a comment", accepted)
		}
		return []report.Check{check}
	}
	slices.SortFunc(found, func(a, b finding) int {
		return cmp.Or(cmp.Compare(a.file, b.file), cmp.Compare(a.line, b.line), cmp.Compare(a.message, b.message))
	})
	var checks []report.Check
	for _, f := range slices.Compact(found) {
		checks = append(checks, report.Check{Subject: rule, Outcome: outcome, Reason: fmt.Sprintf("%s:%d: %s", f.file, f.line, f.message)})
	}
	return checks
}

// read parses all files below dir, by module. What tools leave behind begins with a dot and is passed over.
func read(dir string) ([]*module, error) {
	found := map[string]*module{}
	err := filepath.WalkDir(dir, func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			if name != dir && strings.HasPrefix(entry.Name(), ".") {
				return fs.SkipDir
			}
			return nil
		}
		values := strings.HasSuffix(entry.Name(), ".tfvars")
		if !values && !strings.HasSuffix(entry.Name(), ".tf") {
			return nil
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		below, err := filepath.Rel(dir, name)
		if err != nil {
			return err
		}
		below = filepath.ToSlash(below)
		parsed, diagnostics := hclsyntax.ParseConfig(content, below, hcl.InitialPos)
		if diagnostics.HasErrors() {
			first := diagnostics.Errs()[0]
			return &report.Failure{
				Reason: fmt.Sprintf("%s is not valid HCL", below), Evidence: []string{first.Error()},
				Effect: "nothing was changed", Next: "mend it; terraform fmt shows the place too",
			}
		}
		in := path.Dir(below)
		if found[in] == nil {
			found[in] = &module{path: in}
		}
		found[in].files = append(found[in].files, &file{path: below, content: content, body: parsed.Body.(*hclsyntax.Body), values: values})
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("read the Terraform in %s: %w", dir, err)
	}
	var modules []*module
	for _, m := range found {
		modules = append(modules, m)
	}
	slices.SortFunc(modules, func(a, b *module) int { return cmp.Compare(a.path, b.path) })
	return modules, nil
}

// blocks are the top-level blocks of a type.
func (f *file) blocks(kind string) []*hclsyntax.Block {
	var found []*hclsyntax.Block
	for _, block := range f.body.Blocks {
		if block.Type == kind {
			found = append(found, block)
		}
	}
	return found
}

func nested(body *hclsyntax.Body, kind string) []*hclsyntax.Block {
	var found []*hclsyntax.Block
	for _, block := range body.Blocks {
		if block.Type == kind {
			found = append(found, block)
		}
	}
	return found
}

// constant is the text that an expression is, without variables; false where it isn't.
func constant(expression hclsyntax.Expression) (string, bool) {
	value, diagnostics := expression.Value(nil)
	if diagnostics.HasErrors() || value.IsNull() || !value.IsKnown() || value.Type().FriendlyName() != "string" {
		return "", false
	}
	return value.AsString(), true
}

// text is one literal piece of a string, as it stands in a template between interpolations.
type text struct {
	value string
	place hcl.Range
}

// texts are the literal pieces of all strings below a node, except below those attributes that are for people to read.
func texts(node hclsyntax.Node) []text {
	var found []text
	prose := 0
	enter := func(node hclsyntax.Node) hcl.Diagnostics {
		if isProse(node) {
			prose++
		}
		if literal, ok := node.(*hclsyntax.LiteralValueExpr); ok && prose == 0 {
			if s, ok := constant(literal); ok {
				found = append(found, text{s, literal.SrcRange})
			}
		}
		return nil
	}
	exit := func(node hclsyntax.Node) hcl.Diagnostics {
		if isProse(node) {
			prose--
		}
		return nil
	}
	hclsyntax.Walk(node, walker{enter, exit})
	return found
}

func isProse(node hclsyntax.Node) bool {
	attribute, ok := node.(*hclsyntax.Attribute)
	return ok && (attribute.Name == "description" || attribute.Name == "error_message")
}

type walker struct {
	enter, exit func(hclsyntax.Node) hcl.Diagnostics
}

func (w walker) Enter(node hclsyntax.Node) hcl.Diagnostics { return w.enter(node) }
func (w walker) Exit(node hclsyntax.Node) hcl.Diagnostics  { return w.exit(node) }
