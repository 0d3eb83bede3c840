package image

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// files are the entries of an archive by their names.
type files map[string][]byte

func randomImage(t testing.TB) v1.Image {
	t.Helper()
	image, err := random.Image(2048, 3)
	if err != nil {
		t.Fatal(err)
	}
	return image
}

// saved is an archive as docker save wrote it before it wrote layouts, with its layers compressed.
func saved(t testing.TB, image v1.Image) files {
	t.Helper()
	tag, err := name.NewTag("blog:dev")
	if err != nil {
		t.Fatal(err)
	}
	var b bytes.Buffer
	if err := tarball.Write(tag, image, &b); err != nil {
		t.Fatal(err)
	}
	entries := files{}
	reader := tar.NewReader(&b)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return entries
		}
		if err != nil {
			t.Fatal(err)
		}
		if entries[header.Name], err = io.ReadAll(reader); err != nil {
			t.Fatal(err)
		}
	}
}

// plain is the same archive with its layers as they are.
func plain(t testing.TB, archive files) files {
	t.Helper()
	for _, name := range archive.layers() {
		reader, err := gzip.NewReader(bytes.NewReader(archive[name]))
		if err != nil {
			t.Fatal(err)
		}
		if archive[name], err = io.ReadAll(reader); err != nil {
			t.Fatal(err)
		}
	}
	return archive
}

// layers are the names of the layers of an archive of docker save.
func (f files) layers() []string {
	return slices.Sorted(func(yield func(string) bool) {
		for name := range f {
			if strings.HasSuffix(name, ".tar.gz") && !yield(name) {
				return
			}
		}
	})
}

// laidOut is an index as an OCI layout.
func laidOut(t testing.TB, index v1.ImageIndex) files {
	t.Helper()
	dir := t.TempDir()
	if _, err := layout.Write(dir, index); err != nil {
		t.Fatal(err)
	}
	entries := files{}
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		relative, err := filepath.Rel(dir, path)
		if err != nil {
			return err
		}
		entries[filepath.ToSlash(relative)], err = os.ReadFile(path)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return entries
}

func indexOf(entries ...mutate.Appendable) v1.ImageIndex {
	var additions []mutate.IndexAddendum
	for _, entry := range entries {
		additions = append(additions, mutate.IndexAddendum{Add: entry})
	}
	return mutate.AppendManifests(empty.Index, additions...)
}

