package infra

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// leavings are what Terraform and its users leave in a root module, and what is no part of it.
func leavings(entry fs.DirEntry) bool {
	name := entry.Name()
	if entry.IsDir() {
		return name == ".terraform"
	}
	return name == ".terraform.lock.hcl" || name == ImportsFile || name == "crash.log" ||
		slices.ContainsFunc([]string{".tfstate", ".tfplan", ".backup"}, func(s string) bool { return strings.HasSuffix(name, s) })
}

// SourceDigest is the SHA-256 of the root module's files and their names, in hexadecimal. It is the same wherever the same
// files lie.
func (t *Terraform) SourceDigest() (string, error) {
	sum := sha256.New()
	err := filepath.WalkDir(t.dir, func(path string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case leavings(entry) && entry.IsDir():
			return fs.SkipDir
		case leavings(entry) || !entry.Type().IsRegular():
			return nil
		}
		file, err := os.Open(path)
		if err != nil {
			return err
		}
		defer file.Close()
		content := sha256.New()
		if _, err := io.Copy(content, file); err != nil {
			return err
		}
		relative, err := filepath.Rel(t.dir, path)
		if err != nil {
			return err
		}
		_, err = fmt.Fprintf(sum, "%x %s\n", content.Sum(nil), filepath.ToSlash(relative))
		return err
	})
	if err != nil {
		return "", fmt.Errorf("read the Terraform files: %w", err)
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}

// Versions are Terraform's own version and those of the providers that are installed for the root module, by source address.
func (t *Terraform) Versions(ctx context.Context) (terraform string, providers map[string]string, err error) {
	tf, err := t.command()
	if err != nil {
		return "", nil, err
	}
	version, selected, err := tf.Version(ctx, true)
	if err != nil {
		return "", nil, t.failed("version", nil, err)
	}
	providers = make(map[string]string, len(selected))
	for source, version := range selected {
		providers[source] = version.String()
	}
	return version.String(), providers, nil
}
