//go:build rehearsal

package lock

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// witness stands before the real Terraform: while a plan or an apply runs it has a directory, which nobody else can make
// then. It writes down each run that began, and each that met another one.
const witness = `#!/bin/sh
case "$1" in plan|apply) ;; *) exec "$TERRAFORM" "$@" ;; esac
echo "$1" >>"$WITNESS/began"
mkdir "$WITNESS/running" || echo "$*" >>"$WITNESS/met"
"$TERRAFORM" "$@"
status=$?
rmdir "$WITNESS/running"
exit $status
`

// No run's lock is ever taken while it is alive: of two that start at the same time one waits for the other.
func TestRunsThatMeetTakeTurns(t *testing.T) {
	terraform, err := exec.LookPath("terraform")
	if err != nil {
		t.Fatal(err)
	}
	bin, seen := t.TempDir(), t.TempDir()
	if err := os.WriteFile(filepath.Join(bin, "terraform"), []byte(witness), 0o755); err != nil {
		t.Fatal(err)
	}
	s := newSite("meet")
	s.variables = []string{"PATH=" + bin + string(os.PathListSeparator) + os.Getenv("PATH"), "TERRAFORM=" + terraform, "WITNESS=" + seen}
	roots := []string{s.root(t, "pair"), s.root(t, "pair")}
	for _, root := range roots {
		s.want(t, root, "0")
	}
	s.bring(t, roots[0])
	waited := 0
	for i := range *pairs {
		files := []string{filepath.Join(seen, "plan-0"), filepath.Join(seen, "plan-1")}
		run := []func(string, string, ...string) (*exec.Cmd, *bytes.Buffer){s.plan, s.plan}
		if i%5 == 4 { // an apply meets a plan, which leaves the state that the first was planned on
			for _, root := range roots {
				s.want(t, root, fmt.Sprint(i))
			}
			if command, output := s.plan(roots[0], files[0]); command.Run() != nil {
				t.Fatalf("plan\n%s", output)
			}
			run[0] = s.apply
		}
		var commands [2]*exec.Cmd
		var outputs [2]*bytes.Buffer
		for n := range run {
			commands[n], outputs[n] = run[n](roots[n], files[n])
			if err := commands[n].Start(); err != nil {
				t.Fatal(err)
			}
		}
		for n := range commands {
			if err := commands[n].Wait(); err != nil {
				t.Errorf("pair %d, run %d: %v\n%s", i, n, err, outputs[n])
			}
			if strings.Contains(outputs[n].String(), "waiting for ") {
				waited++
			}
			if strings.Contains(outputs[n].String(), "was killed") {
				t.Errorf("pair %d: a live run was held for dead\n%s", i, outputs[n])
			}
		}
	}
	if met, err := os.ReadFile(filepath.Join(seen, "met")); err == nil {
		t.Errorf("runs worked on the state at the same time:\n%s", met)
	}
	began, err := os.ReadFile(filepath.Join(seen, "began"))
	if err != nil || bytes.Count(began, []byte("\n")) < 2**pairs {
		t.Errorf("the witness saw %d runs: %v", bytes.Count(began, []byte("\n")), err)
	}
	if waited < *pairs/2 {
		t.Errorf("only %d of %d pairs met", waited, *pairs)
	}
	t.Logf("%d pairs, of which %d waited", *pairs, waited)
	s.wantBeside(t)
}

