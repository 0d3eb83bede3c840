package slipway_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path"
	"path/filepath"
	"strings"
	"testing"
)

// What the program's subcommands do outside. A subcommand that is missing here fails the test.
var (
	effects = []string{"bootstrap", "apply", "push", "redeploy", "rollback", "migrate", "fault", "run"}
	reads   = []string{"plan", "contract", "verify", "request", "status", "history"}
	neither = []string{"validate"}
)

// The engine remembers for seven days what a function returned, unless a pragma says otherwise: it would report a
// deployment that never happened. So every exported function through which an effect can be reached has to be marked, and
// every one that reads what moves outside.
func TestFunctionsAreNotReplayed(t *testing.T) {
	functions := parse(t)
	found := map[string]bool{}
	for name, f := range functions {
		if !f.exported {
			continue
		}
		reached := f.reach(functions, map[string]bool{})
		want := ""
		for subcommand := range reached {
			found[subcommand] = true
			switch {
			case in(effects, subcommand):
				want = "never"
			case in(reads, subcommand) && want == "":
				want = "session"
			case !in(reads, subcommand) && !in(neither, subcommand):
				t.Errorf("%s runs the subcommand %q, which this test does not know", name, subcommand)
			}
		}
		if got := f.pragma; got != want && !(want == "session" && got == "never") && !(want == "" && got != "") {
			t.Errorf("%s: cache pragma %q, and it reaches %v, which wants %q", name, got, keys(reached), want)
		}
	}
	for _, subcommand := range append(effects, reads...) {
		if !found[subcommand] {
			t.Errorf("no exported function reaches %q: does this test still see the calls?", subcommand)
		}
	}
}

type function struct {
	exported bool
	pragma   string
	runs     []string // subcommands it hands to perform
	calls    []string // names of this package's functions and methods that it may call
}

// reach collects the subcommands that a function runs, itself or through others. Names stand for every function and
// method of that name, which can only find too much.
func (f function) reach(all map[string]function, seen map[string]bool) map[string]bool {
	reached := map[string]bool{}
	for _, subcommand := range f.runs {
		reached[subcommand] = true
	}
	for _, call := range f.calls {
		if seen[call] {
			continue
		}
		seen[call] = true
		for name, other := range all {
			if name[strings.LastIndexByte(name, '.')+1:] == call {
				for subcommand := range other.reach(all, seen) {
					reached[subcommand] = true
				}
			}
		}
	}
	return reached
}

func parse(t *testing.T) map[string]function {
	t.Helper()
	files, err := filepath.Glob(".dagger/*.go")
	if err != nil {
		t.Fatal(err)
	}
	functions := map[string]function{}
	for _, name := range files {
		if filepath.Base(name) == "dagger.gen.go" {
			continue
		}
		file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ParseComments)
		if err != nil {
			t.Fatal(err)
		}
		imported := map[string]bool{}
		for _, spec := range file.Imports {
			imported[path.Base(strings.Trim(spec.Path.Value, `"`))] = true
		}
		for _, declaration := range file.Decls {
			if f, ok := declaration.(*ast.FuncDecl); ok {
				functions[fullName(f)] = inspect(f, imported)
			}
		}
	}
	if len(functions) == 0 {
		t.Fatal("no functions found")
	}
	return functions
}

func fullName(f *ast.FuncDecl) string {
	if f.Recv == nil {
		return f.Name.Name
	}
	switch receiver := f.Recv.List[0].Type.(type) {
	case *ast.StarExpr:
		return receiver.X.(*ast.Ident).Name + "." + f.Name.Name
	case *ast.Ident:
		return receiver.Name + "." + f.Name.Name
	}
	return f.Name.Name
}

func inspect(declaration *ast.FuncDecl, imported map[string]bool) function {
	f := function{exported: declaration.Name.IsExported() && declaration.Recv != nil}
	for line := range strings.Lines(declaration.Doc.Text()) {
		if value, ok := strings.CutPrefix(strings.TrimSpace(line), "+cache="); ok {
			f.pragma = strings.Trim(value, `"`)
		}
	}
	ast.Inspect(declaration.Body, func(node ast.Node) bool {
		switch n := node.(type) {
		case *ast.CallExpr:
			if callee, ok := n.Fun.(*ast.Ident); ok && callee.Name == "perform" && len(n.Args) > 2 {
				if literal, ok := n.Args[2].(*ast.BasicLit); ok {
					f.runs = append(f.runs, strings.Trim(literal.Value, `"`))
				} else {
					f.runs = append(f.runs, "a value that is no literal")
				}
			}
			if callee, ok := n.Fun.(*ast.Ident); ok {
				f.calls = append(f.calls, callee.Name)
			}
		case *ast.SelectorExpr: // a method's call, or its value handed on
			if of, ok := n.X.(*ast.Ident); !ok || !imported[of.Name] {
				f.calls = append(f.calls, n.Sel.Name)
			}
		}
		return true
	})
	return f
}

func in(list []string, s string) bool {
	for _, item := range list {
		if item == s {
			return true
		}
	}
	return false
}

func keys(m map[string]bool) []string {
	var list []string
	for key := range m {
		list = append(list, key)
	}
	return list
}
