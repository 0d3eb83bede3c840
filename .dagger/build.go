package main

import (
	"context"

	"github.com/slipway-ci/slipway/pipeline/report"

	"dagger/slipway/internal/dagger"
)

// releaseArgument is the build argument through which an image learns its release id, to answer with it later.
const releaseArgument = "RELEASE"

// Build the application's image from its Dockerfile.
func (s *Slipway) Build(ctx context.Context) (*Build, error) {
	build, err := s.build(ctx)
	if err != nil {
		return nil, failure("build", err)
	}
	return build, nil
}

func (s *Slipway) build(ctx context.Context) (*Build, error) {
	if err := s.hasDockerfile(ctx); err != nil {
		return nil, err
	}
	release, err := s.release(ctx)
	if err != nil {
		return nil, err
	}
	container, err := s.app().DockerBuild(dagger.DirectoryDockerBuildOpts{
		Platform:  s.Platform,
		BuildArgs: []dagger.BuildArg{{Name: releaseArgument, Value: release}},
	}).Sync(ctx)
	if err != nil {
		return nil, explain("the image does not build", err)
	}
	// Here and not when it is pushed: the archive takes seconds to make, during which infrastructure can be applied.
	archive, err := container.AsTarball().Sync(ctx)
	if err != nil {
		return nil, err
	}
	return &Build{Slipway: s, Release: release, Container: container, Archive: archive}, nil
}

// hasDockerfile returns a failure where the application's directory isn't one.
func (s *Slipway) hasDockerfile(ctx context.Context) error {
	found, err := s.Source.Exists(ctx, s.App+"/Dockerfile")
	if err != nil {
		return err
	}
	if !found {
		return &report.Failure{
			Reason: "there is no " + s.App + "/Dockerfile",
			Effect: "nothing was changed",
			Next:   "give the application's directory with --app",
		}
	}
	return nil
}

// Build is the application's image, built and not pushed.
type Build struct {
	// +private
	Slipway *Slipway

	// Release id that the image answers with.
	Release string

	// The image.
	Container *dagger.Container

	// The image as an archive, as it is pushed.
	Archive *dagger.File
}

// Run the Dockerfile's stage "test" against a MySQL server of its own.
func (b *Build) Test(ctx context.Context) (string, error) {
	output, err := b.Slipway.test(ctx)
	if err != nil {
		return "", failure("test", err)
	}
	return output, nil
}

// Push the image into the environment's repository: by digest, and not at all where the repository has it.
//
// +cache="never"
func (b *Build) Push(
	ctx context.Context,

	// Environment to push to; by default the one that the constructor names.
	// +optional
	environment *Environment,
) (*Image, error) {
	target := b.Slipway
	if environment != nil {
		target = environment.Slipway
	}
	c, err := target.application()
	if err != nil {
		return nil, err
	}
	_, result, err := perform(ctx, b.mount(c), "push", "--archive", archiveFile, "--commit", b.Release)
	if err != nil {
		return nil, failure("push", err)
	}
	return &Image{Digest: result.Release.Digest, Release: b.Release}, nil
}

// archiveFile is where the image lies in the containers that push it.
const archiveFile = "/image.tar"

func (b *Build) mount(c *dagger.Container) *dagger.Container {
	return c.WithMountedFile(archiveFile, b.Archive)
}

// Image is an image in an environment's repository.
type Image struct {
	// Digest of the image, "sha256:…".
	Digest string

	// Release id that the image answers with.
	Release string
}

// Run the application's tests: the Dockerfile's stage "test" against a MySQL server of its own.
//
// +check
func (s *Slipway) Test(ctx context.Context) (string, error) {
	output, err := s.test(ctx)
	if err != nil {
		return "", failure("test", err)
	}
	return output, nil
}

func (s *Slipway) test(ctx context.Context) (string, error) {
	if err := s.hasDockerfile(ctx); err != nil {
		return "", err
	}
	const password = "test" // of a server that lives as long as the tests
	mysql := dag.Container().From(mysqlImage).
		WithEnvVariable("MYSQL_ROOT_PASSWORD", password).
		WithExposedPort(3306).
		AsService(dagger.ContainerAsServiceOpts{UseEntrypoint: true})
	tests := s.app().DockerBuild(dagger.DirectoryDockerBuildOpts{Target: "test"}).
		WithServiceBinding("mysql", mysql)
	// One after the other, not from a map: in another order they would be another layer, and the tests would run again.
	tests = tests.
		WithEnvVariable("DATABASE_HOST", "mysql").
		WithEnvVariable("DATABASE_PORT", "3306").
		WithEnvVariable("DATABASE_NAME", "blog").
		WithEnvVariable("DATABASE_USER", "root").
		WithEnvVariable("DATABASE_PASSWORD", password)
	command, err := tests.DefaultArgs(ctx)
	if err != nil {
		return "", explain("the image of the tests does not build", err)
	}
	output, err := tests.WithExec(command).Stdout(ctx)
	return output, explain("the application's tests failed", err)
}
