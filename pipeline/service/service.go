// Package service deploys a release to ECS: it clones the template, runs the migration, updates the services of the
// contract and follows ECS until it has decided. A file per verb.
package service

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ssm"

	"github.com/slipway-ci/slipway/pipeline/contract"
	"github.com/slipway-ci/slipway/pipeline/report"
)

type ecsAPI interface {
	describeAPI
	registerAPI
	taskAPI
	updateAPI
	waitAPI
}

// Deployer deploys to the services of one contract.
type Deployer struct {
	ecs  ecsAPI
	logs logsAPI
	// parameters hold whose turn it is to migrate.
	parameters turnAPI
	contract   contract.Contract
	// interval is the time between two polls. DescribeServices, DescribeTasks and ListTasks share a bucket that refills
	// with 20 calls a second: https://docs.aws.amazon.com/AmazonECS/latest/APIReference/request-throttling.html
	interval time.Duration
	// eager is the time between two looks of Wait at few services shortly after something has changed: then ECS is about to
	// decide. Where it is 0, interval counts.
	eager time.Duration
	// jitter is added to every interval, as a part of it between 0 and 1, so that many runs don't ask in step.
	jitter func() float64
	// attempts is how many tasks of a deployment have to fail before Wait gives up on it, where the cause may pass; 0 leaves that
	// to ECS alone.
	attempts int
	// say gets one line for each thing that happened.
	say func(string)
	// redactor hides secrets in log lines and in what ECS says of a task.
	redactor *redactor
	// diagnose finds out why deployments failed.
	diagnose func(context.Context, []Deployment) report.Diagnosis
}

// Attempts sets how many tasks of a deployment have to fail in a way that does not heal for it to count as failed. One is
// enough for a cause that lies in the release itself. 0 leaves the decision to ECS alone.
func (d *Deployer) Attempts(n int) { d.attempts = n }

// How a Deployer polls where nothing else is said.
const (
	interval = 500 * time.Millisecond
	eager    = 200 * time.Millisecond
	attempts = 2
)

func jitter() float64 { return rand.Float64() / 5 }

// New returns a Deployer for the environment that the contract describes.
func New(cfg aws.Config, c contract.Contract, say func(string)) *Deployer {
	diagnoser := NewDiagnoser(cfg, c)
	return &Deployer{
		ecs:        ecs.NewFromConfig(cfg),
		logs:       cloudwatchlogs.NewFromConfig(cfg),
		parameters: ssm.NewFromConfig(cfg),
		contract:   c,
		interval:   interval,
		eager:      eager,
		jitter:     jitter,
		attempts:   attempts,
		say:        say,
		redactor:   diagnoser.redactor,
		diagnose:   diagnoser.Diagnose,
	}
}

// Release is one image and the revisions registered for it.
type Release struct {
	// Image names the image by digest: "REPOSITORY@sha256:…".
	Image string
	// Commit is the release id that the image was built from.
	Commit string
	// Run says on whose behalf the release was made: the URL of a CI run, or a user on a host.
	Run string
	// Revisions are the ARNs of the revisions registered for the release, by the name of the service in the contract.
	Revisions map[string]string
}

// Digest is the part of the image's reference behind the @.
func (r Release) Digest() string {
	_, digest, _ := strings.Cut(r.Image, "@")
	return digest
}

// Names are the release's revisions as people write them, "blog-dev-web:41", in the contract's order.
func (d *Deployer) Names(r Release) []string {
	var names []string
	for _, service := range d.contract.Services {
		if arn, ok := r.Revisions[service.Name]; ok {
			names = append(names, revisionName(arn))
		}
	}
	return names
}

// revisionName is the part of a task definition's ARN that people write: "blog-dev-web:41".
func revisionName(arn string) string {
	return arn[strings.LastIndexByte(arn, '/')+1:]
}

// taskID is the last part of a task's ARN, which also ends the name of its log stream.
func taskID(arn string) string {
	return arn[strings.LastIndexByte(arn, '/')+1:]
}

// Running returns the ARN of the revision that a service runs now.
func (d *Deployer) Running(ctx context.Context, entry contract.Service) (string, error) {
	services, err := d.describe(ctx)
	if err != nil {
		return "", err
	}
	service, found := services[entry.Service]
	if !found {
		return "", fmt.Errorf("find what service %s runs: there is none in cluster %s", entry.Service, d.contract.Cluster)
	}
	return aws.ToString(service.TaskDefinition), nil
}

// sleep waits for a number of poll intervals or until the context ends.
func (d *Deployer) sleep(ctx context.Context, intervals int) error {
	return d.pause(ctx, time.Duration(intervals)*d.interval)
}

// pause waits for a while, and a little longer, or until the context ends.
func (d *Deployer) pause(ctx context.Context, pause time.Duration) error {
	if d.jitter != nil {
		pause += time.Duration(d.jitter() * float64(pause))
	}
	select {
	case <-ctx.Done():
		return fmt.Errorf("stop waiting: %w", context.Cause(ctx))
	case <-time.After(pause):
		return nil
	}
}