func (f files) bytes(t testing.TB) []byte {
	t.Helper()
	var b bytes.Buffer
	writer := tar.NewWriter(&b)
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if err := writer.WriteHeader(&tar.Header{Name: name, Mode: 0o644, Size: int64(len(f[name])), Typeflag: tar.TypeReg}); err != nil {
			t.Fatal(err)
		}
		if _, err := writer.Write(f[name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func write(t testing.TB, content []byte) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "image.tar")
	if err := os.WriteFile(file, content, 0o644); err != nil {
		t.Fatal(err)
	}
	return file
}

// blobs are the names of the blobs of the image's layers in a layout.
func blobs(t *testing.T, image v1.Image) []string {
	t.Helper()
	layers, err := image.Layers()
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, layer := range layers {
		digest, err := layer.Digest()
		if err != nil {
			t.Fatal(err)
		}
		names = append(names, "blobs/sha256/"+digest.Hex)
	}
	return names
}

func attestation(t *testing.T) mutate.IndexAddendum {
	return mutate.IndexAddendum{Add: randomImage(t), Descriptor: v1.Descriptor{
		Platform:    &v1.Platform{OS: "unknown", Architecture: "unknown"},
		Annotations: map[string]string{"vnd.docker.reference.type": "attestation-manifest"},
	}}
}

func TestOpen(t *testing.T) {
	image := randomImage(t)
	tests := map[string]files{
		"docker save, layers compressed":                   saved(t, image),
		"docker save, layers as they are":                  plain(t, saved(t, image)),
		"a layout":                                         laidOut(t, indexOf(image)),
		"a layout with an index in its index":              laidOut(t, indexOf(indexOf(image))),
		"a layout that also holds what docker save writes": laidOut(t, indexOf(image)),
		"a layout with the provenance that BuildKit adds": laidOut(t, indexOf(
			mutate.AppendManifests(indexOf(image), attestation(t)))),
	}
	maps.Copy(tests["a layout that also holds what docker save writes"], saved(t, image))
	for sentence, archive := range tests {
		t.Run(sentence, func(t *testing.T) {
			scratch := t.TempDir()
			got, err := Open(write(t, archive.bytes(t)), scratch)
			if err != nil {
				t.Fatal(err)
			}
			// The digest of docker save's manifest is made while it is read, so the configuration is compared.
			for what, name := range map[string]func(v1.Image) (v1.Hash, error){"configuration": v1.Image.ConfigName} {
				want, err := name(image)
				if err != nil {
					t.Fatal(err)
				}
				if have, err := name(got); err != nil || have != want {
					t.Errorf("%s %s, error %v, want %s", what, have, err, want)
				}
			}
			layers, err := got.Layers()
			if err != nil || len(layers) != 3 {
				t.Errorf("%d layers, error %v, want 3", len(layers), err)
			}
		})
	}
}

func TestALayoutKeepsItsDigest(t *testing.T) {
	image := randomImage(t)
	want, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	got, err := Open(write(t, laidOut(t, indexOf(image)).bytes(t)), t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	if digest, err := got.Digest(); err != nil || digest != want {
		t.Errorf("digest %s, error %v, want %s", digest, err, want)
	}
}

func TestOpenOfADamagedArchive(t *testing.T) {
	image, other := randomImage(t), randomImage(t)
	flip := func(archive files, name string) files {
		content := bytes.Clone(archive[name])
		content[len(content)/2] ^= 1
		archive[name] = content
		return archive
	}
	without := func(archive files, name string) files {
		delete(archive, name)
		return archive
	}
	tests := map[string]struct {
		content []byte
		want    string // in the cause
	}{
		"nothing":                      {nil, "manifest.json"},
		"no archive":                   {[]byte("this is not an archive, and it is longer than a header of one. " + strings.Repeat("x", 1024)), "invalid tar header"},
		"an archive of something else": {files{"README": []byte("x")}.bytes(t), "manifest.json"},
		"docker save, half of it": {
			func() []byte { b := saved(t, image).bytes(t); return b[:len(b)/2] }(), "unexpected EOF"},
		"a layout, half of it": {
			func() []byte { b := laidOut(t, indexOf(image)).bytes(t); return b[:len(b)/2] }(), ""},
		"docker save, a byte of a compressed layer": {
			func() []byte { a := saved(t, image); return flip(a, a.layers()[1]).bytes(t) }(), ""},
		"docker save, a byte of a plain layer": {
			func() []byte { a := plain(t, saved(t, image)); return flip(a, a.layers()[1]).bytes(t) }(), "a layer is damaged: it should be sha256:"},
		"docker save, another image's layer": {
			func() []byte {
				a, b := saved(t, image), saved(t, other)
				a[a.layers()[1]] = b[b.layers()[0]]
				return a.bytes(t)
			}(), "a layer is damaged: it should be sha256:"},
		"docker save without a layer": {
			func() []byte { a := saved(t, image); return without(a, a.layers()[1]).bytes(t) }(), "not found in tar"},
		"docker save, a byte of the configuration": {
			func() []byte {
				a := saved(t, image)
				config, err := image.ConfigName()
				if err != nil {
					t.Fatal(err)
				}
				a[config.String()] = bytes.Replace(a[config.String()], []byte(`"architecture":"`), []byte(`"architecture":"x`), 1)
				return a.bytes(t)
			}(), "the configuration is damaged: it should be sha256:"},
		"a layout, a byte of a layer": {
			flip(laidOut(t, indexOf(image)), blobs(t, image)[1]).bytes(t), "a blob is damaged: it should be sha256:"},
		"a layout without a layer": {
			without(laidOut(t, indexOf(image)), blobs(t, image)[2]).bytes(t), "no such file"},
		"a layout without its manifest": {
			func() []byte {
				digest, err := image.Digest()
				if err != nil {
					t.Fatal(err)
				}
				return without(laidOut(t, indexOf(image)), "blobs/sha256/"+digest.Hex).bytes(t)
			}(), "no such file"},
		"a layout whose index is no JSON": {
			func() []byte { a := laidOut(t, indexOf(image)); a["index.json"] = []byte("{"); return a.bytes(t) }(), "unexpected end of JSON input"},
		"a layout of two images":             {laidOut(t, indexOf(image, other)).bytes(t), "it holds 2 images, and one is wanted"},
		"a layout of two images, one inside": {laidOut(t, indexOf(indexOf(image, other))).bytes(t), "it holds 2 images, and one is wanted"},
		"a layout of no image":               {laidOut(t, empty.Index).bytes(t), "it holds 0 images, and one is wanted"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			archive := write(t, test.content)
			image, err := Open(archive, t.TempDir())
			failure, ok := errors.AsType[*report.Failure](err)
			if !ok || image != nil {
				t.Fatalf("image %v, error %v, want a failure", image, err)
			}
			if want := fmt.Sprintf("the image archive %s can't be read", archive); failure.Reason != want {
				t.Errorf("reason %q, want %q", failure.Reason, want)
			}
			if failure.Effect != "nothing was pushed" {
				t.Errorf("effect %q", failure.Effect)
			}
			if !strings.Contains(failure.Cause, test.want) {
				t.Errorf("cause %q, want %q", failure.Cause, test.want)
			}
		})
	}
}

func TestOpenOfAFileThatIsNotThere(t *testing.T) {
	_, err := Open(filepath.Join(t.TempDir(), "gone.tar"), t.TempDir())
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("error %v", err)
	}
}

