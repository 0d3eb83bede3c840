//go:build rehearsal

package lock

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/google/go-cmp/cmp"
)

// Whatever a run was doing when it was killed, with Terraform and its providers, the next one succeeds, and then the state,
// reality and the configuration agree. Plans and applies are killed in turns.
func TestAfterAnyKillTheNextRunSucceeds(t *testing.T) {
	workers := min(3, 1+*kills/10) // each begins with a plan and an apply of its own
	var next atomic.Int32
	var group sync.WaitGroup
	var mutex sync.Mutex
	counts := map[string]int{}
	count := func(what string) {
		mutex.Lock()
		defer mutex.Unlock()
		counts[what]++
	}
	for worker := range workers {
		group.Go(func() {
			s := newSite(fmt.Sprintf("kill%d", worker))
			root := s.root(t, "real")
			s.want(t, root, "0")
			k := &killer{site: s, root: root, plans: t.TempDir(), random: rand.New(rand.NewPCG(uint64(worker), 20261124)), typical: map[string]time.Duration{}}
			k.runs(t, "plan")
			k.runs(t, "apply")
			for i := int(next.Add(2)); i <= *kills && !t.Failed(); i = int(next.Add(2)) {
				s.want(t, root, fmt.Sprint(i))
				k.said.Reset()
				count(k.kills(t, "plan"))
				count("beside the state: " + strings.Join(s.beside(t), " "))
				k.runs(t, "plan")
				count(k.kills(t, "apply"))
				count("beside the state: " + strings.Join(s.beside(t), " "))
				if said := k.runs(t, "plan"); strings.Contains(said, "is to be imported") {
					count("resources were imported")
				}
				k.runs(t, "apply")
				s.wantBeside(t)
				s.agrees(t, i)
				if changes := s.changes(t, root); changes != 0 {
					t.Errorf("after kill %d the plan that follows wants %d changes", i, changes)
				}
				fmt.Fprintf(os.Stderr, "kill %3d of %d: the next run succeeded, and all agree\n", i, *kills)
			}
		})
	}
	group.Wait()
	t.Logf("%d kills: %v", *kills, counts)
}

// killer runs and kills the program on one site.
type killer struct {
	*site
	root, plans string
	random      *rand.Rand
	typical     map[string]time.Duration
	n           int
	// said is what the runs of this generation said: a failure has its cause in what an earlier one did.
	said strings.Builder
}

func (k *killer) file() string { return filepath.Join(k.plans, fmt.Sprint(k.n)) }

func (k *killer) command(operation string) (*exec.Cmd, *bytes.Buffer) {
	if operation == "plan" {
		k.n++
		return k.plan(k.root, k.file())
	}
	return k.apply(k.root, k.file())
}

// runs lets an operation end, which has to succeed.
func (k *killer) runs(t *testing.T, operation string) string {
	t.Helper()
	command, output := k.command(operation)
	started := time.Now()
	err := command.Run()
	fmt.Fprintf(&k.said, "--- %s: %v\n%s", operation, err, output)
	if err != nil {
		t.Errorf("%s: %v\nthe runs since the last that went well:\n%s\nwhat AWS saw of them:\n%s", operation, err, &k.said, k.seen(t))
		runtime.Goexit()
	}
	if !strings.Contains(output.String(), "killed") { // it didn't have to wait and mend
		k.typical[operation] = time.Since(started)
	}
	return output.String()
}

// kills kills an operation at a moment drawn evenly from what it typically takes, with all that it started. An apply changes
// things in its last third only, so three of four applies are killed there.
func (k *killer) kills(t *testing.T, operation string) string {
	t.Helper()
	command, output := k.command(operation)
	if err := command.Start(); err != nil {
		t.Error(err)
		runtime.Goexit()
	}
	share := k.random.Float64()
	if operation == "apply" && k.random.IntN(4) > 0 {
		share = (2 + share) / 3
	}
	moment := time.Duration(share * float64(k.typical[operation]))
	timer := time.AfterFunc(moment, func() { killAll(command) })
	err := command.Wait()
	fmt.Fprintf(&k.said, "--- %s, killed after %s: %v\n%s", operation, moment, err, output)
	switch {
	case timer.Stop() || err == nil:
		return operation + " had ended already"
	case command.ProcessState.ExitCode() != -1:
		t.Errorf("%s: %v\n%s", operation, err, output)
		runtime.Goexit()
	}
	return operation + " killed"
}

// seen are the lines of the emulator's log about this site.
func (s *site) seen(t *testing.T) string {
	t.Helper()
	log, err := shared.log(t.Context())
	if err != nil {
		return err.Error()
	}
	var lines []string
	for line := range strings.Lines(log) {
		if strings.Contains(line, "/"+s.environment+"/") || strings.Contains(line, "-"+s.environment+"-") || strings.Contains(line, "ERROR") {
			lines = append(lines, line)
		}
	}
	return strings.Join(lines[max(0, len(lines)-60):], "")
}

// agrees compares what the state has with what AWS has, both below this environment's names.
func (s *site) agrees(t *testing.T, generation int) {
	t.Helper()
	output, err := client().GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(s.key())})
	if err != nil {
		t.Error(err)
		return
	}
	defer output.Body.Close()
	content, err := io.ReadAll(output.Body)
	if err != nil {
		t.Error(err)
		return
	}
	var state struct {
		Resources []struct {
			Type      string
			Instances []struct{ Attributes map[string]any }
		}
	}
	if err := json.Unmarshal(content, &state); err != nil {
		t.Error(err)
		return
	}
	var recorded []string
	for _, resource := range state.Resources {
		attribute := map[string]string{"aws_ssm_parameter": "name", "aws_s3_object": "key", "aws_iam_role": "name"}[resource.Type]
		for _, instance := range resource.Instances {
			if attribute != "" {
				recorded = append(recorded, fmt.Sprint(instance.Attributes[attribute]))
			}
		}
	}
	var real []string
	parameters := ssm.NewGetParametersByPathPaginator(ssm.NewFromConfig(shared.aws), &ssm.GetParametersByPathInput{
		Path: aws.String("/" + name + "/" + s.environment), Recursive: aws.Bool(true),
	})
	for parameters.HasMorePages() {
		page, err := parameters.NextPage(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		for _, parameter := range page.Parameters {
			real = append(real, *parameter.Name)
		}
	}
	objects, err := client().ListObjectsV2(t.Context(), &s3.ListObjectsV2Input{Bucket: aws.String(bucket), Prefix: aws.String("objects/" + s.environment + "/")})
	if err != nil {
		t.Error(err)
		return
	}
	for _, object := range objects.Contents {
		real = append(real, *object.Key)
	}
	roles := iam.NewListRolesPaginator(iam.NewFromConfig(shared.aws), &iam.ListRolesInput{})
	for roles.HasMorePages() {
		page, err := roles.NextPage(t.Context())
		if err != nil {
			t.Error(err)
			return
		}
		for _, role := range page.Roles {
			if strings.HasPrefix(*role.RoleName, name+"-"+s.environment+"-") {
				real = append(real, *role.RoleName)
			}
		}
	}
	slices.Sort(recorded)
	slices.Sort(real)
	if diff := cmp.Diff(recorded, real); diff != "" {
		t.Errorf("after kill %d (-in the state +in AWS):\n%s", generation, diff)
	}
	if len(real) != 6 {
		t.Errorf("after kill %d there are %d resources, want 6: %q", generation, len(real), real)
	}
}
