package image

import (
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// imageFor is an image whose configuration names a platform.
func imageFor(t *testing.T, os, architecture string) v1.Image {
	t.Helper()
	image, err := mutate.ConfigFile(randomImage(t), &v1.ConfigFile{OS: os, Architecture: architecture})
	if err != nil {
		t.Fatal(err)
	}
	return image
}

func TestPlatforms(t *testing.T) {
	on := func(os, architecture, variant string) mutate.IndexAddendum {
		return mutate.IndexAddendum{Add: imageFor(t, os, architecture), Descriptor: v1.Descriptor{
			Platform: &v1.Platform{OS: os, Architecture: architecture, Variant: variant},
		}}
	}
	index := func(additions ...mutate.IndexAddendum) v1.ImageIndex {
		return mutate.AppendManifests(indexOf(), additions...)
	}
	tests := map[string]struct {
		pushed remote.Taggable
		want   []string
	}{
		"an image says it in its configuration":         {imageFor(t, "linux", "arm64"), []string{"linux/arm64"}},
		"an index says it of each image":                {index(on("linux", "amd64", ""), on("linux", "arm64", "v8")), []string{"linux/amd64", "linux/arm64"}},
		"one platform twice is one":                     {index(on("linux", "arm", "v6"), on("linux", "arm", "v7")), []string{"linux/arm"}},
		"an attestation is no image":                    {index(on("linux", "amd64", ""), attestation(t)), []string{"linux/amd64"}},
		"an index within an index is passed over":       {index(on("linux", "amd64", ""), mutate.IndexAddendum{Add: index(on("linux", "s390x", ""))}), []string{"linux/amd64"}},
		"an index of no images":                         {index(), nil},
		"an entry that doesn't say it is asked for its": {index(mutate.IndexAddendum{Add: imageFor(t, "linux", "arm64")}), []string{"linux/arm64"}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			to, _ := registryOf(t)
			repository := NewRepository(&fakeECR{token: token}, url, to)
			auth, err := repository.authenticate(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			tag, err := name.NewTag(url+":pushed", name.Insecure)
			if err != nil {
				t.Fatal(err)
			}
			options := []remote.Option{remote.WithTransport(to.Transport()), remote.WithAuth(auth)}
			digest := ""
			switch pushed := test.pushed.(type) {
			case v1.Image:
				digest, err = digestOf(t, pushed), remote.Write(tag, pushed, options...)
			case v1.ImageIndex:
				hash, digestErr := pushed.Digest()
				digest, err = hash.String(), errors.Join(digestErr, remote.WriteIndex(tag, pushed, options...))
			}
			if err != nil {
				t.Fatal(err)
			}
			got, found, err := repository.Platforms(t.Context(), digest)
			if err != nil || !found {
				t.Fatalf("found %t, error %v", found, err)
			}
			if diff := cmp.Diff(test.want, got); diff != "" {
				t.Errorf("platforms (-want +got):\n%s", diff)
			}
		})
	}
}

func TestPlatformsOfWhatIsNotThere(t *testing.T) {
	to, _ := registryOf(t)
	absent := digestOf(t, randomImage(t))
	if got, found, err := NewRepository(&fakeECR{token: token}, url, to).Platforms(t.Context(), absent); err != nil || found {
		t.Errorf("platforms %v, found %t, error %v", got, found, err)
	}
	refused := errors.New("AccessDeniedException")
	if _, _, err := NewRepository(&fakeECR{err: refused}, url, to).Platforms(t.Context(), absent); !errors.Is(err, refused) {
		t.Errorf("error %v, want the one of the login", err)
	}
	if _, _, err := NewRepository(&fakeECR{token: token}, url, to).Platforms(t.Context(), "latest"); err == nil {
		t.Error("a tag was taken for a digest")
	}
}

func TestPlatformsOfWhatIsNoImage(t *testing.T) {
	if _, err := platforms(&remote.Descriptor{Descriptor: v1.Descriptor{MediaType: types.DockerManifestSchema1}}); err == nil {
		t.Error("no error")
	}
}
