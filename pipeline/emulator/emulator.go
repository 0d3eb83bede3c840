// Package emulator starts the container that stands for AWS, with plain Docker: the ministack emulator beside a Docker
// engine of its own, so that ECS tasks and RDS instances are real containers.
package emulator

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"embed"
	"encoding/hex"
	"errors"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"github.com/slipway-ci/slipway/pipeline/endpoint"
)

//go:embed Dockerfile start
var source embed.FS

// Image is the tag under which the emulator's image is built. It stays when the container goes, as a cache.
const Image = "slipway/emulator"

// MySQL is the image that the emulator makes RDS instances of, as the engine version asks.
const MySQL = "mysql:8.4"

// Options say how the emulator is started. The zero value does for a machine with Docker.
type Options struct {
	// Docker is the docker program; by default $DOCKER, else docker.
	Docker string
	// Images are handed to the nested engine from the outer one, whose mirrors and caches apply; by default MySQL.
	Images []string
	// Region is the one region to stand for; by default eu-central-1.
	Region string
	// Limit is how long the emulator may take until it answers; by default two minutes.
	Limit time.Duration
	// Run are options of docker run that take the place of those by which the nested engine gets its privileges.
	Run []string
}

// Emulator is a running container.
type Emulator struct {
	docker   string
	name     string
	endpoint endpoint.Endpoint
}

// privileges are the options of docker run that let an engine run in the container, best first. --privileged asks for
// every capability there is and is refused ("unable to apply caps") on a machine that lacks one itself.
var privileges = [][]string{
	{"--privileged"},
	{
		"--cap-add", "ALL", "--cap-drop", "SYS_RESOURCE",
		"--security-opt", "seccomp=unconfined", "--security-opt", "apparmor=unconfined", "--security-opt", "systempaths=unconfined",
		"--device-cgroup-rule", "a *:* rwm", "--volume", "/sys/fs/cgroup:/sys/fs/cgroup:rw",
	},
}

// Start builds the image, starts the container and returns when the emulator answers and its engine has the images. The
// error of an emulator that does not come up ends with its last log lines, and leaves no container behind.
func Start(ctx context.Context, o Options) (_ *Emulator, err error) {
	o.Docker = cmp.Or(o.Docker, Docker())
	o.Region = cmp.Or(o.Region, "eu-central-1")
	o.Limit = cmp.Or(o.Limit, 2*time.Minute)
	if o.Images == nil {
		o.Images = []string{MySQL}
	}
	e := &Emulator{docker: o.Docker, name: "slipway-emulator-" + random()}
	if err := e.build(ctx); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			// The caller's context may be what ended the start.
			err = errors.Join(err, e.Stop(context.WithoutCancel(ctx)))
		}
	}()
	if err := e.run(ctx, o); err != nil {
		return nil, err
	}
	limited, cancel := context.WithTimeoutCause(ctx, o.Limit, fmt.Errorf("gave up after %s", o.Limit))
	defer cancel()
	if err := e.wait(limited); err != nil {
		return nil, fmt.Errorf("start the emulator: %w\nits last lines:\n%s", err, e.lastLines(ctx))
	}
	for _, image := range o.Images {
		if err := e.load(ctx, image); err != nil {
			return nil, fmt.Errorf("hand image %s to the emulator: %w", image, err)
		}
	}
	return e, nil
}

// Docker is the docker program to use: $DOCKER, else docker.
func Docker() string { return cmp.Or(os.Getenv("DOCKER"), "docker") }

// Endpoint is where the emulator answers: a port of this machine, which works where containers run in a virtual machine
// and their own addresses can't be reached.
func (e *Emulator) Endpoint() endpoint.Endpoint { return e.endpoint }

// Logs returns what the emulator has printed.
func (e *Emulator) Logs(ctx context.Context) (string, error) {
	output, err := exec.CommandContext(ctx, e.docker, "logs", e.name).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("read the emulator's log: %w: %s", err, bytes.TrimSpace(output))
	}
	return string(output), nil
}

// Exec runs a command in the emulator's container, where docker is the nested engine's, and returns its standard output.
func (e *Emulator) Exec(ctx context.Context, command ...string) ([]byte, error) {
	return e.try(ctx, append([]string{"exec", e.name}, command...)...)
}

// Stop removes the container and its volume.
func (e *Emulator) Stop(ctx context.Context) error {
	_, err := e.try(ctx, "rm", "--force", "--volumes", e.name)
	if err != nil && strings.Contains(err.Error(), "No such container") {
		return nil
	}
	return err
}

