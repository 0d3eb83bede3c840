// Greeter's pipeline: Slipway's functions, called with this repository's own source.
package main

import (
	"context"

	"dagger/greeter/internal/dagger"
)

// Greeter is the chain for this repository.
type Greeter struct {
	// +private
	Slipway *dagger.Slipway
}

// New says what is deployed and where to.
func New(
	// This repository.
	// +defaultPath="."
	// +ignore=["**/.terraform"]
	source *dagger.Directory,

	// Environment: a file terraform/environments/NAME.tfvars.
	// +default="dev"
	environment string,

	// AWS region.
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

	// Release id; by default the commit.
	// +optional
	commit string,

	// Terraform provider mirror, for networks that can't reach the registry.
	// +optional
	providerMirror *dagger.Directory,
) *Greeter {
	return &Greeter{Slipway: dag.Slipway(dagger.SlipwayOpts{
		Source:          source,
		App:             "greeter",
		Infrastructure:  "terraform",
		Name:            "greeter",
		Environment:     environment,
		Region:          region,
		AccessKeyID:     accessKeyId,
		SecretAccessKey: secretAccessKey,
		SessionToken:    sessionToken,
		Commit:          commit,
		ProviderMirror:  providerMirror,
	})}
}

// Check the format, validate the Terraform, run the tests and build the image. Needs no AWS.
//
// +check
func (g *Greeter) Check(ctx context.Context) (string, error) {
	return g.Slipway.Check(ctx)
}

// Run the whole chain with no AWS account, up to the page that greets.
//
// +cache="never"
func (g *Greeter) Rehearse(ctx context.Context) (string, error) {
	return g.Slipway.
		Rehearse(dagger.SlipwayRehearseOpts{Expect: "Ahoy from the greeter"}).
		Report(ctx, dagger.SlipwayDeploymentReportOpts{Format: "terminal"})
}

// Make the bucket that holds Terraform's state, once per account and region.
//
// +cache="never"
func (g *Greeter) Bootstrap(ctx context.Context) (string, error) {
	return g.Slipway.Bootstrap(ctx)
}

// Run the whole chain, from this source to a page that answers.
//
// +cache="never"
func (g *Greeter) Deploy(ctx context.Context) (string, error) {
	return g.Slipway.Deploy().Report(ctx)
}