// tree lists the files below a directory.
func tree(t testing.TB, dir string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(dir, func(path string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			found = append(found, strings.TrimPrefix(path, dir))
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

func TestAnEntryCanNotLeaveTheScratchDirectory(t *testing.T) {
	for _, evil := range []string{"../evil", "blobs/../../evil", "blobs/sha256/../../../evil"} {
		t.Run(evil, func(t *testing.T) {
			archive := laidOut(t, indexOf(randomImage(t)))
			archive[evil] = []byte("x")
			parent := t.TempDir()
			scratch := filepath.Join(parent, "scratch")
			if err := os.Mkdir(scratch, 0o755); err != nil {
				t.Fatal(err)
			}
			_, err := Open(write(t, archive.bytes(t)), scratch)
			if failure, ok := errors.AsType[*report.Failure](err); !ok || !strings.Contains(failure.Cause, "path escapes from parent") {
				t.Errorf("error %v", err)
			}
			for _, file := range tree(t, parent) {
				if !strings.HasPrefix(file, "/scratch/") {
					t.Errorf("it wrote %s", file)
				}
			}
		})
	}
}

// A damaged or hostile archive is an error, never a panic and never a file outside the scratch directory; what opens can
// be pushed.
func FuzzOpen(f *testing.F) {
	image, err := random.Image(64, 1)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(saved(f, image).bytes(f))
	f.Add(plain(f, saved(f, image)).bytes(f))
	whole := laidOut(f, indexOf(image)).bytes(f)
	f.Add(whole)
	f.Add(whole[:700])
	f.Add([]byte{})
	f.Add(files{"index.json": []byte(`{"manifests":[{}]}`), "../x": nil}.bytes(f))
	f.Add(files{"manifest.json": []byte(`[{"Config":"c","Layers":["l"]}]`), "c": []byte(`{"rootfs":{"diff_ids":[]}}`), "l": []byte("l")}.bytes(f))
	f.Add(files{"manifest.json": []byte(`[{}]`)}.bytes(f))
	f.Add(files{"manifest.json": []byte(`[]`)}.bytes(f))
	f.Fuzz(func(t *testing.T, content []byte) {
		parent := t.TempDir()
		scratch := filepath.Join(parent, "scratch")
		if err := os.Mkdir(scratch, 0o755); err != nil {
			t.Fatal(err)
		}
		image, err := Open(write(t, content), scratch)
		for _, file := range tree(t, parent) {
			if !strings.HasPrefix(file, "/scratch/") {
				t.Errorf("it wrote %s", file)
			}
		}
		if err != nil {
			return
		}
		if _, err := image.Digest(); err != nil {
			t.Errorf("it opens, and has no digest: %v", err)
		}
		layers, err := image.Layers()
		if err != nil {
			t.Errorf("it opens, and has no layers: %v", err)
		}
		for _, layer := range layers {
			if _, err := layer.Size(); err != nil {
				t.Errorf("it opens, and a layer has no size: %v", err)
			}
		}
	})
}

// The media types that tell an image from an index in a layout.
func TestMediaTypes(t *testing.T) {
	got := map[types.MediaType]bool{}
	for _, mediaType := range []types.MediaType{types.OCIImageIndex, types.DockerManifestList, types.OCIManifestSchema1, types.DockerManifestSchema2} {
		got[mediaType] = mediaType.IsIndex()
	}
	want := map[types.MediaType]bool{
		"application/vnd.oci.image.index.v1+json": true, "application/vnd.docker.distribution.manifest.list.v2+json": true,
		"application/vnd.oci.image.manifest.v1+json": false, "application/vnd.docker.distribution.manifest.v2+json": false,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("indexes (-want +got):\n%s", diff)
	}
}
