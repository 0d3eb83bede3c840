// Package credentials finds the credentials with which AWS is called, and says plainly when there are none.
package credentials

import (
	"context"
	"errors"
	"fmt"
	"net"
	"regexp"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"

	"github.com/slipway-ci/slipway/pipeline/endpoint"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// region is the form of every region code: https://docs.aws.amazon.com/global-infrastructure/latest/regions/aws-regions.html
var region = regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`)

// Load returns the configuration of every AWS client, from what the environment holds: AWS_ACCESS_KEY_ID and its
// companions, AWS_WEB_IDENTITY_TOKEN_FILE with AWS_ROLE_ARN, or AWS_PROFILE, in the SDK's own order. The SDK fetches new
// short-lived credentials before the old ones end.
func Load(ctx context.Context, in string, to endpoint.Endpoint) (aws.Config, error) {
	if !region.MatchString(in) {
		return aws.Config{}, &report.Failure{
			Reason: fmt.Sprintf("%q is not an AWS region", in),
			Effect: "nothing was changed",
			Next:   `give --region one like "eu-central-1"`,
		}
	}
	if err := to.Check(); err != nil {
		return aws.Config{}, err
	}
	options := []func(*config.LoadOptions) error{
		config.WithRegion(in),
		config.WithRetryMaxAttempts(5),
	}
	if to != "" {
		options = append(options, config.WithBaseEndpoint(string(to)))
	}
	cfg, err := config.LoadDefaultConfig(ctx, options...)
	if err != nil {
		return aws.Config{}, fmt.Errorf("load the AWS configuration: %w", err)
	}
	return cfg, nil
}

// Account returns the account that the credentials belong to. It is the first call of every operation, so that missing,
// refused and expired credentials are told apart from everything that can go wrong later.
func Account(ctx context.Context, cfg aws.Config) (string, error) {
	untouched := "nothing was changed"
	if cfg.Credentials == nil {
		return "", noCredentials(nil)
	}
	if _, err := cfg.Credentials.Retrieve(ctx); err != nil {
		return "", noCredentials(err)
	}
	identity, err := sts.NewFromConfig(cfg).GetCallerIdentity(ctx, nil)
	if err == nil {
		return aws.ToString(identity.Account), nil
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return "", &report.Failure{
			Reason: fmt.Sprintf("AWS refuses the credentials: %s: %s", api.ErrorCode(), api.ErrorMessage()),
			Effect: untouched,
			Next:   "check that the access key belongs to the account and that a session token is given with a temporary one and hasn't expired",
		}
	}
	if dns, ok := errors.AsType[*net.DNSError](err); ok {
		return "", &report.Failure{
			Reason: fmt.Sprintf("the host %s can't be found: is %s a region of AWS, and is there a way to the network?", dns.Name, cfg.Region),
			Effect: untouched,
			Next:   "check --region and --endpoint",
		}
	}
	return "", (&report.Failure{
		Reason: "AWS does not answer who the credentials belong to",
		Effect: untouched,
		Next:   "check --endpoint and the network",
	}).Because(err)
}

func noCredentials(cause error) error {
	f := &report.Failure{
		Reason: "there are no AWS credentials",
		Effect: "nothing was changed",
		Next: "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN with a temporary key); " +
			"to the Dagger functions hand them as --access-key-id env://AWS_ACCESS_KEY_ID --secret-access-key env://AWS_SECRET_ACCESS_KEY",
	}
	if cause == nil {
		return f
	}
	return f.Because(cause)
}
