package infra

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// other is another run's Terraform in the same directory.
func other(tf *Terraform) (*Terraform, chan string) {
	said := make(chan string, 10)
	return &Terraform{dir: tf.dir, program: tf.program, interval: time.Millisecond, say: func(line string) { said <- line }}, said
}

func TestOccupyWaitsForWhoHasTheDirectory(t *testing.T) {
	first, _, _ := fake(t, map[string]answer{})
	second, said := other(first)
	if err := first.Occupy(t.Context(), "alice (apply)", 0); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error)
	go func() { ended <- second.Occupy(t.Context(), "bob (plan)", time.Minute) }()
	if line := <-said; line != "waiting for alice (apply), which works in this directory" {
		t.Errorf("it said %q", line)
	}
	select {
	case err := <-ended:
		t.Fatalf("it did not wait: %v", err)
	case <-time.After(20 * time.Millisecond):
	}
	first.Leave()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
	wantFailure(t, &report.Failure{
		Reason: "another run works in this directory: bob (plan)", Evidence: []string{first.dir}, Effect: "nothing was changed",
		Next: "wait for it, give --lock-timeout a longer time, or work in a checkout of its own",
	}, first.Occupy(t.Context(), "alice (apply)", 0))
	if len(said) > 0 {
		t.Errorf("it said %q as well", <-said)
	}
	second.Leave()
	second.Leave()
	if err := first.Occupy(t.Context(), "alice", 0); err != nil {
		t.Error(err)
	}
}

func TestOccupyEndsWithItsContext(t *testing.T) {
	first, _, _ := fake(t, map[string]answer{})
	second, said := other(first)
	if err := first.Occupy(t.Context(), "alice", 0); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancelCause(t.Context())
	interrupt := errors.New("interrupted")
	go func() {
		<-said
		cancel(interrupt)
	}()
	if err := second.Occupy(ctx, "bob", time.Minute); !errors.Is(err, interrupt) {
		t.Errorf("error %v", err)
	}
}

// A run that was killed while it looked for imports leaves them in the directory, where a plan of another environment would
// follow them.
func TestOccupyRemovesImportsThatWereLeft(t *testing.T) {
	tf, _, _ := fake(t, map[string]answer{})
	left := filepath.Join(tf.dir, ImportsFile)
	if err := os.WriteFile(left, []byte("import {}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := tf.Occupy(t.Context(), "alice", 0); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(left); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v", left, err)
	}
}

func TestInitRefusesAnotherWorkspace(t *testing.T) {
	backend := &Backend{Bucket: "states", Key: "blog/dev", Region: "eu-central-1"}
	for selected, refused := range map[string]bool{"": false, "default": false, "feature": true} {
		t.Run(selected, func(t *testing.T) {
			tf, calls, _ := fake(t, map[string]answer{})
			data := t.TempDir()
			t.Setenv("TF_DATA_DIR", data)
			if err := os.WriteFile(filepath.Join(data, "environment"), []byte(selected), 0o644); err != nil {
				t.Fatal(err)
			}
			err := tf.Init(t.Context(), backend)
			if !slices.ContainsFunc(calls(), func(call string) bool { return call[:4] == "init" }) {
				t.Errorf("calls %q", calls())
			}
			if !refused && err != nil {
				t.Error(err)
			}
			if refused {
				wantFailure(t, &report.Failure{
					Reason: `Terraform's workspace "feature" is selected in this directory, and an environment's state is in the default one`,
					Effect: "nothing was changed", Next: "terraform workspace select default",
				}, err)
			}
			if err := tf.Init(t.Context(), nil); err != nil { // without a state it is all the same
				t.Error(err)
			}
		})
	}
}
