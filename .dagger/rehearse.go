package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-ci/slipway/pipeline/chain"
	faults "github.com/slipway-ci/slipway/pipeline/fault"
	"github.com/slipway-ci/slipway/pipeline/report"

	"dagger/slipway/internal/dagger"
)

// Run the whole chain with no AWS account, against an emulator.
//
// It starts real containers, a real MySQL and a real way through the load balancer, and leaves nothing behind. After the deployment a one-off command writes through the application into the database, and the page that visitors get
// has to show it.
//
// +cache="never"
func (s *Slipway) Rehearse(
	ctx context.Context,

	// One-off command that writes something, as the image's entry point takes it. By default, where expect isn't given
	// either, the blog's command that creates a post.
	// +optional
	write []string,

	// Text that the page at / must hold then; by default the title of that post.
	// +optional
	expect string,

	// Environment that is rehearsed: a file environments/NAME.tfvars made for it.
	// +default="rehearsal"
	environment string,

	// Fault of a second release, which is deployed after the first: crash, crash-later, unhealthy, slow-start, migration,
	// missing-secret, missing-image, wrong-platform, zero-tasks, superseded or out-of-memory. The call then ends as that
	// deployment does. The image needs a shell, and commands named web and release.
	// +optional
	fault string,
) (*Deployment, error) {
	if len(write) == 0 && expect == "" {
		write, expect = []string{"manage", "create_post", "--title", "Rehearsed"}, "Rehearsed"
	}
	r := &rehearsal{write: write, expect: expect}
	rehearsed := chain.Rehearsal{Emulator: r.doEmulator, Bootstrap: r.doBootstrap, Write: r.doWrite, Page: r.doPage}
	if fault != "" {
		var err error
		if r.fault, err = faults.Named(fault); err != nil {
			return nil, failure("rehearse", err)
		}
		rehearsed.Fault = r.doFault
	}
	emulated, err := s.emulated(ctx, environment)
	if err != nil {
		return nil, failure("rehearse", err)
	}
	r.deployment = &deployment{Slipway: emulated}
	rehearsed.Work = r.work()
	result, err := r.execute(ctx, "rehearse", chain.Rehearse(rehearsed))
	return emulated.deployment(ctx, result, err)
}

// How the containers that call AWS reach an emulator that is a service.
const (
	emulatorHost = "emulator"
	emulatorURL  = "http://" + emulatorHost
)

// Start what stands for AWS in a rehearsal, with an empty account.
//
// To look at with "emulator up --ports 4566:80", or to hand to this module's constructor in a test.
//
// +cache="never"
func (s *Slipway) Emulator() (*dagger.Service, error) {
	image, err := emulatorImage()
	if err != nil {
		return nil, err
	}
	return image.
		// The nested engine's own volume: of this run alone while it runs, and found again by the next.
		WithMountedCache("/var/lib/docker", dag.CacheVolume("slipway-emulator"), dagger.ContainerWithMountedCacheOpts{
			Sharing: dagger.CacheSharingModePrivate,
		}).
		// From this engine's own pull, so that its mirrors and its cache serve the nested engine too.
		WithMountedFile("/images/mysql/8.4.tar", dag.Container().From(mysqlImage).AsTarball()).
		WithEnvVariable("REGION", s.Region).
		WithEnvVariable("SLIPWAY_NOW", time.Now().Format(time.RFC3339Nano)).
		WithExposedPort(80).
		AsService(dagger.ContainerAsServiceOpts{UseEntrypoint: true, InsecureRootCapabilities: true}), nil
}

func emulatorImage() (*dagger.Container, error) {
	program, err := embedded()
	if err != nil {
		return nil, err
	}
	return program.Directory("pipeline/emulator").DockerBuild(), nil
}

