// Package image brings an image from a tarball into a repository: by digest, tagged with its commit, and not at all where
// the repository has it.
package image

import (
	"archive/tar"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// Open reads the one image of an archive, as docker save writes it (manifest.json) or as an OCI layout in a tarball
// (index.json), which is what a Dagger engine exports. scratch is an empty directory that is needed as long as the image
// is.
//
// https://github.com/opencontainers/image-spec/blob/main/image-layout.md
func Open(archive, scratch string) (v1.Image, error) {
	damaged := func(err error) error {
		return (&report.Failure{
			Reason: fmt.Sprintf("the image archive %s can't be read", archive),
			Effect: "nothing was pushed",
			Next:   "build the image again; an archive comes from docker save or from a Dagger container's as-tarball",
		}).Because(err)
	}
	isLayout, err := contains(archive, "index.json")
	if err != nil {
		return nil, damaged(err)
	}
	var image v1.Image
	if isLayout {
		image, err = openLayout(archive, scratch)
	} else {
		image, err = tarball.ImageFromPath(archive, nil)
	}
	if err != nil {
		return nil, damaged(err)
	}
	if isLayout {
		err = present(image)
	} else {
		err = errors.Join(sameConfiguration(archive, image), sameDiffIDs(image))
	}
	if err != nil {
		return nil, damaged(err)
	}
	return image, nil
}

func contains(archive, name string) (bool, error) {
	found := false
	err := entries(archive, func(header *tar.Header, _ io.Reader) error {
		found = found || filepath.Clean(header.Name) == name
		return nil
	})
	return found, err
}

func entries(archive string, each func(*tar.Header, io.Reader) error) error {
	file, err := os.Open(archive)
	if err != nil {
		return err
	}
	defer file.Close()
	reader := tar.NewReader(file)
	for {
		header, err := reader.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if err := each(header, reader); err != nil {
			return err
		}
	}
}

func openLayout(archive, scratch string) (v1.Image, error) {
	root, err := os.OpenRoot(scratch) // an entry named ../… can't leave it
	if err != nil {
		return nil, err
	}
	defer root.Close()
	err = entries(archive, func(header *tar.Header, content io.Reader) error {
		switch header.Typeflag {
		case tar.TypeDir:
			return root.MkdirAll(filepath.Clean(header.Name), 0o755)
		case tar.TypeReg:
			if err := root.MkdirAll(filepath.Dir(filepath.Clean(header.Name)), 0o755); err != nil {
				return err
			}
			return extract(root, filepath.Clean(header.Name), content)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	index, err := layout.ImageIndexFromPath(scratch)
	if err != nil {
		return nil, err
	}
	return only(index)
}

// extract writes one file of a layout. A blob's name is its digest.
func extract(root *os.Root, name string, content io.Reader) error {
	file, err := root.Create(name)
	if err != nil {
		return err
	}
	hash := sha256.New()
	_, err = io.Copy(io.MultiWriter(file, hash), content)
	if err := errors.Join(err, file.Close()); err != nil {
		return err
	}
	got := hex.EncodeToString(hash.Sum(nil))
	if want, isBlob := strings.CutPrefix(filepath.ToSlash(name), "blobs/sha256/"); isBlob && got != want {
		return fmt.Errorf("a blob is damaged: it should be sha256:%s and is sha256:%s", want, got)
	}
	return nil
}

// only returns the image of an index that has one, which may stand in an index of its own.
func only(index v1.ImageIndex) (v1.Image, error) {
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	// BuildKit puts an image's provenance beside it, as if it were an image:
	// https://docs.docker.com/build/metadata/attestations/attestation-storage/
	manifests := slices.DeleteFunc(slices.Clone(manifest.Manifests), func(d v1.Descriptor) bool {
		return d.Annotations["vnd.docker.reference.type"] == "attestation-manifest"
	})
	if len(manifests) != 1 {
		return nil, fmt.Errorf("it holds %d images, and one is wanted", len(manifests))
	}
	descriptor := manifests[0]
	if descriptor.MediaType.IsIndex() {
		inner, err := index.ImageIndex(descriptor.Digest)
		if err != nil {
			return nil, err
		}
		return only(inner)
	}
	return index.Image(descriptor.Digest)
}

// present finds what an archive lacks that ends early. What it has was compared with its digest when it was written out.
func present(image v1.Image) error {
	if _, err := image.RawConfigFile(); err != nil {
		return err
	}
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	for _, layer := range layers {
		content, err := layer.Compressed()
		if err != nil {
			return err
		}
		if err := content.Close(); err != nil {
			return err
		}
	}
	return nil
}

// sameConfiguration compares the configuration with its name in an archive of docker save, which holds its digest:
// "HEX.json" or "sha256:HEX".
func sameConfiguration(archive string, image v1.Image) error {
	manifest, err := tarball.LoadManifest(func() (io.ReadCloser, error) { return os.Open(archive) })
	if err != nil {
		return err
	}
	got, err := image.ConfigName()
	if err != nil {
		return err
	}
	want := strings.TrimPrefix(strings.TrimSuffix(path.Base(manifest[0].Config), ".json"), "sha256:")
	if len(want) == len(got.Hex) && want != got.Hex {
		return fmt.Errorf("the configuration is damaged: it should be sha256:%s and is %s", want, got)
	}
	return nil
}

// sameDiffIDs reads every layer and compares it with what the image's configuration says of it. A layer that was changed
// on its way would be pushed without complaint, and refused by whoever pulls it.
func sameDiffIDs(image v1.Image) error {
	config, err := image.ConfigFile()
	if err != nil {
		return err
	}
	layers, err := image.Layers()
	if err != nil {
		return err
	}
	if len(layers) != len(config.RootFS.DiffIDs) {
		return fmt.Errorf("it has %d layers, and its configuration says %d", len(layers), len(config.RootFS.DiffIDs))
	}
	for i, layer := range layers {
		// Not the layer's own DiffID: where the layer is compressed, that is made from the content it has.
		want := config.RootFS.DiffIDs[i]
		content, err := layer.Uncompressed()
		if err != nil {
			return err
		}
		hash := sha256.New()
		_, err = io.Copy(hash, content)
		if err := errors.Join(err, content.Close()); err != nil {
			return err
		}
		if got := hex.EncodeToString(hash.Sum(nil)); got != want.Hex {
			return fmt.Errorf("a layer is damaged: it should be %s and is sha256:%s", want, got)
		}
	}
	return nil
}
