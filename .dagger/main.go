// Slipway takes a containerised web application and the Terraform that describes its AWS environment to production, on a
// laptop exactly as in CI.
//
// Start with `dagger call rehearse`: the whole chain, without an AWS account.
package main

import (
	"context"
	"fmt"

	"dagger/slipway/internal/dagger"
)

// Slipway is the chain for one environment of one application.
type Slipway struct {
	// +private
	Source *dagger.Directory
	// +private
	App string
	// +private
	Infrastructure string
	// +private
	Name string
	// +private
	EnvironmentName string
	// +private
	Region string
	// +private
	AccessKeyID *dagger.Secret
	// +private
	SecretAccessKey *dagger.Secret
	// +private
	SessionToken *dagger.Secret
	// +private
	StateBucket string
	// +private
	LockTable string
	// +private
	Endpoint string
	// +private
	EmulatorService *dagger.Service
	// +private
	Platform dagger.Platform
	// +private
	ProviderMirror *dagger.Directory
	// +private
	PlanKey *dagger.Secret
	// +private
	Commit string
	// +private
	Caller string
}

// New describes what is deployed and where to. Without credentials everything works that does not touch AWS.
func New(
	// The repository: the application, its Terraform, and its git history, which names the release.
	// +defaultPath="/"
	// +ignore=["**/.terraform", "**/__pycache__", "**/node_modules", "**/.venv", "bin"]
	source *dagger.Directory,

	// Directory of the application, with its Dockerfile.
	// +default="blog"
	app string,

	// Directory of Terraform's root module.
	// +default="terraform"
	infrastructure string,

	// Name of the application; with the environment it names everything in AWS.
	// +default="blog"
	name string,

	// Environment: a file environments/NAME.tfvars beside the Terraform.
	// +default="dev"
	environment string,

	// AWS region, like eu-central-1.
	// +default="eu-central-1"
	region string,

	// AWS access key, as env://AWS_ACCESS_KEY_ID.
	// +optional
	accessKeyId *dagger.Secret,

	// AWS secret key, as env://AWS_SECRET_ACCESS_KEY.
	// +optional
	secretAccessKey *dagger.Secret,

	// Session token of a short-lived key, as env://AWS_SESSION_TOKEN.
	// +optional
	sessionToken *dagger.Secret,

	// Bucket of Terraform's state; by default slipway-state-ACCOUNT-REGION, which bootstrap makes.
	// +optional
	stateBucket string,

	// DynamoDB table with Terraform's locks, where there still is one, beside the lock in the state bucket.
	// +optional
	lockTable string,

	// URL of an emulator that stands for AWS.
	// +optional
	endpoint string,

	// Emulator that stands for AWS, as a service. It is the host "emulator"; on another port than 80 the endpoint says so.
	// +optional
	emulator *dagger.Service,

	// Platform that the image is built for: the one that the Terraform's tasks run on.
	// +default="linux/amd64"
	platform dagger.Platform,

	// Terraform provider mirror in the layout of a filesystem_mirror, for networks that can't reach the registry.
	// +optional
	providerMirror *dagger.Directory,

	// Key of plan files that are kept for a later call, as env://SLIPWAY_PLAN_KEY; new-plan-key draws one.
	// +optional
	planKey *dagger.Secret,

	// Release id; by default the commit, with a mark where the tree holds uncommitted changes.
	// +optional
	commit string,

	// Who deploys, kept with what was registered: the URL of a CI run, or a name.
	// +optional
	caller string,
) *Slipway {
	if emulator != nil && endpoint == "" {
		endpoint = emulatorURL
	}
	return &Slipway{
		Source:          source,
		App:             app,
		Infrastructure:  infrastructure,
		Name:            name,
		EnvironmentName: environment,
		Region:          region,
		AccessKeyID:     accessKeyId,
		SecretAccessKey: secretAccessKey,
		SessionToken:    sessionToken,
		StateBucket:     stateBucket,
		LockTable:       lockTable,
		Endpoint:        endpoint,
		Platform:        platform,
		ProviderMirror:  providerMirror,
		PlanKey:         planKey,
		Commit:          commit,
		Caller:          caller,
		EmulatorService: emulator,
	}
}

// release returns the id of what is being released: the commit, and where the tree differs from it a digest of the
// application behind it, so that two states of a tree are two releases.
func (s *Slipway) release(ctx context.Context) (string, error) {
	if s.Commit != "" {
		return s.Commit, nil
	}
	isRepository, err := s.Source.Exists(ctx, ".git")
	if err != nil {
		return "", err
	}
	if !isRepository {
		return "", fmt.Errorf("the source holds no .git, so no commit names the release: give one with --commit")
	}
	repository := s.Source.AsGit()
	commit, err := repository.Head().Commit(ctx)
	if err != nil {
		return "", fmt.Errorf("find the commit of the source (give one with --commit): %w", err)
	}
	clean, err := repository.Uncommitted().IsEmpty(ctx)
	if err != nil {
		return "", fmt.Errorf("compare the source with its commit: %w", err)
	}
	if clean {
		return commit, nil
	}
	digest, err := s.app().Digest(ctx)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s-dirty-%.12s", commit, digest[len("sha256:"):]), nil
}

// app is the application's directory.
func (s *Slipway) app() *dagger.Directory {
	return s.Source.Directory(s.App)
}