// Two environments in one directory take turns as well: Terraform keeps there which state it is connected to.
func TestEnvironmentsInOneDirectoryDoNotMix(t *testing.T) {
	sites := []*site{newSite("beside-a"), newSite("beside-b")}
	root := sites[0].root(t, "pair")
	waited := false
	for i := range 3 {
		for _, s := range sites {
			s.want(t, root, fmt.Sprint(i))
		}
		plans := []string{filepath.Join(t.TempDir(), "plan"), filepath.Join(t.TempDir(), "plan")}
		for _, step := range []string{"plan", "apply"} {
			var commands [2]*exec.Cmd
			var outputs [2]*bytes.Buffer
			for n, s := range sites {
				run := map[string]func(string, string, ...string) (*exec.Cmd, *bytes.Buffer){"plan": s.plan, "apply": s.apply}[step]
				commands[n], outputs[n] = run(root, plans[n])
				if err := commands[n].Start(); err != nil {
					t.Fatal(err)
				}
			}
			for n := range sites {
				if err := commands[n].Wait(); err != nil {
					t.Errorf("%s %d of %s: %v\n%s", step, i, sites[n].environment, err, outputs[n])
				}
			}
			waited = waited || strings.Contains(outputs[0].String()+outputs[1].String(), "which works in this directory")
		}
		for _, s := range sites {
			output, err := client().GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(s.key())})
			if err != nil {
				t.Fatal(err)
			}
			state, err := io.ReadAll(output.Body)
			if want := fmt.Sprintf(`"%s %s %s %d"`, name, s.environment, region, i); err != nil || !bytes.Contains(state, []byte(want)) {
				t.Errorf("%v: the state of %s has no %s:\n%s", err, s.environment, want, state)
			}
			output.Body.Close()
		}
	}
	if !waited {
		t.Error("no run met another")
	}
}

// What somebody selected by hand would be another state than that of the lock.
func TestASelectedWorkspaceIsRefused(t *testing.T) {
	s := newSite("workspace")
	root := s.root(t, "pair")
	s.want(t, root, "0")
	s.bring(t, root)
	byHand := exec.Command("terraform", "workspace", "new", "feature")
	byHand.Dir, byHand.Env = root, environ("AWS_ENDPOINT_URL="+shared.endpoint, "AWS_REGION="+region)
	if output, err := byHand.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	command, output := s.plan(root, filepath.Join(t.TempDir(), "plan"))
	if err := command.Run(); exitStatus(t, err) != 1 {
		t.Errorf("plan: %v", err)
	}
	holds(t, output, `Terraform's workspace "feature" is selected in this directory`, "terraform workspace select default")
	s.wantBeside(t)
}

// A lock that a bare Terraform made stays as long as nobody removes it by its id.
func TestTheLockOfABareTerraform(t *testing.T) {
	for _, where := range []string{"lock file", "table"} {
		t.Run(where, func(t *testing.T) {
			s := newSite("bare-" + strings.ReplaceAll(where, " ", ""))
			s.flags = []string{"--lock-table", lockTable}
			root := s.root(t, "pair")
			s.want(t, root, "0")
			s.bring(t, root)
			lock := fmt.Sprintf(`{"ID":"5f3c1a2b-0000-4000-8000-000000000001","Operation":"OperationTypeApply","Info":"","Who":"dan@laptop","Version":"1.11.4","Created":"2026-11-24T20:00:00Z","Path":"%s/%s"}`, bucket, s.key())
			put(t, s, where, lock)

			command, output := s.plan(root, filepath.Join(t.TempDir(), "plan"), "--lock-timeout", "1s")
			unlock := "slipway unlock --name " + name + " --environment " + s.environment + " --region " + region + " --lock-table " + lockTable +
				" --endpoint " + shared.endpoint + " --id 5f3c1a2b-0000-4000-8000-000000000001"
			if err := command.Run(); exitStatus(t, err) != 1 {
				t.Errorf("plan: %v", err)
			}
			holds(t, output, "the state is locked by dan@laptop (OperationTypeApply, since 2026-11-24 20:00:00 UTC)", unlock)
			if got := get(t, s, where); got != lock {
				t.Errorf("the lock is now %q", got)
			}

			// The command that was named does it.
			command, output = s.command("unlock")
			command.Args = append([]string{command.Args[0]}, strings.Fields(unlock)[1:]...)
			if err := command.Run(); err != nil {
				t.Errorf("unlock: %v\n%s", err, output)
			}
			holds(t, output, "removed the lock of dan@laptop")
			if got := get(t, s, where); got != "" {
				t.Errorf("the lock is still %q", got)
			}
			s.bring(t, root)

			put(t, s, where, "mine")
			command, output = s.command("unlock", "--id", "mine")
			if err := command.Run(); exitStatus(t, err) != 1 || get(t, s, where) != "mine" {
				t.Errorf("what isn't Terraform's was removed without force: %v\n%s", err, output)
			}
			command, output = s.command("unlock", "--force")
			if err := command.Run(); err != nil || get(t, s, where) != "" {
				t.Errorf("unlock --force: %v\n%s", err, output)
			}
			s.wantBeside(t)
		})
	}
}

