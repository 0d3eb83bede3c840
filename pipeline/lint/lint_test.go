package lint

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// pinned is what every root module needs.
const pinned = `terraform {
  required_version = ">= 1.11"
  required_providers {
    aws = { source = "hashicorp/aws", version = "6.34.0" }
  }
}
`

func write(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, content := range files {
		name = filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// check returns what isn't OK, a line each.
func check(t *testing.T, dir string) []string {
	t.Helper()
	checks, err := Check(dir)
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, c := range checks {
		if c.Outcome != report.OK {
			found = append(found, string(c.Outcome)+" "+c.Subject+" "+c.Reason)
		}
	}
	return found
}

func TestFindings(t *testing.T) {
	tests := map[string]struct {
		main string // behind what pins the versions
		want []string
	}{
		"nothing to find": {main: "variable \"name\" {\n  type = string\n}\n"},

		"a provider that nobody required": {"resource \"random_password\" \"this\" {\n  length = 20\n}\n",
			[]string{"FAILED unpinned-provider main.tf:1: the provider random has no entry in required_providers, and so no version"}},
		"Terraform's own need none":     {"resource \"terraform_data\" \"this\" {}\ndata \"terraform_remote_state\" \"this\" {\n  backend = \"local\"\n}\n", nil},
		"a provider under another name": {"resource \"random_password\" \"this\" {\n  provider = aws.other\n  length   = 20\n}\n", nil},

		"an image without a tag": {"locals {\n  image = \"nginx\"\n}\n", []string{"FAILED latest-image main.tf:2: the image nginx has no tag: give it a tag that stays, or a digest"}},
		"the latest image in a container definition": {"resource \"aws_ecs_task_definition\" \"this\" {\n  container_definitions = jsonencode([{\n    name  = \"web\"\n    image = \"nginx:latest\"\n  }])\n}\n",
			[]string{"FAILED latest-image main.tf:4: the image nginx:latest has the tag latest: give it a tag that stays, or a digest"}},
		"the latest image behind a repository": {"locals {\n  image = \"${aws_ecr_repository.this.repository_url}:latest\"\n}\n",
			[]string{"FAILED latest-image main.tf:2: the image :latest has the tag latest: give it a tag that stays, or a digest"}},
		"the latest image in a container definition as text": {"resource \"aws_ecs_task_definition\" \"this\" {\n  container_definitions = <<-EOT\n    [{\"name\": \"web\", \"image\": \"nginx\"}]\n  EOT\n}\n",
			[]string{"FAILED latest-image main.tf:3: the image nginx has no tag: give it a tag that stays, or a digest"}},
		"the latest image as a default": {"variable \"sidecar_image\" {\n  type    = string\n  default = \"registry:5000/envoy\"\n}\nlocals {\n  x = var.sidecar_image\n}\n",
			[]string{"FAILED latest-image main.tf:3: the image registry:5000/envoy has no tag: give it a tag that stays, or a digest"}},
		"images that stay": {"locals {\n  image      = \"nginx:1.29\"\n  web_image  = \"registry:5000/app@sha256:0a\"\n  work_image = \"${var.name}:${var.environment}\"\n  job_image  = var.region\n  image_id   = \"ami\"\n}\n", nil},

		"a secret that is shown": {"variable \"db_password\" {\n  type = string\n}\nlocals {\n  x = var.db_password\n}\n",
			[]string{"FAILED plain-secret main.tf:1: the variable db_password looks like a secret: make it sensitive or ephemeral"}},
		"a secret in the repository": {"variable \"api_token\" {\n  type      = string\n  sensitive = true\n  default   = \"canary-value\"\n}\nlocals {\n  x = var.api_token\n}\n",
			[]string{"FAILED plain-secret main.tf:4: the variable api_token looks like a secret and has a default, which is in the repository"}},
		"a secret as an argument": {"resource \"aws_db_instance\" \"this\" {\n  password = \"canary-value\"\n}\n",
			[]string{"FAILED plain-secret main.tf:2: password is given here as text: it belongs into Secrets Manager"}},
		"a secret in an object": {"locals {\n  settings = { SECRET_KEY = \"canary-value\", name = \"x\" }\n}\n",
			[]string{"FAILED plain-secret main.tf:2: SECRET_KEY is given here as text: it belongs into Secrets Manager"}},
		"what only sounds like a secret": {"variable \"secret_arn\" {}\nvariable \"password\" {\n  type      = string\n  ephemeral = true\n}\nvariable \"create_token\" {\n  type = bool\n}\nvariable \"secret\" {\n  sensitive = true\n  default   = null\n}\nlocals {\n  x        = [var.secret_arn, var.password, var.create_token, var.secret]\n  password = \"\"\n}\n", nil},

		"the id of an access key": {"# the key was " + "AKIA" + "ABCDEFGHIJKLMNOP" + "\n", []string{"FAILED literal-credential main.tf:1: here stands the id of an AWS access key: take it out, and make a new one, for this one is known"}},
		"the documentation's key": {"# such as " + "AKIAIOSFODNN7EXAMPLE" + "\n", nil},
		"a private key":           {"locals {\n  x = <<-EOT\n    -----BEGIN RSA " + "PRIVATE KEY-----\n  EOT\n}\n", []string{"FAILED literal-credential main.tf:3: here stands a private key: take it out, and make a new one, for this one is known"}},

		"a variable that nothing uses": {"variable \"spare\" {\n  type = string\n\n  validation {\n    condition     = var.spare != \"\"\n    error_message = \"spare is empty.\"\n  }\n}\n",
			[]string{"WARN unused-variable main.tf:1: nothing uses the variable spare"}},
		"one that another's validation uses":  {"variable \"least\" {}\nvariable \"most\" {\n  validation {\n    condition     = var.most > var.least\n    error_message = \"most is less than least.\"\n  }\n}\noutput \"x\" {\n  value = var.most\n}\n", nil},
		"one that is used in every odd place": {"variable \"a\" {}\nvariable \"b\" {}\nvariable \"c\" {}\nvariable \"d\" {}\noutput \"x\" {\n  value = [for k, v in var.a : \"${k}-${var.b[0]}\" if v == var.c.d]\n}\nresource \"terraform_data\" \"this\" {\n  dynamic \"x\" {\n    for_each = var.d[*].e\n    content {}\n  }\n}\n", nil},

		"an account in an ARN":         {"locals {\n  x = \"arn:aws:iam::123456789012:role/${var.name}\"\n}\n", []string{"WARN account-id main.tf:2: the account 123456789012 is written out: take it from aws_caller_identity or a variable"}},
		"an account in a registry":     {"locals {\n  x = \"123456789012.dkr.ecr.${var.region}.amazonaws.com\"\n}\n", []string{"WARN account-id main.tf:2: the account 123456789012 is written out: take it from aws_caller_identity or a variable"}},
		"no account":                   {"locals {\n  x = [\"arn:aws:iam::aws:policy/ReadOnlyAccess\", \"arn:aws:iam::${var.name}:role/x\", \"123456789012\"]\n}\n", nil},
		"a region in a provider":       {"provider \"aws\" {\n  region = \"eu-central-1\"\n}\n", []string{"WARN region main.tf:2: the region eu-central-1 is written out: take it from aws_region or a variable"}},
		"a zone, deep in a resource":   {"resource \"aws_x\" \"this\" {\n  a {\n    b = [{ zone = \"us-gov-west-1a\" }]\n  }\n}\n", []string{"WARN region main.tf:3: the region us-gov-west-1a is written out: take it from aws_region or a variable"}},
		"regions that may stand there": {"provider \"aws\" {\n  alias  = \"certificates\"\n  region = \"us-east-1\"\n}\nvariable \"region\" {\n  default     = \"eu-central-1\"\n  description = \"such as eu-west-1\"\n}\nterraform {\n  backend \"s3\" {\n    region = \"eu-central-1\"\n  }\n}\noutput \"x\" {\n  description = \"in eu-central-1\"\n  value       = \"not-a-region-1 eu-central\"\n}\n", nil},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			dir := write(t, map[string]string{"versions.tf": pinned, "main.tf": test.main})
			if diff := cmp.Diff(test.want, check(t, dir)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
			if all := strings.Join(check(t, dir), "\n"); strings.Contains(all, "canary-value") || strings.Contains(all, "ABCDEFGHIJKLMNOP") {
				t.Errorf("a finding repeats a secret:\n%s", all)
			}
		})
	}
}

func TestVersions(t *testing.T) {
	provider := func(version string) string {
		return "terraform {\n  required_version = \">= 1.11\"\n  required_providers {\n    aws = {\n      source = \"hashicorp/aws\"\n" + version + "    }\n  }\n}\n"
	}
	tests := map[string]struct {
		root, below string
		want        []string
	}{
		"exact":                      {provider("version = \"6.34.0\"\n"), provider("version = \">= 6.0\"\n"), nil},
		"with an upper end":          {provider("version = \">= 6.0, < 7.0\"\n"), provider("version = \"~> 6.0\"\n"), nil},
		"open at the root":           {provider("version = \">= 6.0\"\n"), "", []string{"FAILED unpinned-provider versions.tf:4: the provider aws may be any version >= 6.0: give it an upper end, such as \"~> 6.34\""}},
		"none at the root":           {provider(""), "", []string{"FAILED unpinned-provider versions.tf:4: the provider aws has no version"}},
		"none in a module below":     {provider("version = \"6.34.0\"\n"), provider(""), []string{"FAILED unpinned-provider modules/a/versions.tf:4: the provider aws has no version"}},
		"no Terraform version":       {"terraform {}\n", "", []string{"FAILED required-version versions.tf:1: the root module has no required_version"}},
		"the short form of long ago": {"terraform {\n  required_version = \"1.11.4\"\n  required_providers {\n    aws = \"~> 6.0\"\n  }\n}\n", "", nil},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			files := map[string]string{"versions.tf": test.root}
			if test.below != "" {
				files["modules/a/versions.tf"] = test.below
			}
			if diff := cmp.Diff(test.want, check(t, write(t, files))); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestFilesOfVariablesAndModulesBelowAreLookedAt(t *testing.T) {
	dir := write(t, map[string]string{
		"versions.tf": pinned,
		// For what differs between environments, such as accounts and regions.
		"environments/dev.tfvars":             "db_password = \"x\"\nkms_key_arn = \"arn:aws:kms:eu-central-1:123456789012:key/1\"\nsidecar_image = \"envoy\"\n",
		"modules/a/b/main.tf":                 "variable \"spare\" {}\n",
		".terraform/modules/registry/main.tf": "variable \"spare\" {}\nthis is not HCL",
		"tests/service.tftest.hcl":            "variables {\n  region = \"eu-central-1\"\n}\n",
		"modules/a/b/README.md":               "AKIA" + "ABCDEFGHIJKLMNOP",
	})
	want := []string{
		"FAILED latest-image environments/dev.tfvars:3: the image envoy has no tag: give it a tag that stays, or a digest",
		"FAILED plain-secret environments/dev.tfvars:1: db_password is given here as text: it belongs into Secrets Manager",
		"WARN unused-variable modules/a/b/main.tf:1: nothing uses the variable spare",
	}
	if diff := cmp.Diff(want, check(t, dir)); diff != "" {
		t.Errorf("findings (-want +got):\n%s", diff)
	}
}

func TestAcceptingAFinding(t *testing.T) {
	tests := map[string]struct {
		main string
		want []string
	}{
		"on the line before": {"# slipway:ignore unused-variable another repository sets it\nvariable \"spare\" {}\n", nil},
		"on the line itself": {"locals {\n  zone = \"eu-central-1a\" // slipway:ignore region there is one rack\n}\n", nil},
		"without a reason": {"# slipway:ignore unused-variable\nvariable \"spare\" {}\n", []string{
			"WARN unused-variable main.tf:2: nothing uses the variable spare",
			"FAILED ignore main.tf:1: say why unused-variable is accepted, behind the rule's name",
		}},
		"of another rule": {"# slipway:ignore region it is one\nvariable \"spare\" {}\n", []string{
			"WARN unused-variable main.tf:2: nothing uses the variable spare",
			"FAILED ignore main.tf:1: there is no finding of region here to accept",
		}},
		"of a rule that isn't there": {"# slipway:ignore unused why not\nvariable \"spare\" {}\n", []string{
			"WARN unused-variable main.tf:2: nothing uses the variable spare",
			"FAILED ignore main.tf:1: there is no rule \"unused\"; there are unpinned-provider, required-version, latest-image, plain-secret, literal-credential, unused-variable, account-id, region",
		}},
		"two lines before": {"# slipway:ignore unused-variable another repository sets it\n\nvariable \"spare\" {}\n", []string{
			"WARN unused-variable main.tf:3: nothing uses the variable spare",
			"FAILED ignore main.tf:1: there is no finding of unused-variable here to accept",
		}},
		"in a string it is no comment": {"locals {\n  x = \"# slipway:ignore unused-variable said\"\n}\nvariable \"spare\" {}\n", []string{"WARN unused-variable main.tf:4: nothing uses the variable spare"}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			dir := write(t, map[string]string{"versions.tf": pinned, "main.tf": test.main})
			if diff := cmp.Diff(test.want, check(t, dir)); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnAcceptedFindingIsCounted(t *testing.T) {
	checks, err := Check(write(t, map[string]string{"versions.tf": pinned, "main.tf": "# slipway:ignore unused-variable another repository sets it\nvariable \"spare\" {}\n"}))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range checks {
		if c.Subject == "unused-variable" && (c.Outcome != report.OK || c.Reason != "1 accepted by a comment") {
			t.Errorf("check %+v", c)
		}
	}
}

func TestEveryRuleHasARowAndTheOrderIsAlwaysTheSame(t *testing.T) {
	checks, err := Check(write(t, map[string]string{"main.tf": pinned}))
	if err != nil {
		t.Fatal(err)
	}
	var want []report.Check
	for _, rule := range rules {
		want = append(want, report.Check{Subject: rule.name, Outcome: report.OK})
	}
	if diff := cmp.Diff(want, checks); diff != "" {
		t.Errorf("checks (-want +got):\n%s", diff)
	}
}

func TestFilesThatCannotBeRead(t *testing.T) {
	_, err := Check(write(t, map[string]string{"main.tf": "resource \"aws_vpc\" {{\n"}))
	if failure, ok := errors.AsType[*report.Failure](err); !ok || failure.Reason != "main.tf is not valid HCL" || !strings.Contains(failure.Evidence[0], "main.tf:1") {
		t.Errorf("error %v", err)
	}
	if _, err := Check(filepath.Join(t.TempDir(), "gone")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

func TestOurOwnTerraformHasNoFindings(t *testing.T) {
	ours := filepath.Join("..", "..", "terraform")
	if _, err := os.Stat(ours); err != nil {
		t.Skip("SKIPPED: terraform/ is not here, so that our own Terraform was not looked at")
	}
	if found := check(t, ours); len(found) > 0 {
		t.Errorf("findings:\n%s", strings.Join(found, "\n"))
	}
}

// Whatever stands in a file, there is a failure or the same answer each time.
func FuzzCheck(f *testing.F) {
	f.Add(pinned, "db_password = 1\n")
	f.Add("variable \"password\" {\n  default = [for x in [] : x]\n  sensitive = null\n}\n", "image = null\n")
	f.Add("resource \"a\" {}\nprovider {}\nlocals { image = {}[0], \"token\" = \"${1}\" }\n", "")
	f.Add("# slipway:ignore\n/* slipway:ignore region x */\nterraform { required_providers { aws = { version = null } } }\n", "# slipway:ignore a b")
	f.Fuzz(func(t *testing.T, main, values string) {
		dir := write(t, map[string]string{"main.tf": main, "a.tfvars": values})
		first, err := Check(dir)
		again, errAgain := Check(dir)
		if (err == nil) != (errAgain == nil) {
			t.Fatalf("%v, then %v", err, errAgain)
		}
		if diff := cmp.Diff(first, again); diff != "" {
			t.Errorf("another answer (-first +again):\n%s", diff)
		}
	})
}
