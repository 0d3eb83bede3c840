package image

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// Platforms returns the platforms that the image with this digest is for, "linux/amd64", and false where the repository does
// not have it. An index has one for each of its images.
func (r Repository) Platforms(ctx context.Context, digest string) ([]string, bool, error) {
	var options []name.Option
	if r.to != "" {
		options = append(options, name.Insecure) // the emulator's registry speaks plain HTTP
	}
	reference, err := name.NewDigest(r.url+"@"+digest, options...)
	if err != nil {
		return nil, false, fmt.Errorf("read image %s: %w", digest, err)
	}
	auth, err := r.authenticate(ctx)
	if err != nil {
		return nil, false, err
	}
	descriptor, err := remote.Get(reference, r.options(ctx, auth)...)
	if registry, ok := errors.AsType[*transport.Error](err); ok && registry.StatusCode == http.StatusNotFound {
		return nil, false, nil
	}
	if err != nil {
		return nil, false, fmt.Errorf("read image %s: %w", reference, err)
	}
	platforms, err := platforms(descriptor)
	if err != nil {
		return nil, false, fmt.Errorf("read the platform of image %s: %w", reference, err)
	}
	return platforms, true, nil
}

func platforms(descriptor *remote.Descriptor) ([]string, error) {
	switch {
	case descriptor.MediaType.IsImage():
		image, err := descriptor.Image()
		if err != nil {
			return nil, err
		}
		platform, err := platformOf(image)
		return []string{platform}, err
	case !descriptor.MediaType.IsIndex():
		return nil, fmt.Errorf("it is of type %s, which is no image", descriptor.MediaType)
	}
	index, err := descriptor.ImageIndex()
	if err != nil {
		return nil, err
	}
	manifest, err := index.IndexManifest()
	if err != nil {
		return nil, err
	}
	var found []string
	for _, entry := range manifest.Manifests {
		if !entry.MediaType.IsImage() {
			continue
		}
		platform := ""
		if entry.Platform != nil {
			platform = entry.Platform.OS + "/" + entry.Platform.Architecture
		} else if image, err := index.Image(entry.Digest); err != nil {
			return nil, err
		} else if platform, err = platformOf(image); err != nil {
			return nil, err
		}
		// BuildKit keeps its attestations beside the images, as images of this platform.
		if platform != "unknown/unknown" && !slices.Contains(found, platform) {
			found = append(found, platform)
		}
	}
	return found, nil
}

func platformOf(image v1.Image) (string, error) {
	config, err := image.ConfigFile()
	if err != nil {
		return "", err
	}
	return config.OS + "/" + config.Architecture, nil
}
