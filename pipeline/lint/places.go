package lint

import (
	"regexp"

	"github.com/hashicorp/hcl/v2/hclsyntax"
)

// An account in an ARN or in the host name of a registry.
//
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html
var account = regexp.MustCompile(`\barn:aws[a-z-]*:[a-z0-9-]*:[a-z0-9-]*:([0-9]{12})\b|\b([0-9]{12})\.dkr\.ecr\.`)

// What holds an account's id works in no other account. Files of variables are for what differs between environments.
func accountIDs(m *module) []finding {
	var found []finding
	for _, file := range m.configuration() {
		for _, piece := range texts(file.body) {
			if match := account.FindStringSubmatch(piece.value); match != nil {
				found = append(found, file.at(piece.place, "the account %s is written out: take it from aws_caller_identity or a variable", match[1]+match[2]))
			}
		}
	}
	return found
}

// A region, or a zone in it: "eu-central-1", "us-gov-west-1a".
var region = regexp.MustCompile(`\b[a-z]{2}(-gov|-iso[a-z]?)?-(central|north|south|east|west|northeast|northwest|southeast|southwest)-[0-9][a-z]?\b`)

// What names a region works in no other one. A variable may have one as its default, a backend takes no variables, and a provider
// with an alias is there for another region than the others'.
func regions(m *module) []finding {
	var found []finding
	for _, file := range m.configuration() {
		for _, block := range file.body.Blocks {
			if block.Type == "variable" || block.Type == "provider" && block.Body.Attributes["alias"] != nil {
				continue
			}
			var parts []hclsyntax.Node
			for _, attribute := range block.Body.Attributes {
				parts = append(parts, attribute)
			}
			for _, inner := range block.Body.Blocks {
				if block.Type != "terraform" || inner.Type != "backend" {
					parts = append(parts, inner)
				}
			}
			for _, part := range parts {
				for _, piece := range texts(part) {
					if match := region.FindString(piece.value); match != "" {
						found = append(found, file.at(piece.place, "the region %s is written out: take it from aws_region or a variable", match))
					}
				}
			}
		}
	}
	return found
}
