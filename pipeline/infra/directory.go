package infra

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// Occupy keeps the root module's directory for this process until Leave, and waits for as long as timeout while another has it.
// Who is this run, for those that wait. Terraform keeps in the directory which state it is connected to: two runs in one, for
// two environments, would plan one environment's variables on the other's state. Runs of one environment in two directories
// are the lease's business.
func (t *Terraform) Occupy(ctx context.Context, who string, timeout time.Duration) error {
	file, err := t.lockFile()
	if err != nil {
		return fmt.Errorf("lock the directory %s: %w", t.dir, err)
	}
	begun := time.Now()
	for waiting := false; ; waiting = true {
		// It ends with the process, however that ends. https://man7.org/linux/man-pages/man2/flock.2.html
		err := syscall.Flock(int(file.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			break
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) {
			file.Close()
			return fmt.Errorf("lock the directory %s: %w", t.dir, err)
		}
		holder := occupant(file)
		if time.Since(begun) >= timeout {
			file.Close()
			return &report.Failure{
				Reason:   "another run works in this directory: " + holder,
				Evidence: []string{t.dir},
				Effect:   "nothing was changed",
				Next:     "wait for it, give --lock-timeout a longer time, or work in a checkout of its own",
			}
		}
		if !waiting {
			t.say("waiting for " + holder + ", which works in this directory")
		}
		select {
		case <-ctx.Done():
			file.Close()
			return context.Cause(ctx)
		case <-time.After(t.interval):
		}
	}
	if err := errors.Join(file.Truncate(0), write(file, who)); err != nil {
		file.Close()
		return fmt.Errorf("lock the directory %s: %w", t.dir, err)
	}
	t.occupied = file
	t.removeImports() // of a run that was killed, perhaps for another environment
	return nil
}

// Leave gives the directory back. It may be called without Occupy, and more than once.
func (t *Terraform) Leave() {
	if t.occupied != nil {
		t.occupied.Close()
		t.occupied = nil
	}
}

func (t *Terraform) lockFile() (*os.File, error) {
	file := filepath.Join(t.dir, ".terraform", "slipway.lock")
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		return nil, err
	}
	return os.OpenFile(file, os.O_RDWR|os.O_CREATE, 0o644)
}

func write(file *os.File, line string) error {
	_, err := file.WriteAt([]byte(line+"\n"), 0)
	return err
}

func occupant(file *os.File) string {
	content, _ := io.ReadAll(io.NewSectionReader(file, 0, 1<<10)) // for people
	return cmp.Or(strings.TrimSpace(string(content)), "a run that has just begun")
}

// onDefaultWorkspace refuses a directory in which another of Terraform's workspaces is selected: its state is another one than
// that which lease, lock and plan file are of. "init" keeps the selection where the bucket has such a workspace.
//
// https://developer.hashicorp.com/terraform/language/state/workspaces
func (t *Terraform) onDefaultWorkspace() error {
	content, err := os.ReadFile(filepath.Join(t.dataDir(), "environment"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("see which workspace of Terraform is selected: %w", err)
	}
	selected := cmp.Or(strings.TrimSpace(string(content)), "default")
	if selected == "default" {
		return nil
	}
	return &report.Failure{
		Reason: fmt.Sprintf("Terraform's workspace %q is selected in this directory, and an environment's state is in the default one", selected),
		Effect: "nothing was changed",
		Next:   "terraform workspace select default",
	}
}

// dataDir is where Terraform keeps what it knows of the directory.
//
// https://developer.hashicorp.com/terraform/cli/config/environment-variables#tf_data_dir
func (t *Terraform) dataDir() string {
	dir := cmp.Or(os.Getenv("TF_DATA_DIR"), ".terraform")
	if filepath.IsAbs(dir) {
		return dir
	}
	return filepath.Join(t.dir, dir)
}
