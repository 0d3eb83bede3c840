//go:build rehearsal

package lock

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// An interrupted apply finishes what it is doing, gives lock and lease back, and says what it did not do. The next run goes
// on from there, and finds what was created although the provider had given up.
func TestAnInterruptedApplyEndsWell(t *testing.T) {
	tests := map[string]struct {
		environment string
		send        func(*exec.Cmd) error
	}{
		"Ctrl-C at a terminal, which reaches the whole group": {"sigint", func(c *exec.Cmd) error { return syscall.Kill(-c.Process.Pid, syscall.SIGINT) }},
		"SIGTERM to the program alone, as docker stop does":   {"sigterm", func(c *exec.Cmd) error { return syscall.Kill(c.Process.Pid, syscall.SIGTERM) }},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			s := newSite(test.environment)
			gate := newGate(t, "second-0")
			s.endpoint = gate.URL
			root := s.root(t, "real")
			s.want(t, root, "1")
			file := filepath.Join(t.TempDir(), "plan")
			if command, output := s.plan(root, file); command.Run() != nil {
				t.Fatalf("plan\n%s", output)
			}
			command, output := s.apply(root, file)
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			gate.wait(t, command, output)
			if err := test.send(command); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Second) // the signal is on its way
			gate.open()
			if err := command.Wait(); exitStatus(t, err) != 1 {
				t.Errorf("apply: %v", err)
			}
			holds(t, output, "terraform apply was interrupted", "done: ", "the next plan goes on from there")
			for _, left := range s.beside(t) {
				if left != ".journal" {
					t.Errorf("it left %s\n%s", left, output)
				}
			}
			s.endpoint = shared.endpoint
			s.bring(t, root)
			s.wantBeside(t)
			s.agrees(t, 1)
			if changes := s.changes(t, root); changes != 0 {
				t.Errorf("the plan that follows wants %d changes", changes)
			}
		})
	}
}

// What was created just before a kill is in no state: Terraform writes it at the end, and every 20 s. Of one resource nobody has
// even heard that it was created, since its request is under way. In the midst of a replacement the state has what is gone, at
// the addresses of what was created in its place.
func TestTheNextPlanImportsWhatAKilledApplyCreated(t *testing.T) {
	tests := map[string]struct{ environment, before string }{
		"of a new environment":          {"adopt", ""},
		"in the midst of a replacement": {"adopt-replaced", "1"},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			s := newSite(test.environment)
			root := s.root(t, "real")
			if test.before != "" {
				s.want(t, root, test.before)
				s.bring(t, root)
			}
			gate := newGate(t, "second-0")
			s.endpoint = gate.URL
			s.want(t, root, "2")
			file := filepath.Join(t.TempDir(), "plan")
			if command, output := s.plan(root, file); command.Run() != nil {
				t.Fatalf("plan\n%s", output)
			}
			command, output := s.apply(root, file)
			if err := command.Start(); err != nil {
				t.Fatal(err)
			}
			gate.wait(t, command, output)
			killAll(command)
			if err := command.Wait(); exitStatus(t, err) != -1 {
				t.Fatalf("apply: %v", err)
			}
			gate.open()
			s.wantBeside(t, ".journal", ".lease", ".tflock")
			s.endpoint = shared.endpoint
			said := bytes.NewBufferString(s.bring(t, root))
			holds(t, said, "was killed: its lease has not been renewed for 6s, and is taken over", "released the lock ",
				"aws_ssm_parameter.first[0]: exists since then, and is to be imported",
				"aws_ssm_parameter.second[0]: exists since then, and is to be imported",
				"aws_iam_role.this: exists since then, and is to be imported")
			s.wantBeside(t)
			s.agrees(t, 2)
			if changes := s.changes(t, root); changes != 0 {
				t.Errorf("the plan that follows wants %d changes", changes)
			}
		})
	}
}

// gate is the emulator behind a proxy that holds the answer to one request until it is opened.
type gate struct {
	*httptest.Server
	reached, opened chan struct{}
	once            sync.Once
}

func newGate(t *testing.T, parameter string) *gate {
	t.Helper()
	to, err := url.Parse(shared.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{reached: make(chan struct{}), opened: make(chan struct{})}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
	}}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".PutParameter") {
			proxy.ServeHTTP(w, r)
			return
		}
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		if !strings.Contains(string(body), parameter) {
			proxy.ServeHTTP(w, r)
			return
		}
		// The request arrives; what becomes of the answer is up to the provider.
		answer := httptest.NewRecorder()
		proxy.ServeHTTP(answer, r)
		g.once.Do(func() { close(g.reached) })
		<-g.opened
		for name, values := range answer.Header() {
			w.Header()[name] = values
		}
		w.WriteHeader(answer.Code)
		_, _ = answer.Body.WriteTo(w)
	}))
	t.Cleanup(g.Close)
	t.Cleanup(g.open)
	return g
}

// wait waits until the request has arrived, that a running program has under way.
func (g *gate) wait(t *testing.T, command *exec.Cmd, output *bytes.Buffer) {
	t.Helper()
	select {
	case <-g.reached:
	case <-time.After(3 * time.Minute):
		killAll(command)
		_ = command.Wait()
		t.Fatalf("the apply did not get there\n%s", output)
	}
}

func (g *gate) open() {
	select {
	case <-g.opened:
	default:
		close(g.opened)
	}
}
