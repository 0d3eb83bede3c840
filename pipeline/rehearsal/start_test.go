//go:build rehearsal

package rehearsal

import (
	"fmt"
	"testing"
	"time"

	"github.com/slipway-ci/slipway/pipeline/emulator"
)

func TestAnEmulatorThatDoesNotComeUpSaysWhyAndIsGone(t *testing.T) {
	tests := map[string]struct {
		options emulator.Options
		within  time.Duration
		want    []string
	}{
		"a container without privileges": {
			options: emulator.Options{Run: []string{"--init"}},
			within:  time.Minute,
			want:    []string{"start the emulator: its container ended", "its last lines", "does this container run with privileges?", "failed to start daemon"},
		},
		"an emulator that takes longer than the limit": {
			// Nothing that would answer is started.
			options: emulator.Options{Limit: 3 * time.Second, Run: []string{"--entrypoint", "/bin/sh", "--env", "ENV=/dev/null", "--tty", "--interactive"}},
			within:  30 * time.Second,
			want:    []string{"start the emulator: gave up after 3s", "its last lines"},
		},
		"an option that Docker refuses": {
			options: emulator.Options{Run: []string{"--cpus", "100000"}},
			within:  30 * time.Second,
			want:    []string{"start the emulator's container", "CPUs"},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			test.options.Docker = shared.docker
			label := fmt.Sprintf("%s=%d", shared.id, shared.number("start"))
			test.options.Run = append(test.options.Run, "--label", label)
			started := time.Now()
			e, err := emulator.Start(t.Context(), test.options)
			if err == nil {
				t.Errorf("it came up at %s", e.Endpoint())
				if err := e.Stop(shared.ctx); err != nil {
					t.Error(err)
				}
				return
			}
			if took := time.Since(started); took > test.within {
				t.Errorf("it took %s to say so", took)
			}
			holds(t, err.Error(), test.want...)
			left := must(shared.dockerRun(t.Context(), "ps", "--all", "--filter", "label="+label, "--format", "{{.Names}}"))(t)
			if left != "" {
				t.Errorf("still there: %s", left)
			}
		})
	}
}

func TestAMySQLThatDoesNotComeUpShowsItsLastLines(t *testing.T) {
	_, err := shared.startMySQL(t.Context(), 30*time.Second, "--no-such-option=1")
	if err == nil {
		t.Fatal("it came up")
	}
	holds(t, err.Error(), "start MySQL: its container ended", "its last lines", "no-such-option=1")
}
