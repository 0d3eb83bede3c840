//go:build rehearsal

package rehearsal

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	ssmtypes "github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ci/slipway/pipeline/contract"
)

func TestBadInputIsAClearErrorAndChangesNothing(t *testing.T) {
	first := environmentOf(t)
	planned := []string{"plan", "--infrastructure", shared.terraform, "--out", filepath.Join(t.TempDir(), "plan")}
	redeployed := []string{"redeploy", "--archive", first.archive, "--commit", first.commit}
	with := func(args []string, more ...string) []string { return append(append([]string{}, args...), more...) }
	redeployOf := func(archive string) []string {
		return []string{"redeploy", "--archive", archive, "--commit", commit("damaged")}
	}
	good := shared.damage(t, func(archive []byte) []byte { return archive })

	tests := map[string]struct {
		args []string
		// variables are changed: "NAME=value" sets one, "NAME" takes one away.
		variables []string
		want      []string
	}{
		"no credentials, at plan": {
			args: planned, variables: []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "HOME=/nonexistent"},
			want: []string{"plan failed: there are no AWS credentials", "nothing was changed", "AWS_ACCESS_KEY_ID"},
		},
		"no credentials, at redeploy": {
			args: redeployed, variables: []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "HOME=/nonexistent"},
			want: []string{"redeploy failed at contract: there are no AWS credentials", "AWS_ACCESS_KEY_ID"},
		},
		"what is no region": {
			args: with(planned, "--region", "Frankfurt"),
			want: []string{`plan failed: "Frankfurt" is not an AWS region`, "eu-central-1"},
		},
		"a region that there isn't": {
			args: with(planned, "--region", "eu-nowhere-1"), variables: []string{"AWS_ENDPOINT_URL"},
			want: []string{"plan failed: ", "eu-nowhere-1", "--region"},
		},
		"another region, at plan": {
			args: with(planned, "--region", "us-east-1"),
			want: []string{"the state bucket slipway-state-000000000000-us-east-1 does not exist", "slipway bootstrap"},
		},
		"another region than the state bucket's": {
			args: with(planned, "--region", "us-east-1", "--state-bucket", bucket),
			want: []string{"the state bucket " + bucket + " is in eu-central-1, not in us-east-1", "--region"},
		},
		"another region, at redeploy": {
			args: with(redeployed, "--region", "us-east-1"),
			want: []string{"redeploy failed at contract: there is no contract /slipway/blog/rehearsal/contract in us-east-1", "apply the infrastructure first"},
		},
		"a state bucket that there isn't": {
			args: with(planned, "--state-bucket", "nobody-made-this"),
			want: []string{"plan failed: the state bucket nobody-made-this does not exist", "slipway bootstrap"},
		},
		"an endpoint where nothing answers": {
			args: with(planned, "--endpoint", "http://127.0.0.1:9"),
			want: []string{"plan failed: AWS does not answer", "--endpoint"},
		},
		"no contract": {
			args: with(redeployed, "--environment", "staging"),
			want: []string{"there is no contract /slipway/blog/staging/contract in eu-central-1", "nothing was changed", "apply the infrastructure first"},
		},
		"a contract of another version": {
			args: with(redeployed, "--environment", shared.publish(t, "of-another-version", `{"version": 2}`)),
			want: []string{"/slipway/blog/of-another-version/contract can't be used", "version 2", "version 1"},
		},
		"a contract that lacks a field": {
			args: with(redeployed, "--environment", shared.publish(t, "without-a-field", shared.without(t, "cluster"))),
			want: []string{"/slipway/blog/without-a-field/contract can't be used", "it lacks cluster"},
		},
		"a contract that is not JSON": {
			args: with(redeployed, "--environment", shared.publish(t, "of-another-kind", "cluster: blog")),
			want: []string{"/slipway/blog/of-another-kind/contract can't be used", "not JSON"},
		},
		"an environment that nobody described": {
			args: with(planned, "--environment", "staging"),
			want: []string{`plan failed: there is no environment "staging"; there are: dev, prod, rehearsal`, "environments/staging.tfvars"},
		},
		"a name that ECR refuses, at plan": {
			args: with(planned, "--name", "My_Blog"),
			want: []string{`plan failed: --name "My_Blog" can't name anything`, "lower-case letters"},
		},
		"a name that ECR refuses, at redeploy": {
			args: with(redeployed, "--name", "blog--"),
			want: []string{`--name "blog--" can't name anything`, "lower-case letters"},
		},
		"a name that is too long for a load balancer": {
			args: with(planned, "--name", "a-blog-with-a-name-that-never-ends"),
			want: []string{"plan failed: ", "longer than 26 characters"},
		},
		"an archive that there isn't": {
			args: redeployOf(filepath.Join(t.TempDir(), "image.tar")),
			want: []string{"redeploy failed at push: ", "image.tar", "nothing was pushed"},
		},
		"an archive that breaks off": {
			args: redeployOf(shared.damage(t, func(archive []byte) []byte { return archive[:len(archive)/2] })),
			want: []string{"redeploy failed at push: the image archive", "nothing was pushed", "build the image again"},
		},
		"an archive with another byte in a layer": {
			args: redeployOf(shared.damage(t, func(archive []byte) []byte {
				return bytes.Replace(archive, []byte("cargo of the rehearsal"), []byte("cargo of the rehearsaL"), 1)
			})),
			want: []string{"redeploy failed at push: the image archive", "damaged", "nothing was pushed"},
		},
		"an archive with another byte in the configuration": {
			args: redeployOf(shared.damage(t, func(archive []byte) []byte {
				return bytes.ReplaceAll(archive, []byte("PORT=8000"), []byte("PORT=8001"))
			})),
			want: []string{"redeploy failed at push: the image archive", "damaged", "nothing was pushed"},
		},
		"an image that the repository doesn't have": {
			args: []string{"redeploy", "--digest", "sha256:" + strings.Repeat("0", 64), "--commit", first.commit},
			want: []string{"redeploy failed at push: the repository", "has no image sha256:0000", "push the image first"},
		},
		"a plan that was not saved": {
			args: []string{"apply", "--infrastructure", shared.terraform, "--plan", filepath.Join(t.TempDir(), "plan")},
			want: []string{"apply failed at guard: there is no plan file", "plan first"},
		},
		"no Terraform": {
			args: []string{"validate", "--infrastructure", filepath.Join(t.TempDir(), "terraform")},
			want: []string{"validate failed: there is no Terraform directory"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			before, mark := shared.look(t), shared.record.now(t)
			ended := must(shared.slipwayWith(t.Context(), test.variables, test.args...))(t)
			if ended.status != 1 {
				t.Errorf("exit status %d, not 1", ended.status)
			}
			holds(t, ended.output, test.want...)
			if ended.result.Failure == nil {
				t.Error("the result holds no failure")
			}
			if changes := changing(shared.record.since(t, mark)); len(changes) > 0 {
				t.Errorf("something was changed: %q", changes)
			}
			if diff := cmp.Diff(before, shared.look(t)); diff != "" {
				t.Errorf("the environment (-before +after):\n%s", diff)
			}
		})
	}
	t.Run("the archive that was damaged is good otherwise", func(t *testing.T) {
		ended := must(shared.slipway(t.Context(), "push", "--archive", good, "--commit", commit("good"+shared.id)))(t)
		if ended.status != 0 {
			t.Errorf("push ended with %d:\n%s", ended.status, ended.output)
		}
	})
}

