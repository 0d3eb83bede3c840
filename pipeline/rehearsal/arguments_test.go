//go:build rehearsal

package rehearsal

import (
	"bytes"
	"os"
	"path/filepath"
	"sync"
	"time"
)

// arguments collects the argument lists of all processes of this machine, which anybody on it can read, while the tests
// run. Where containers are processes of this machine, theirs are among them. Without a /proc it collects none.
type arguments struct {
	end  chan struct{}
	done sync.WaitGroup

	mutex sync.Mutex
	seen  map[string]bool
}

// often is the time between two looks. Terraform and the tasks that matter run for seconds.
const often = 50 * time.Millisecond

func watchArguments() *arguments {
	a := &arguments{end: make(chan struct{}), seen: map[string]bool{}}
	a.done.Go(func() {
		for {
			a.look()
			select {
			case <-a.end:
				return
			case <-time.After(often):
			}
		}
	})
	return a
}

func (a *arguments) look() {
	proc, err := os.Open("/proc")
	if err != nil {
		return
	}
	defer proc.Close()
	names, _ := proc.Readdirnames(-1) // a pattern would ask for the status of every file, and take four times as long
	for _, name := range names {
		if name[0] < '0' || name[0] > '9' {
			continue
		}
		content, err := os.ReadFile(filepath.Join("/proc", name, "cmdline"))
		if err != nil || len(content) == 0 {
			continue // it has ended, or it is the kernel's
		}
		line := string(bytes.ReplaceAll(content, []byte{0}, []byte{' '}))
		a.mutex.Lock()
		a.seen[line] = true
		a.mutex.Unlock()
	}
}

// lines returns what was seen so far.
func (a *arguments) lines() []string {
	a.mutex.Lock()
	defer a.mutex.Unlock()
	lines := make([]string, 0, len(a.seen))
	for line := range a.seen {
		lines = append(lines, line)
	}
	return lines
}

func (a *arguments) stop() {
	close(a.end)
	a.done.Wait()
}
