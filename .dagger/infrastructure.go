package main

import (
	"context"

	"dagger/slipway/internal/dagger"
)

// Where things are in Terraform's container.
const (
	infrastructureDir = "/infrastructure"
	mirrorDir         = "/provider-mirror"
)

// terraform is Terraform's image with the program, the root module and its providers installed.
func (s *Slipway) terraform() (*dagger.Container, error) {
	c := dag.Container().From(terraformImage)
	if s.ProviderMirror != nil {
		c = c.
			WithMountedDirectory(mirrorDir, s.ProviderMirror).
			WithNewFile("/root/.terraformrc", `provider_installation { filesystem_mirror { path = "`+mirrorDir+`" } }`)
	}
	root := s.Source.Directory(s.Infrastructure)
	install := []string{"terraform", "init", "-backend=false", "-input=false", "-no-color"}
	return withProgram(c.
		WithWorkdir(infrastructureDir).
		WithNewFile("/plan/.keep", "").
		// The providers, a large download, in a layer of their own that only a change of versions.tf makes anew. What else
		// a root module needs is installed with the rest of it.
		WithDirectory(".", root.Filter(dagger.DirectoryFilterOpts{Include: []string{"versions.tf"}})).
		WithExec(install, dagger.ContainerWithExecOpts{Expect: dagger.ReturnTypeAny}).
		WithDirectory(".", root))
}

// Check the Terraform as text: its format, and Terraform's own validation. Needs no AWS.
//
// +check
func (s *Slipway) Validate(ctx context.Context) (string, error) {
	c, err := s.terraform()
	if err != nil {
		return "", err
	}
	_, result, err := perform(ctx, c, "validate", "--infrastructure", infrastructureDir)
	if err != nil {
		return "", failure("validate", err)
	}
	return result.Steps[0].Summary, nil
}

// Make the bucket that holds Terraform's state, once per account and region. Again changes nothing.
//
// +cache="never"
func (s *Slipway) Bootstrap(ctx context.Context) (string, error) {
	c, err := s.application()
	if err != nil {
		return "", err
	}
	_, result, err := perform(ctx, c, "bootstrap")
	if err != nil {
		return "", failure("bootstrap", err)
	}
	return result.Steps[0].Summary, nil
}
