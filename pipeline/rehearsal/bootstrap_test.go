//go:build rehearsal

package rehearsal

import (
	"encoding/json"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	dynamodbtypes "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ci/slipway/pipeline/backend"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// bootstrapped runs bootstrap on a bucket, and returns its rows that aren't OK.
func bootstrapped(t *testing.T, bucket string, args ...string) []string {
	t.Helper()
	ended := must(shared.slipway(t.Context(), append([]string{"bootstrap", "--state-bucket", bucket}, args...)...))(t)
	if ended.status != 0 {
		t.Fatalf("bootstrap ended with %d:\n%s", ended.status, ended.output)
	}
	var rows []string
	for _, check := range ended.result.Checks {
		if check.Outcome != report.OK {
			rows = append(rows, string(check.Outcome)+" "+check.Subject)
		}
	}
	return rows
}

func same(t *testing.T, what string, want, got any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func TestBootstrapRepairsABucketAndThenWritesNothing(t *testing.T) {
	environmentOf(t)
	ctx, bucket, table := t.Context(), shared.id+"-repaired", shared.id+"-repaired"
	client := backend.Client(shared.aws, shared.emulator.Endpoint())
	options := []string{"--kms", "--lock-table", table, "--tag", "Team=web"}

	same(t, "rows of the first time", []string{
		"CREATED bucket " + bucket, "REPAIRED public access", "CREATED TLS only", "REPAIRED versioning", "CREATED key alias/slipway-state",
		"REPAIRED encryption", "CREATED life cycle", "REPAIRED tags", "CREATED lock table " + table,
	}, bootstrapped(t, bucket, options...))

	before := shared.record.now(t)
	same(t, "rows of the second time", []string(nil), bootstrapped(t, bucket, options...))
	calls := shared.record.since(t, before)
	same(t, "what the second time changed", []string(nil), changing(calls))
	if len(calls) < 10 {
		t.Errorf("the record of the second time has only %v", calls)
	}

	policy := `{"Version": "2012-10-17", "Statement": [{"Sid": "Ours", "Effect": "Deny", "Principal": "*", "Action": "s3:DeleteBucket", "Resource": "arn:aws:s3:::` + bucket + `"}]}`
	must(client.PutBucketPolicy(ctx, &s3.PutBucketPolicyInput{Bucket: &bucket, Policy: &policy}))(t)
	must(client.PutBucketVersioning(ctx, &s3.PutBucketVersioningInput{
		Bucket: &bucket, VersioningConfiguration: &s3types.VersioningConfiguration{Status: s3types.BucketVersioningStatusSuspended},
	}))(t)
	plan := []string{"plan", "--infrastructure", shared.terraform, "--state-bucket", bucket, "--out", filepath.Join(t.TempDir(), "plan")}
	ended := must(shared.slipway(ctx, plan...))(t)
	if ended.status == 0 {
		t.Error("a plan went through with a bucket that keeps no versions")
	}
	holds(t, ended.output, "the state bucket "+bucket+" keeps no versions", "nothing was changed", "slipway bootstrap")

	same(t, "rows of the repair", []string{"REPAIRED TLS only", "REPAIRED versioning"}, bootstrapped(t, bucket, options...))
	var document struct{ Statement []struct{ Sid string } }
	if err := json.Unmarshal([]byte(*must(client.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: &bucket}))(t).Policy), &document); err != nil {
		t.Fatal(err)
	}
	same(t, "statements of the policy", []struct{ Sid string }{{"Ours"}, {"TLSOnly"}}, document.Statement)
	same(t, "versioning", s3types.BucketVersioningStatusEnabled, must(client.GetBucketVersioning(ctx, &s3.GetBucketVersioningInput{Bucket: &bucket}))(t).Status)
}

