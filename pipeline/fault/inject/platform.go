package inject

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"github.com/slipway-ci/slipway/pipeline/image"
)

// OtherPlatform writes the image of an archive into the directory once more, as one for another platform, and returns the
// new archive. Its programs stay what they are.
func OtherPlatform(archive, dir string) (string, error) {
	scratch, err := os.MkdirTemp(dir, "layout-")
	if err != nil {
		return "", err
	}
	built, err := image.Open(archive, scratch)
	if err != nil {
		return "", err
	}
	config, err := built.ConfigFile()
	if err != nil {
		return "", fmt.Errorf("read the image's configuration: %w", err)
	}
	config = config.DeepCopy()
	if config.Architecture == "amd64" {
		config.Architecture = "arm64"
	} else {
		config.Architecture = "amd64"
	}
	other, err := mutate.ConfigFile(built, config)
	if err != nil {
		return "", fmt.Errorf("rewrite the image for %s: %w", config.Architecture, err)
	}
	tag, err := name.NewTag("slipway/other-platform")
	if err != nil {
		return "", err
	}
	file := filepath.Join(dir, "other-platform.tar")
	if err := tarball.WriteToFile(file, tag, other); err != nil {
		return "", fmt.Errorf("write the image for %s: %w", config.Architecture, err)
	}
	return file, nil
}