func put(t *testing.T, s *site, where, lock string) {
	t.Helper()
	var err error
	if where == "table" {
		_, err = tables().PutItem(t.Context(), &dynamodb.PutItemInput{TableName: aws.String(lockTable), Item: map[string]types.AttributeValue{
			"LockID": &types.AttributeValueMemberS{Value: bucket + "/" + s.key()}, "Info": &types.AttributeValueMemberS{Value: lock},
		}})
	} else {
		_, err = client().PutObject(t.Context(), &s3.PutObjectInput{Bucket: aws.String(bucket), Key: aws.String(s.key() + ".tflock"), Body: strings.NewReader(lock)})
	}
	if err != nil {
		t.Fatal(err)
	}
}

func get(t *testing.T, s *site, where string) string {
	t.Helper()
	if where == "table" {
		output, err := tables().GetItem(t.Context(), &dynamodb.GetItemInput{TableName: aws.String(lockTable), Key: map[string]types.AttributeValue{
			"LockID": &types.AttributeValueMemberS{Value: bucket + "/" + s.key()},
		}})
		if err != nil {
			t.Fatal(err)
		}
		info, _ := output.Item["Info"].(*types.AttributeValueMemberS)
		if info == nil {
			return ""
		}
		return info.Value
	}
	output, err := client().GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(bucket), Key: aws.String(s.key() + ".tflock")})
	if err != nil {
		return ""
	}
	defer output.Body.Close()
	var content bytes.Buffer
	if _, err := content.ReadFrom(output.Body); err != nil {
		t.Fatal(err)
	}
	return content.String()
}

// The lock that a run takes is one that a bare Terraform respects and can remove.
func TestABareTerraformRespectsALease(t *testing.T) {
	s := newSite("respect")
	root := s.root(t, "pair")
	s.want(t, root, "0")
	s.bring(t, root)
	// A run that is killed while it holds both.
	for {
		command, _ := s.plan(root, filepath.Join(t.TempDir(), "plan"), "--lease-interval", "10m")
		if err := command.Start(); err != nil {
			t.Fatal(err)
		}
		for len(s.beside(t)) < 2 && command.ProcessState == nil {
			time.Sleep(10 * time.Millisecond)
		}
		killAll(command)
		_ = command.Wait()
		if len(s.beside(t)) == 2 {
			break
		}
	}
	bare := func(args ...string) (string, error) {
		command := exec.Command("terraform", args...)
		command.Dir = root
		command.Env = environ("AWS_REGION="+region, "AWS_ENDPOINT_URL="+shared.endpoint)
		output, err := command.CombinedOutput()
		return string(output), err
	}
	said, err := bare("plan", "-no-color", "-input=false", "-lock-timeout=0s", "-var-file=environments/"+s.environment+".tfvars",
		"-var=name="+name, "-var=environment="+s.environment, "-var=region="+region)
	if err == nil || !strings.Contains(said, "Error acquiring the state lock") || !strings.Contains(said, "held by Slipway's lease") {
		t.Fatalf("a bare plan: %v\n%s", err, said)
	}
	_, info, _ := strings.Cut(said, "Lock Info:")
	_, id, _ := strings.Cut(info, "ID:")
	id = strings.Fields(id)[0]
	if said, err := bare("force-unlock", "-force", id); err != nil {
		t.Fatalf("force-unlock %s: %v\n%s", id, err, said)
	}
	s.wantBeside(t, ".lease")
	command, output := s.command("unlock", "--id", id, "--force")
	if err := command.Run(); err != nil {
		t.Errorf("unlock: %v\n%s", err, output)
	}
	s.wantBeside(t)
}

func holds(t *testing.T, output *bytes.Buffer, texts ...string) {
	t.Helper()
	for _, text := range texts {
		if !strings.Contains(output.String(), text) {
			t.Errorf("the output lacks %q:\n%s", text, output)
		}
	}
}