func TestBootstrapRefusesABucketOfAnotherAccountOrRegion(t *testing.T) {
	environmentOf(t)
	for sentence, test := range map[string]struct {
		variables, args, want []string
	}{
		// The emulator takes an access key of twelve digits for the account.
		"another account": {[]string{"AWS_ACCESS_KEY_ID=111111111111"}, nil, []string{"it belongs to another account than 111111111111"}},
		"another region":  {nil, []string{"--region", "us-west-2"}, []string{"the state bucket " + bucket + " is in eu-central-1, not in us-west-2"}},
	} {
		t.Run(sentence, func(t *testing.T) {
			before := shared.record.now(t)
			ended := must(shared.slipwayWith(t.Context(), test.variables, append([]string{"bootstrap", "--state-bucket", bucket}, test.args...)...))(t)
			if ended.status != 1 {
				t.Errorf("exit status %d", ended.status)
			}
			holds(t, ended.output, append(test.want, "nothing was changed")...)
			same(t, "what was changed", []string(nil), changing(shared.record.since(t, before)))
		})
	}
}

// The second step: the roles are there with the trust that they should have, and again changes nothing.
func TestRolesForGitHubActions(t *testing.T) {
	besideOthers(t)
	run := func(command string, more ...string) ran {
		t.Helper()
		args := []string{command, "--infrastructure", filepath.Join(shared.terraform, "ci"), "--environment", "github-actions", "--commit", commit("roles")}
		ended := must(shared.slipway(t.Context(), append(args, more...)...))(t)
		if ended.status != 0 {
			t.Fatalf("%s ended with %d:\n%s", command, ended.status, ended.output)
		}
		return ended
	}
	file := shared.file("roles", ".plan")
	run("plan", "--out", file)
	run("apply", "--plan", file)

	client := iam.NewFromConfig(shared.aws)
	trusted := map[string]string{}
	for _, role := range must(client.ListRoles(t.Context(), &iam.ListRolesInput{PathPrefix: aws.String("/slipway/")}))(t).Roles {
		var document struct {
			Statement []struct {
				Action    string
				Principal struct{ Federated string }
				Condition map[string]map[string]string
			}
		}
		if err := json.Unmarshal([]byte(must(url.QueryUnescape(aws.ToString(role.AssumeRolePolicyDocument)))(t)), &document); err != nil || len(document.Statement) != 1 {
			t.Fatalf("trust of %s: %v", *role.RoleName, err)
		}
		statement := document.Statement[0]
		if statement.Action != "sts:AssumeRoleWithWebIdentity" || len(statement.Condition) != 1 ||
			statement.Principal.Federated != "arn:aws:iam::"+account+":oidc-provider/token.actions.githubusercontent.com" {
			t.Errorf("trust of %s: %+v", *role.RoleName, statement)
		}
		equals := statement.Condition["StringEquals"]
		same(t, "audience of "+*role.RoleName, "sts.amazonaws.com", equals["token.actions.githubusercontent.com:aud"])
		trusted[*role.RoleName] = equals["token.actions.githubusercontent.com:sub"]
	}
	same(t, "who may take which role", map[string]string{
		"blog-dev-eu-central-1-plan":    "repo:slipway-ci/slipway:environment:dev-plan",
		"blog-dev-eu-central-1-deploy":  "repo:slipway-ci/slipway:environment:dev",
		"blog-prod-eu-central-1-plan":   "repo:slipway-ci/slipway:environment:prod-plan",
		"blog-prod-eu-central-1-deploy": "repo:slipway-ci/slipway:environment:prod",
	}, trusted)

	again := run("plan", "--out", shared.file("roles", ".plan"))
	same(t, "changes of the next plan", 0, again.result.Plan.Changes())
}

