package planfile

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	tfjson "github.com/hashicorp/terraform-json"
)

// Variables fills in the root module's variables of a plan. Terraform writes sensitive ones into the plan's JSON as they are,
// so those are kept as a salted digest.
func (b *Binding) SetVariables(plan *tfjson.Plan) error {
	b.Salt = rand.Text()
	b.Variables = make(map[string]string, len(plan.Variables))
	for name, variable := range plan.Variables {
		value, err := json.Marshal(variable.Value)
		if err != nil {
			return fmt.Errorf("read the plan's variable %s: %w", name, err)
		}
		b.Variables[name] = string(value)
		if sensitive(plan, name) {
			mac := hmac.New(sha256.New, []byte(b.Salt))
			mac.Write(value)
			b.Variables[name] = "sha256:" + hex.EncodeToString(mac.Sum(nil))
		}
	}
	return nil
}

// sensitive is true too for a variable of which the plan does not say what it is.
func sensitive(plan *tfjson.Plan, name string) bool {
	if plan.Config == nil || plan.Config.RootModule == nil {
		return true
	}
	variable, declared := plan.Config.RootModule.Variables[name]
	return !declared || variable.Sensitive
}

// Refusal is what of a plan's binding is another where it is to be applied.
type Refusal struct {
	// Differences has a sentence for each: "it is of commit 1a2b3c, and this is commit 4d5e6f".
	Differences []string
	// Moved says that the state has changed since the plan was made.
	Moved bool
}

func (r *Refusal) Error() string {
	return "the plan is bound to something else: " + strings.Join(r.Differences, "; ")
}

// Matches returns a *Refusal that names all that is another here, or nil. What is compared is what has to be the same: who
// made the plan and when may differ, and the variables are in the plan itself.
func (b Binding) Matches(here Binding) error {
	var r Refusal
	differ := func(what, planned, now string) {
		if planned != now {
			r.Differences = append(r.Differences, fmt.Sprintf("the plan is of %s %s, and this is %s", what, orNone(planned), orNone(now)))
		}
	}
	differ("account", b.Account, here.Account)
	differ("region", b.Region, here.Region)
	differ("environment", b.Name+"-"+b.Environment, here.Name+"-"+here.Environment)
	differ("commit", b.Commit, here.Commit)
	if b.Commit == here.Commit && b.Source != here.Source {
		r.Differences = append(r.Differences, "the Terraform files are not those that were planned, though the commit is the same")
	}
	differ("the state", b.State.Bucket+"/"+b.State.Key, here.State.Bucket+"/"+here.State.Key)
	if b.State.Lineage != here.State.Lineage || b.State.Serial != here.State.Serial {
		r.Moved = true
		r.Differences = append(r.Differences, fmt.Sprintf("the state has moved: the plan is of %s, and now there is %s", b.State, here.State))
	}
	if b.State.Journal != here.State.Journal {
		r.Moved = true
		r.Differences = append(r.Differences, "the plan does not know of an apply that did not end well, and may create again what that one created")
	}
	differ("Terraform", b.Terraform, here.Terraform)
	for _, source := range slices.Sorted(maps.Keys(b.Providers)) {
		differ("provider "+source, b.Providers[source], here.Providers[source])
	}
	for _, source := range slices.Sorted(maps.Keys(here.Providers)) {
		if _, planned := b.Providers[source]; !planned {
			r.Differences = append(r.Differences, fmt.Sprintf("the plan was made without provider %s", source))
		}
	}
	if len(r.Differences) == 0 {
		return nil
	}
	return &r
}

// String is "serial 7 of lineage 6f1a2b3c…", which is how Terraform tells states apart.
func (s State) String() string {
	if s.Lineage == "" {
		return "no state"
	}
	return fmt.Sprintf("serial %d of lineage %.8s…", s.Serial, s.Lineage)
}

func orNone(value string) string {
	if value == "" {
		return "none"
	}
	return value
}
