package inject

import (
	"encoding/json"
	"path/filepath"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slipway-ci/slipway/pipeline/fault"
	"github.com/slipway-ci/slipway/pipeline/image"
)

func TestAMissingKeyIsOfASecretThatIsThere(t *testing.T) {
	const secret = "arn:aws:secretsmanager:eu-central-1:000000000000:secret:blog/dev/app-AbCdEf"
	before := []types.Secret{
		{Name: aws.String("PARAMETER"), ValueFrom: aws.String("/blog/parameter")},
		{Name: aws.String("SECRET_KEY"), ValueFrom: aws.String(secret + ":SECRET_KEY::")},
	}
	definition := &ecs.RegisterTaskDefinitionInput{ContainerDefinitions: []types.ContainerDefinition{{Name: aws.String("web"), Secrets: before}}}
	if err := addSecret(definition, "web"); err != nil {
		t.Fatal(err)
	}
	got := definition.ContainerDefinitions[0].Secrets
	if len(got) != 3 || aws.ToString(got[2].ValueFrom) != secret+":"+fault.MissingKey+"::" {
		t.Errorf("secrets: %d, the last from %q", len(got), aws.ToString(got[len(got)-1].ValueFrom))
	}
	if err := addSecret(definition, "worker"); err == nil {
		t.Error("a container that isn't there got a secret")
	}
}

func TestAContractWithOtherTemplatesKeepsAllElse(t *testing.T) {
	got, err := withTemplates([]byte(`{"version":1,"unknown":{"a":[1]},"services":[{"name":"web","template":"old:1","extra":true}]}`), map[string]string{"web": "new:2"})
	if err != nil {
		t.Fatal(err)
	}
	var document any
	if err := json.Unmarshal(got, &document); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"version": 1.0, "unknown": map[string]any{"a": []any{1.0}},
		"services": []any{map[string]any{"name": "web", "template": "new:2", "extra": true}},
	}
	if diff := cmp.Diff(any(want), document); diff != "" {
		t.Errorf("contract (-want +got):\n%s", diff)
	}
}

func TestAnImageForAnotherPlatformHasTheSameLayers(t *testing.T) {
	for from, to := range map[string]string{"amd64": "arm64", "arm64": "amd64"} {
		built := must(random.Image(100, 2))(t)
		config := must(built.ConfigFile())(t).DeepCopy()
		config.OS, config.Architecture = "linux", from
		built = must(mutate.ConfigFile(built, config))(t)
		dir := t.TempDir()
		archive := filepath.Join(dir, "image.tar")
		if err := tarball.WriteToFile(archive, must(name.NewTag("blog:1"))(t), built); err != nil {
			t.Fatal(err)
		}
		other := must(image.Open(must(OtherPlatform(archive, dir))(t), t.TempDir()))(t)
		if got := must(other.ConfigFile())(t).Architecture; got != to {
			t.Errorf("of %s it made %s, not %s", from, got, to)
		}
		if diff := cmp.Diff(layers(t, built), layers(t, other)); diff != "" {
			t.Errorf("layers (-before +after):\n%s", diff)
		}
	}
}

func layers(t *testing.T, i v1.Image) []string {
	var ids []string
	for _, id := range must(i.ConfigFile())(t).RootFS.DiffIDs {
		ids = append(ids, id.String())
	}
	return ids
}

func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}