// Each step of docs/operations.md, "From locks in DynamoDB to lock files", with the state's own Terraform backend.
func TestFromLocksInDynamoDBToLockFiles(t *testing.T) {
	besideOthers(t)
	ctx, bucket, table, key := t.Context(), shared.id+"-migrated", shared.id+"-migrated", "blog/dev/terraform.tfstate"
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte("terraform {\n  backend \"s3\" {}\n}\n\nresource \"terraform_data\" \"this\" {\n  input = 1\n}\n"), 0o644); err != nil {
		t.Fatal(err)
	}
	terraform := func(args ...string) ran {
		t.Helper()
		return must(shared.exec(ctx, "terraform", environ(shared.variables(), nil), "terraform", append([]string{"-chdir=" + dir}, args...)...))(t)
	}
	works := func(args ...string) string {
		t.Helper()
		ended := terraform(args...)
		if ended.status != 0 {
			t.Fatalf("terraform %s:\n%s", strings.Join(args, " "), ended.output)
		}
		return ended.output
	}
	connection := func(locks ...string) []string {
		args := []string{"init", "-reconfigure", "-input=false", "-no-color"}
		for _, setting := range append([]string{"bucket=" + bucket, "key=" + key, "region=" + region, "use_path_style=true"}, locks...) {
			args = append(args, "-backend-config="+setting)
		}
		return args
	}
	items, objects := dynamodb.NewFromConfig(shared.aws), backend.Client(shared.aws, shared.emulator.Endpoint())
	lock := `{"ID": "0e9ea8b2-8a1e-4d9c-9a33-6fd1a1b0d1f5", "Operation": "OperationTypePlan", "Who": "another run", "Version": "1.11.4"}`
	item := map[string]dynamodbtypes.AttributeValue{"LockID": &dynamodbtypes.AttributeValueMemberS{Value: bucket + "/" + key}}
	// Each kind of lock, held by somebody else, keeps a plan out or doesn't.
	keepsOut := func(kind string) bool {
		t.Helper()
		switch kind {
		case "item":
			held := map[string]dynamodbtypes.AttributeValue{"LockID": item["LockID"], "Info": &dynamodbtypes.AttributeValueMemberS{Value: lock}}
			must(items.PutItem(ctx, &dynamodb.PutItemInput{TableName: &table, Item: held}))(t)
			defer func() { must(items.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &table, Key: item}))(t) }()
		case "file":
			must(objects.PutObject(ctx, &s3.PutObjectInput{Bucket: &bucket, Key: aws.String(key + ".tflock"), Body: strings.NewReader(lock)}))(t)
			defer func() {
				must(objects.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &bucket, Key: aws.String(key + ".tflock")}))(t)
			}()
		}
		ended := terraform("plan", "-input=false", "-no-color", "-lock-timeout=0s")
		if ended.status != 0 && !strings.Contains(ended.output, "Error acquiring the state lock") {
			t.Fatalf("a plan failed for another reason:\n%s", ended.output)
		}
		return ended.status != 0
	}
	both := func() []bool { return []bool{keepsOut("item"), keepsOut("file")} }
	const inTable, inFile = "dynamodb_table=", "use_lockfile=true"

	if rows := bootstrapped(t, bucket, "--lock-table", table); !slices.Contains(rows, "CREATED lock table "+table) {
		t.Fatalf("rows %v", rows)
	}
	works(connection(inTable + table)...)
	works("apply", "-auto-approve", "-input=false")
	same(t, "with the table, item and file keep out", []bool{true, false}, both())
	state := works("state", "pull")

	works(connection(inTable+table, inFile)...)
	same(t, "with both, item and file keep out", []bool{true, true}, both())

	works(connection(inFile)...)
	same(t, "with the file, item and file keep out", []bool{false, true}, both())
	same(t, "the state", state, works("state", "pull"))
	if output := works("plan", "-input=false", "-no-color"); !strings.Contains(output, "No changes.") {
		t.Errorf("the plan after the move:\n%s", output)
	}

	// The checksum in the table grows old with the first apply, and stands in the way back.
	write := strings.NewReplacer("input = 1", "input = 2").Replace(string(must(os.ReadFile(filepath.Join(dir, "main.tf")))(t)))
	if err := os.WriteFile(filepath.Join(dir, "main.tf"), []byte(write), 0o644); err != nil {
		t.Fatal(err)
	}
	works("apply", "-auto-approve", "-input=false")
	back := terraform(connection(inTable + table)...)
	if back.status == 0 {
		t.Error("Terraform did not mind the old checksum")
	}
	holds(t, back.output, "does not have the expected content")
	must(items.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: &table, Key: map[string]dynamodbtypes.AttributeValue{
		"LockID": &dynamodbtypes.AttributeValueMemberS{Value: bucket + "/" + key + "-md5"},
	}}))(t)
	works(connection(inTable + table)...)
	works("plan", "-input=false")
}
