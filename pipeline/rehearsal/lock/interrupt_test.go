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
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/google/go-cmp/cmp"
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
			gate := newGate(t, puts("second-0"))
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
			gate.wait(t, command, output, 1)
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
			gate := newGate(t, puts("second-0"))
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
			gate.wait(t, command, output, 1)
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

// What AWS gives an id to is found although nobody was told which it is, so that it isn't made twice: a second one costs money,
// or is refused. The apply is killed once in each wave, with every request of it under way.
func TestWhatWasUnderWayIsNotMadeTwice(t *testing.T) {
	s := newSite("under-way")
	root := s.root(t, "network")
	s.want(t, root, "1")
	waves := [][]string{
		{"AllocateAddress", "CreateSecret", "CreateVpc"},
		{"CreateInternetGateway", "CreateRouteTable", "CreateSecurityGroup", "CreateSubnet", "CreateTargetGroup", "CreateVpcEndpoint"},
		{"AssociateRouteTable", "AuthorizeSecurityGroupEgress", "AuthorizeSecurityGroupIngress", "CreateRoute"},
	}
	for i, wave := range waves {
		gate := newGate(t, func(action, _ string) bool { return slices.Contains(wave, action) })
		s.endpoint = gate.URL
		file := filepath.Join(t.TempDir(), "plan")
		command, output := s.plan(root, file)
		if err := command.Run(); err != nil {
			t.Fatalf("plan %d: %v\n%s", i, err, output)
		}
		command, output = s.apply(root, file)
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(wave, gate.wait(t, command, output, len(wave))); diff != "" {
			t.Errorf("under way (-want +got):\n%s", diff)
		}
		killAll(command)
		if err := command.Wait(); exitStatus(t, err) != -1 {
			t.Fatalf("apply %d: %v\n%s", i, err, output)
		}
		gate.open()
	}
	s.endpoint = shared.endpoint
	holds(t, bytes.NewBufferString(s.bring(t, root)), "plan succeeded: lock-under-way, 0 to add, 0 to change, 0 to destroy, 13 to import")
	s.wantBeside(t)
	if changes := s.changes(t, root); changes != 0 {
		t.Errorf("the plan that follows wants %d changes", changes)
	}
	tags, err := ec2.NewFromConfig(shared.aws).DescribeTags(t.Context(), &ec2.DescribeTagsInput{Filters: []types.Filter{
		{Name: aws.String("key"), Values: []string{"Name"}}, {Name: aws.String("value"), Values: []string{name + "-" + s.environment}},
	}})
	if err != nil {
		t.Fatal(err)
	}
	made := map[types.ResourceType]int{}
	for _, tag := range tags.Tags {
		made[tag.ResourceType]++
	}
	if diff := cmp.Diff(map[types.ResourceType]int{
		"elastic-ip": 1, "internet-gateway": 1, "route-table": 1, "security-group": 1, "subnet": 1, "vpc": 1, "vpc-endpoint": 1,
	}, made); diff != "" {
		t.Errorf("of each type there are (-want +got):\n%s", diff)
	}
}

// gate is the emulator behind a proxy that holds the answers to some requests until it is opened.
type gate struct {
	*httptest.Server
	reached chan string
	opened  chan struct{}
}

// newGate holds the answers to requests of which holds says so, by the action and the content.
func newGate(t *testing.T, holds func(action, content string) bool) *gate {
	t.Helper()
	to, err := url.Parse(shared.endpoint)
	if err != nil {
		t.Fatal(err)
	}
	g := &gate{reached: make(chan string, 100), opened: make(chan struct{})}
	proxy := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(to)
		r.Out.Host = r.In.Host
	}}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadGateway)
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		action := actionOf(r, body)
		if action == "" || !holds(action, string(body)) {
			proxy.ServeHTTP(w, r)
			return
		}
		// The request arrives; what becomes of the answer is up to the provider.
		answer := httptest.NewRecorder()
		proxy.ServeHTTP(answer, r)
		g.reached <- action
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

// actionOf is what a request wants from AWS, in the protocols that name it: JSON in a header, EC2's and the older ones in the content.
func actionOf(r *http.Request, body []byte) string {
	if _, action, found := strings.Cut(r.Header.Get("X-Amz-Target"), "."); found {
		return action
	}
	if form, err := url.ParseQuery(string(body)); err == nil && r.Method == http.MethodPost {
		return form.Get("Action")
	}
	return ""
}

// wait waits until so many requests have arrived, that a running program has under way, and returns what they want.
func (g *gate) wait(t *testing.T, command *exec.Cmd, output *bytes.Buffer, many int) []string {
	t.Helper()
	var reached []string
	limit := time.After(3 * time.Minute)
	for len(reached) < many {
		select {
		case action := <-g.reached:
			reached = append(reached, action)
		case <-limit:
			killAll(command)
			_ = command.Wait()
			t.Fatalf("the apply did not get there, but to %q\n%s", reached, output)
		}
	}
	slices.Sort(reached)
	return reached
}

func (g *gate) open() {
	select {
	case <-g.opened:
	default:
		close(g.opened)
	}
}

// puts is about the request that creates a parameter.
func puts(parameter string) func(action, content string) bool {
	return func(action, content string) bool {
		return action == "PutParameter" && strings.Contains(content, parameter)
	}
}