func (e *Emulator) build(ctx context.Context) error {
	dir, err := os.MkdirTemp("", "slipway-emulator-")
	if err != nil {
		return fmt.Errorf("build the emulator's image: %w", err)
	}
	defer os.RemoveAll(dir)
	if err := os.CopyFS(dir, source); err != nil {
		return fmt.Errorf("build the emulator's image: %w", err)
	}
	// An embedded file has no mode.
	if err := os.Chmod(filepath.Join(dir, "start"), 0o755); err != nil {
		return fmt.Errorf("build the emulator's image: %w", err)
	}
	if _, err := e.try(ctx, "build", "--quiet", "--tag", Image, dir); err != nil {
		return fmt.Errorf("build the emulator's image: %w", err)
	}
	return nil
}

func (e *Emulator) run(ctx context.Context, o Options) error {
	choices := privileges
	if o.Run != nil {
		choices = [][]string{o.Run}
	}
	var refusals []error
	for _, options := range choices {
		args := []string{"run", "--detach", "--name", e.name, "--env", "REGION=" + o.Region, "--publish", "127.0.0.1::80"}
		_, err := e.try(ctx, append(append(args, options...), Image)...)
		if err == nil {
			return e.locate(ctx)
		}
		refusals = append(refusals, err)
		if err := e.Stop(ctx); err != nil { // what was created and could not start
			refusals = append(refusals, err)
		}
	}
	return fmt.Errorf("start the emulator's container: %w", errors.Join(refusals...))
}

func (e *Emulator) locate(ctx context.Context) error {
	address, err := e.try(ctx, "port", e.name, "80/tcp")
	if err != nil {
		return fmt.Errorf("find the emulator's port: %w\nits last lines:\n%s", err, e.lastLines(ctx))
	}
	first, _, _ := strings.Cut(strings.TrimSpace(string(address)), "\n")
	e.endpoint = endpoint.Endpoint("http://" + first)
	return nil
}

// wait returns nil when the emulator answers, and an error when its container has ended or the context has.
func (e *Emulator) wait(ctx context.Context) error {
	for {
		if e.healthy(ctx) {
			return nil
		}
		if running, err := e.try(ctx, "inspect", "--format", "{{.State.Running}}", e.name); err == nil && strings.TrimSpace(string(running)) == "false" {
			return errors.New("its container ended")
		}
		select {
		case <-ctx.Done():
			return context.Cause(ctx)
		case <-time.After(200 * time.Millisecond):
		}
	}
}

func (e *Emulator) healthy(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, string(e.endpoint)+"/_ministack/health", nil)
	if err != nil {
		return false
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return false
	}
	defer response.Body.Close()
	return response.StatusCode == http.StatusOK
}

// load copies an image from the outer engine to the nested one. It goes through a pipe: a file to mount would have to lie
// where the engine can see it, which an engine in a virtual machine or on another host can't.
func (e *Emulator) load(ctx context.Context, image string) error {
	if _, err := e.try(ctx, "image", "inspect", image); err != nil {
		if _, err := e.try(ctx, "pull", "--quiet", image); err != nil {
			return err
		}
	}
	save := exec.CommandContext(ctx, e.docker, "save", image)
	load := exec.CommandContext(ctx, e.docker, "exec", "--interactive", e.name, "docker", "load", "--quiet")
	var saved, loaded bytes.Buffer
	save.Stderr, load.Stdout, load.Stderr = &saved, &loaded, &loaded
	pipe, err := save.StdoutPipe()
	if err != nil {
		return err
	}
	load.Stdin = pipe
	if err := errors.Join(load.Start(), save.Start()); err != nil {
		return err
	}
	// Only the two programs hold the pipe now: if one ends early the other notices, and does not wait for it for ever.
	pipe.Close()
	return errors.Join(finished("load", load.Wait(), &loaded), finished("save", save.Wait(), &saved))
}

func finished(program string, err error, printed *bytes.Buffer) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("docker %s: %w: %s", program, err, bytes.TrimSpace(printed.Bytes()))
}

// try runs docker and returns its standard output, or an error with what it printed on standard error.
func (e *Emulator) try(ctx context.Context, args ...string) ([]byte, error) {
	var out, errs bytes.Buffer
	command := exec.CommandContext(ctx, e.docker, args...)
	command.Stdout, command.Stderr = &out, &errs
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("%s %s: %w: %s", e.docker, args[0], err, bytes.TrimSpace(errs.Bytes()))
	}
	return out.Bytes(), nil
}

// shown is how many log lines an error carries.
const shown = 30

func (e *Emulator) lastLines(ctx context.Context) string {
	log, err := e.Logs(context.WithoutCancel(ctx))
	if err != nil {
		return err.Error()
	}
	lines := strings.Split(strings.TrimRight(log, "\n"), "\n")
	return "  " + strings.Join(lines[max(0, len(lines)-shown):], "\n  ")
}

func random() string {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails: https://pkg.go.dev/crypto/rand#Read
	return hex.EncodeToString(b[:])
}
