package lint

import (
	"fmt"
	"slices"
	"strings"

	"github.com/hashicorp/hcl/v2"
	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// acceptances are the comments that accept a finding, by file.
type acceptances map[string][]*acceptance

type acceptance struct {
	line         int
	rule, reason string
	used         bool
}

// mark begins a comment that accepts a finding.
const mark = "slipway:ignore"

func accepting(modules []*module) acceptances {
	found := acceptances{}
	for _, module := range modules {
		for _, file := range module.files {
			tokens, _ := hclsyntax.LexConfig(file.content, file.path, hcl.InitialPos) // it was parsed before
			for _, token := range tokens {
				if token.Type != hclsyntax.TokenComment {
					continue
				}
				comment := strings.TrimSpace(strings.TrimRight(strings.TrimLeft(string(token.Bytes), "#/* \t"), "*/ \t\r\n"))
				rest, ok := strings.CutPrefix(comment, mark)
				if !ok {
					continue
				}
				rule, reason, _ := strings.Cut(strings.TrimSpace(rest), " ")
				found[file.path] = append(found[file.path], &acceptance{line: token.Range.Start.Line, rule: rule, reason: strings.TrimSpace(reason)})
			}
		}
	}
	return found
}

// accepts says whether a comment with a reason stands at a finding, on its line or on the one before.
func (a acceptances) accepts(rule string, f finding) bool {
	accepted := false
	for _, comment := range a[f.file] {
		if comment.rule == rule && comment.reason != "" && (comment.line == f.line || comment.line == f.line-1) {
			comment.used, accepted = true, true
		}
	}
	return accepted
}

// complaints are about comments that accept nothing: they would hide a later finding, or hide none although somebody thinks so.
func (a acceptances) complaints() []finding {
	var names []string
	for _, rule := range rules {
		names = append(names, rule.name)
	}
	var found []finding
	for file, comments := range a {
		for _, comment := range comments {
			complaint := ""
			switch {
			case !slices.Contains(names, comment.rule):
				complaint = fmt.Sprintf("there is no rule %q; there are %s", comment.rule, strings.Join(names, ", "))
			case comment.reason == "":
				complaint = fmt.Sprintf("say why %s is accepted, behind the rule's name", comment.rule)
			case !comment.used:
				complaint = fmt.Sprintf("there is no finding of %s here to accept", comment.rule)
			default:
				continue
			}
			found = append(found, finding{file: file, line: comment.line, message: complaint})
		}
	}
	return found
}