// emulated is the same chain with an emulator in the place of AWS.
func (s *Slipway) emulated(ctx context.Context, environment string) (*Slipway, error) {
	platform, err := dag.DefaultPlatform(ctx)
	if err != nil {
		return nil, err
	}
	emulator, err := s.Emulator()
	if err != nil {
		return nil, err
	}
	// Not a secret: the emulator takes any, and the client wants some.
	credential := dag.SetSecret("slipway-emulator-credential", "test")

	e := *s
	e.EnvironmentName = environment
	e.AccessKeyID, e.SecretAccessKey, e.SessionToken = credential, credential, nil
	e.StateBucket = ""
	e.Endpoint, e.EmulatorService = emulatorURL, emulator
	e.Platform = platform // its tasks run on this machine
	return &e, nil
}

// rehearsal is a deployment with what comes before and after it.
type rehearsal struct {
	*deployment
	write  []string
	expect string
	fault  faults.Fault
}

// emulatorTimeout is how long the emulator may take from its start to its first answer. It takes about ten seconds, and a
// second rehearsal on one engine waits for the first one's volume.
const emulatorTimeout = 10 * time.Minute

func (r *rehearsal) doEmulator(ctx context.Context) (chain.Done, error) {
	// The image first, which takes a minute the first time and has no limit.
	image, err := emulatorImage()
	if err != nil {
		return chain.Done{}, err
	}
	if _, err := image.Sync(ctx); err != nil {
		return chain.Done{}, err
	}
	limited, cancel := context.WithTimeout(ctx, emulatorTimeout)
	defer cancel()
	if _, err := r.EmulatorService.Start(limited); err != nil {
		return chain.Done{}, (&report.Failure{
			Reason: "the emulator did not come up",
			Effect: "nothing was changed",
			Next:   "what it printed last stands with the service above; it needs an engine that may run privileged services",
		}).Because(err)
	}
	return chain.Done{Summary: "stands for AWS in " + r.Region}, nil
}

func (r *rehearsal) doBootstrap(ctx context.Context) (chain.Done, error) {
	c, err := r.Slipway.application()
	if err != nil {
		return chain.Done{}, err
	}
	_, result, err := perform(ctx, c, "bootstrap")
	return inner(result), err
}

func (r *rehearsal) doWrite(ctx context.Context) (chain.Done, error) {
	if len(r.write) == 0 {
		return chain.Done{Summary: "no command was given"}, nil
	}
	environment := &Environment{Slipway: r.Slipway}
	_, err := environment.run(ctx, r.write)
	return chain.Done{Summary: fmt.Sprintf("%q exited with 0", r.write)}, err
}

func (r *rehearsal) doPage(ctx context.Context) (chain.Done, error) {
	c, err := r.Slipway.application()
	if err != nil {
		return chain.Done{}, err
	}
	_, result, err := perform(ctx, c, "request", "--path", "/", "--expect", r.expect)
	return inner(result), err
}

// doFault deploys another release of the same source, with the fault. The program makes those that come from the
// environment, and the image those that come from inside a task.
func (r *rehearsal) doFault(ctx context.Context) (chain.Done, error) {
	s := *r.Slipway
	s.Commit = r.build.Release + "-" + r.fault.Name
	build, err := s.build(ctx)
	if err != nil {
		return chain.Done{}, err
	}
	entrypoint, err := build.Container.Entrypoint(ctx)
	if err != nil {
		return chain.Done{}, err
	}
	image := build.Container.
		WithNewFile(faults.Path, faults.Entrypoint, dagger.ContainerWithNewFileOpts{Permissions: 0o755}).
		WithEntrypoint([]string{faults.Path}, dagger.ContainerWithEntrypointOpts{KeepDefaultArgs: true})
	for _, variable := range r.fault.Environment(entrypoint) {
		image = image.WithEnvVariable(variable[0], variable[1])
	}
	c, err := r.Slipway.application()
	if err != nil {
		return chain.Done{}, err
	}
	_, result, err := perform(ctx, c.WithMountedFile(archiveFile, image.AsTarball()), "fault",
		r.fault.Name, "--archive", archiveFile, "--commit", build.Release)
	r.deployment.application = result
	return inner(result), err
}

func lastLine(text string) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return lines[len(lines)-1]
}
