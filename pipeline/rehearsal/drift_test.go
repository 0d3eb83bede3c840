//go:build rehearsal

package rehearsal

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"
	tfjson "github.com/hashicorp/terraform-json"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// stays lists the rule that the emulator doesn't take away from new security groups (docs/design.md, "The emulator").
const stays = `# the emulator keeps the rule that AWS revokes
module.database.aws_security_group.this      egress 2099-12-31 the emulator keeps it
module.load_balancer.aws_security_group.this egress 2099-12-31 the emulator keeps it
module.service.aws_security_group.this       egress 2099-12-31 the emulator keeps it
`

func TestDriftSaysWhatWasChangedOutsideAndByWhom(t *testing.T) {
	environmentOf(t)
	known := filepath.Join(t.TempDir(), "drift.ignore")
	write(t, known, stays)
	drift := func() ran {
		return must(shared.slipway(t.Context(), "drift", "--infrastructure", shared.terraform, "--known", known))(t)
	}
	before := drift()
	if before.status != 0 {
		t.Fatalf("drift of an environment that nobody touched ended with %d:\n%s", before.status, before.output)
	}
	holds(t, before.output, "no drift", "known until 2099-12-31: module.service.aws_security_group.this egress")

	// Somebody else, by name, at both ends of what Terraform can see.
	other := shared.aws.Copy()
	other.Credentials = credentials.NewStaticCredentialsProvider("AKIAHARBOURMASTER", "test", "")
	logs, network := cloudwatchlogs.NewFromConfig(other), ec2.NewFromConfig(other)
	group := "/slipway/" + name + "/" + environment
	must(logs.PutRetentionPolicy(t.Context(), &cloudwatchlogs.PutRetentionPolicyInput{LogGroupName: &group, RetentionInDays: aws.Int32(3)}))(t)
	groups := must(network.DescribeSecurityGroups(t.Context(), &ec2.DescribeSecurityGroupsInput{
		Filters: []types.Filter{{Name: aws.String("group-name"), Values: []string{name + "-" + environment + "-database"}}},
	}))(t)
	rule := []types.IpPermission{{IpProtocol: aws.String("tcp"), FromPort: aws.Int32(3306), ToPort: aws.Int32(3306), IpRanges: []types.IpRange{{CidrIp: aws.String("0.0.0.0/0")}}}}
	must(network.AuthorizeSecurityGroupIngress(t.Context(), &ec2.AuthorizeSecurityGroupIngressInput{GroupId: groups.SecurityGroups[0].GroupId, IpPermissions: rule}))(t)
	closed := false
	revoke := func() {
		if !closed {
			closed = true
			must(network.RevokeSecurityGroupIngress(t.Context(), &ec2.RevokeSecurityGroupIngressInput{GroupId: groups.SecurityGroups[0].GroupId, IpPermissions: rule}))(t)
		}
	}
	defer revoke()
	// And a change of our own, which is no drift.
	ours := filepath.Join(shared.terraform, "rehearsal.tf")
	write(t, ours, "resource \"aws_ssm_parameter\" \"rehearsal\" {\n  name  = \"/slipway/rehearsal\"\n  type  = \"String\"\n  value = \"not applied\"\n}\n")

	found := drift()
	if found.status != 2 || found.result.Outcome != report.Drifted {
		t.Fatalf("drift ended with %d, %s, not 2, drifted:\n%s", found.status, found.result.Outcome, found.output)
	}
	holds(t, found.output, "1 changed, 1 added outside of Terraform",
		"module.service.aws_cloudwatch_log_group.this: changed outside\n    retention_in_days: 1 → 3; the next apply sets it back\n",
		"PutRetentionPolicy by user AKIAHARBOURMASTER, ", "AuthorizeSecurityGroupIngress by user AKIAHARBOURMASTER, ",
		"module.database.aws_security_group.this: something was added to it outside\n    ingress: + tcp 3306 from 0.0.0.0/0\n",
		"not applied yet, and no drift:\n    create aws_ssm_parameter.rehearsal\n",
	)
	if strings.Contains(found.output, "by user test") {
		t.Errorf("our own calls are told as somebody's:\n%s", found.output)
	}
	if markdown := report.Markdown(found.result); !strings.HasPrefix(markdown, "## ≠ drift: blog-rehearsal\n") || !strings.Contains(markdown, "user AKIAHARBOURMASTER") {
		t.Errorf("the Markdown is no issue:\n%s", markdown)
	}
	if err := os.Remove(ours); err != nil {
		t.Fatal(err)
	}
	theSameAsRefreshOnly(t)

	revoke()
	file := shared.file("mend", ".plan")
	for _, args := range [][]string{{"plan", "--out", file}, {"apply", "--plan", file}} {
		if mended := must(shared.slipway(t.Context(), append(args, "--infrastructure", shared.terraform)...))(t); mended.status != 0 {
			t.Fatalf("the %s that mends it failed:\n%s", args[0], mended.output)
		}
	}
	if after := drift(); after.status != 0 {
		t.Errorf("after an apply, drift ended with %d:\n%s", after.status, after.output)
	}
}

// theSameAsRefreshOnly shows that one full plan tells all that a plan with -refresh-only does.
func theSameAsRefreshOnly(t *testing.T) {
	t.Helper()
	plan := func(mode string) ([]*tfjson.ResourceChange, error) {
		file := shared.file("mode", ".tfplan")
		var shown []byte
		for _, args := range [][]string{
			{"plan", "-input=false", "-lock=false", mode, "-out=" + file, "-var-file=environments/" + environment + ".tfvars",
				"-var=name=" + name, "-var=environment=" + environment, "-var=region=" + region},
			{"show", "-json", file},
		} {
			command := exec.CommandContext(t.Context(), "terraform", args...)
			command.Dir, command.Env = shared.terraform, environ(shared.variables(), nil)
			var err error
			if shown, err = command.Output(); err != nil {
				return nil, fmt.Errorf("terraform %s: %w\n%s", args[0], err, shown)
			}
		}
		var plan tfjson.Plan
		err := json.Unmarshal(shown, &plan)
		return plan.ResourceDrift, err
	}
	var only, full []*tfjson.ResourceChange
	var failed [2]error
	var group sync.WaitGroup
	group.Go(func() { only, failed[0] = plan("-refresh-only") })
	group.Go(func() { full, failed[1] = plan("-refresh=true") })
	group.Wait()
	if err := errors.Join(failed[:]...); err != nil {
		t.Fatal(err)
	}
	if len(only) == 0 {
		t.Error("the plan with -refresh-only found nothing")
	}
	if diff := cmp.Diff(only, full); diff != "" {
		t.Errorf("drift (-refresh-only +full plan):\n%s", diff)
	}
}
