package guard

import (
	"fmt"
	"strconv"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// why says in a sentence for what reason Terraform destroys, replaces or forgets the resource, and with which values where
// they decide. The reasons are those of https://developer.hashicorp.com/terraform/internals/json-format#plan-representation.
func (c change) why() (string, []report.FindingValue) {
	sentence, values := c.reason()
	if c.PreviousAddress != "" {
		sentence += ", after its move from " + printable(c.PreviousAddress)
	}
	return sentence, values
}

func (c change) reason() (string, []report.FindingValue) {
	if c.forgets() && !c.destroys() { // with the reason of a destruction
		return "a removed block tells Terraform to forget it", nil
	}
	forcing := c.forcing()
	switch c.ActionReason {
	case tfjson.ActionReasonDeleteBecauseNoResourceConfig:
		return "the configuration has no resource block for it any more", nil
	case tfjson.ActionReasonDeleteBecauseNoModule:
		return fmt.Sprintf("its module %s is no longer declared", printable(c.ModuleAddress)), nil
	case tfjson.ActionReasonDeleteBecauseWrongRepetition:
		if c.Index == nil {
			return "it has no key, and its resource block has count or for_each now", nil
		}
		return fmt.Sprintf("its key %s isn't one that its resource block could have now", c.key()), nil
	case tfjson.ActionReasonDeleteBecauseCountIndex:
		return fmt.Sprintf("its index %s is beyond the count of its resource block", c.key()), nil
	case tfjson.ActionReasonDeleteBecauseEachKey:
		return fmt.Sprintf("its key %s is no longer in for_each", c.key()), nil
	case tfjson.ActionReasonDeleteBecauseNoMoveTarget:
		return "a moved block leads to an address that has no resource block", nil
	case tfjson.ActionReasonReplaceBecauseTainted:
		return "it is marked as tainted, by hand or because its creation failed half-way", nil
	case tfjson.ActionReasonReplaceByRequest:
		return "the option -replace names it", nil
	case tfjson.ActionReasonReplaceByTriggers:
		return "something that its replace_triggered_by names changes", nil
	case tfjson.ActionReasonReplaceBecauseCannotUpdate, tfjson.ActionReasonNone:
	default: // of a Terraform that is newer than this list
		return fmt.Sprintf("Terraform's reason is %s", printable(string(c.ActionReason))), forcing
	}
	switch {
	case c.DeposedKey != "":
		return fmt.Sprintf("an earlier replacement left it behind as deposed object %s", printable(c.DeposedKey)), nil
	case len(forcing) > 0:
		return fmt.Sprintf("%s can't be changed in place", attributes(forcing)), forcing
	case c.ActionReason == tfjson.ActionReasonReplaceBecauseCannotUpdate:
		return "what changes can't be changed in place", nil
	default: // so in a plan of terraform plan -destroy
		return "the plan gives no reason, as where everything is destroyed", nil
	}
}

// forcing are the attributes that force a replacement.
func (c change) forcing() []report.FindingValue {
	var values []report.FindingValue
	for _, forcing := range c.Change.ReplacePaths {
		var steps []string
		for _, step := range list(forcing) {
			if name, ok := step.(string); ok {
				steps = append(steps, name)
			} else if index, ok := number(step); ok {
				steps = append(steps, strconv.Itoa(int(index)))
			} else {
				break // an element of a set, which could be anything
			}
		}
		if len(steps) > 0 {
			values = append(values, c.show(steps))
		}
	}
	return values
}

func attributes(values []report.FindingValue) string {
	var names []string
	for _, value := range values {
		names = append(names, value.Attribute)
	}
	return strings.Join(names, ", ")
}

// key is the instance's, as its address has it.
func (c change) key() string {
	switch index := c.Index.(type) {
	case string:
		return fmt.Sprintf("%q", index)
	default:
		return printable(fmt.Sprint(index))
	}
}
