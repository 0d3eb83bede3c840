package fault

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/slipway-ci/slipway/pipeline/report"
)

func TestEveryFaultSaysWhatShouldComeOfIt(t *testing.T) {
	seen := map[string]bool{}
	for _, f := range All {
		if seen[f.Name] {
			t.Errorf("%s stands in the list twice", f.Name)
		}
		seen[f.Name] = true
		if f.Description == "" {
			t.Errorf("%s is not described", f.Name)
		}
		statuses := map[report.Outcome]int{report.Succeeded: 0, report.Failed: 1, report.Superseded: 3}
		if want, known := statuses[f.Outcome]; !known || f.Status != want {
			t.Errorf("%s: outcome %q with exit status %d", f.Name, f.Outcome, f.Status)
		}
		if failed := f.Outcome != report.Succeeded; failed != (f.Step != "") || failed != (f.Cause != "") {
			t.Errorf("%s: outcome %q at step %q with the cause %q", f.Name, f.Outcome, f.Step, f.Cause)
		}
	}
}

func TestAnUnknownNameIsAnsweredWithAll(t *testing.T) {
	_, err := Named("meteor")
	if err == nil {
		t.Fatal("there is a fault meteor")
	}
	for _, text := range []string{`"meteor"`, "crash, ", "out-of-memory"} {
		if !strings.Contains(err.Error(), text) {
			t.Errorf("the error lacks %q: %v", text, err)
		}
	}
}

func TestTheEntryPointConcernsOnlyItsOwnCommand(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "entrypoint")
	for file, content := range map[string]string{script: Entrypoint, filepath.Join(dir, "sleep"): "#!/bin/sh\necho slept $1\n"} {
		if err := os.WriteFile(file, []byte(content), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	tests := map[string]struct {
		fault   string
		command []string
		status  int
		output  string
	}{
		"a crash":                                    {fault: Crash, command: []string{"web"}, status: 3, output: "ImproperlyConfigured: SECRET_KEY is not set\n"},
		"a crash of an image's own command":          {fault: Crash, status: 3, output: "SECRET_KEY is not set"},
		"a crash does not concern the migration":     {fault: Crash, command: []string{"release"}, output: "own it's release"},
		"a crash does not concern one-off commands":  {fault: Crash, command: []string{"manage", "create_post", "--title", "Two  words; $HOME"}, output: "own it's manage create_post --title Two  words; $HOME"},
		"a crash after five seconds":                 {fault: CrashLater, command: []string{"web"}, status: 3, output: "listening on port 8000\nslept 5\nTraceback"},
		"a migration":                                {fault: Migration, command: []string{"release"}, status: 4, output: "Lock wait timeout"},
		"a migration does not concern what serves":   {fault: Migration, command: []string{"web"}, output: "own it's web"},
		"a slow start":                               {fault: SlowStart, command: []string{"web"}, output: "warming up for 20 s\nslept 20\nown it's web"},
		"a killed process":                           {fault: OutOfMemory, command: []string{"web"}, status: 137, output: "into memory"},
		"a fault that does not come from the image":  {fault: ZeroTasks, command: []string{"web"}, output: "own it's web"},
		"a server that fails, for a one-off command": {fault: Unhealthy, command: []string{"manage"}, output: "own it's manage"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := Named(test.fault)
			if err != nil {
				t.Fatal(err)
			}
			command := exec.CommandContext(t.Context(), script, test.command...)
			command.Env = []string{"PATH=" + dir + ":" + os.Getenv("PATH")}
			for _, variable := range f.Environment([]string{"echo", "own", "it's"}) {
				command.Env = append(command.Env, variable[0]+"="+variable[1])
			}
			output, err := command.CombinedOutput()
			status := 0
			if exit, ok := errors.AsType[*exec.ExitError](err); ok {
				status = exit.ExitCode()
			} else if err != nil {
				t.Fatal(err)
			}
			if status != test.status {
				t.Errorf("exit status %d, not %d", status, test.status)
			}
			if !strings.Contains(string(output), test.output) {
				t.Errorf("the output lacks %q:\n%s", test.output, output)
			}
		})
	}
}