func TestTerraformThatIsNotFormattedOrNotValidIsRefused(t *testing.T) {
	tests := map[string]struct {
		file, content string
		want          []string
	}{
		"not formatted": {
			file: "untidy.tf", content: "locals {\n  a=1\n}\n",
			want: []string{"validate failed: 1 Terraform files are not formatted", "    untidy.tf\n", "no file was rewritten", "terraform fmt"},
		},
		"not formatted, in a module": {
			file: filepath.Join("modules", "network", "untidy.tf"), content: "locals {\n  a=1\n}\n",
			want: []string{filepath.Join("modules", "network", "untidy.tf")},
		},
		"no Terraform language": {
			file: "broken.tf", content: "locals {\n  a = 1\n",
			want: []string{"validate failed: ", "broken.tf"},
		},
		"a reference to what there isn't": {
			file: "dangling.tf", content: "locals {\n  a = 1\n  b = var.nobody_declared_this\n}\n",
			want: []string{"validate failed: terraform validate: Reference to undeclared input variable at dangling.tf:3", "nobody_declared_this"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(shared.terraform, test.file)
			write(t, file, test.content)
			ended := must(shared.slipway(t.Context(), "validate", "--infrastructure", shared.terraform))(t)
			if ended.status != 1 {
				t.Errorf("exit status %d, not 1", ended.status)
			}
			holds(t, ended.output, test.want...)
			if diff := cmp.Diff(test.content, string(must(os.ReadFile(file))(t))); diff != "" {
				t.Errorf("the file was rewritten (-want +got):\n%s", diff)
			}
		})
	}
}

// publish puts a contract where that of an environment would be, and returns the environment's name.
func (r *rig) publish(t *testing.T, environment, document string) string {
	t.Helper()
	must(ssm.NewFromConfig(r.aws).PutParameter(t.Context(), &ssm.PutParameterInput{
		Name: aws.String(contract.Parameter(name, environment)), Value: &document, Type: ssmtypes.ParameterTypeString, Overwrite: aws.Bool(true),
	}))(t)
	return environment
}

// without returns the contract without one of its fields.
func (r *rig) without(t *testing.T, field string) string {
	t.Helper()
	document := map[string]any{}
	output := must(ssm.NewFromConfig(r.aws).GetParameter(t.Context(), &ssm.GetParameterInput{Name: aws.String(contract.Parameter(name, environment))}))(t)
	if err := json.Unmarshal([]byte(aws.ToString(output.Parameter.Value)), &document); err != nil {
		t.Fatal(err)
	}
	if _, present := document[field]; !present {
		t.Fatalf("the contract has no %s to take away", field)
	}
	delete(document, field)
	return string(must(json.Marshal(document))(t))
}

// damage returns an archive of a small image after something has happened to it.
func (r *rig) damage(t *testing.T, happens func(archive []byte) []byte) string {
	t.Helper()
	dir, tag := t.TempDir(), r.id+":small"
	write(t, filepath.Join(dir, "cargo"), "the cargo of the rehearsal\n")
	write(t, filepath.Join(dir, "Dockerfile"), "FROM scratch\nENV PORT=8000\nCOPY cargo /\n")
	must(r.dockerRun(t.Context(), "build", "--tag", tag, dir))(t)
	archive := filepath.Join(dir, "image.tar")
	must(r.dockerRun(t.Context(), "save", "--output", archive, tag))(t)
	must(r.dockerRun(t.Context(), "image", "rm", tag))(t)
	content := must(os.ReadFile(archive))(t)
	if err := os.WriteFile(archive, happens(content), 0o600); err != nil {
		t.Fatal(err)
	}
	return archive
}
