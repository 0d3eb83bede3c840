package main

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/user"
	"regexp"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/sethvargo/go-githubactions"

	"github.com/slipway-ci/slipway/pipeline/credentials"
	"github.com/slipway-ci/slipway/pipeline/endpoint"
	"github.com/slipway-ci/slipway/pipeline/report"
)

// location is where AWS is. Its flags may come from the variables that every AWS tool reads.
type location struct {
	Region   string            `required:"" env:"AWS_REGION" help:"AWS region, like eu-central-1."`
	Endpoint endpoint.Endpoint `env:"AWS_ENDPOINT_URL" help:"URL of an emulator that stands for AWS."`
	Within   time.Duration     `name:"answer-within" default:"20s" env:"SLIPWAY_ANSWER_WITHIN" help:"How long AWS may take to answer a request before it is asked again."`
}

// connect returns the AWS configuration and the account that the credentials belong to.
func (l location) connect(ctx context.Context) (aws.Config, string, error) {
	cfg, err := credentials.Load(ctx, l.Region, l.Endpoint)
	if err != nil {
		return aws.Config{}, "", err
	}
	// By itself the SDK waits for ever. Where no answer begins in time it sends the request again.
	client, ok := cfg.HTTPClient.(*awshttp.BuildableClient)
	if !ok {
		client = awshttp.NewBuildableClient()
	}
	cfg.HTTPClient = client.WithTransportOptions(func(t *http.Transport) { t.ResponseHeaderTimeout = l.Within })
	account, err := credentials.Account(ctx, cfg)
	return cfg, account, err
}

// export hands the location to the programs that this one starts. Terraform's provider and its S3 backend read both.
func (l location) export() error {
	for name, value := range map[string]string{"AWS_REGION": l.Region, "AWS_ENDPOINT_URL": string(l.Endpoint)} {
		if value == "" {
			continue
		}
		if err := os.Setenv(name, value); err != nil {
			return fmt.Errorf("set %s: %w", name, err)
		}
	}
	return nil
}

// target is the environment that a command works on.
type target struct {
	location
	Name        string `required:"" env:"SLIPWAY_NAME" help:"The application's name."`
	Environment string `required:"" env:"SLIPWAY_ENVIRONMENT" help:"The environment, like dev."`
}

// name is what ECR, ECS, RDS and load balancers all take. Lengths are the Terraform's to check: it makes the names.
//
// https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreateRepository.html
var name = regexp.MustCompile(`^[a-z][a-z0-9]*(-[a-z0-9]+)*$`)

// check refuses names that AWS would refuse, in the middle of an apply.
func (t target) check() error {
	for flag, value := range map[string]string{"--name": t.Name, "--environment": t.Environment} {
		if !name.MatchString(value) {
			return &report.Failure{
				Reason: fmt.Sprintf("%s %q can't name anything in ECR, ECS and RDS", flag, value),
				Effect: "nothing was changed",
				Next:   "use lower-case letters, digits and single hyphens between them, beginning with a letter",
			}
		}
	}
	return nil
}

// caller says who runs this: what SLIPWAY_CALLER says, the CI run where there is one, else user and host.
func caller() string {
	if given := os.Getenv("SLIPWAY_CALLER"); given != "" {
		return given
	}
	if run := report.Run(githubactions.New()); run != "" {
		return run
	}
	who := "unknown"
	if u, err := user.Current(); err == nil {
		who = u.Username
	}
	host, err := os.Hostname()
	if err != nil {
		return who
	}
	return who + "@" + host
}
