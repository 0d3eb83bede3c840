//go:build fixtures

package plan_test

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// TestGenerate makes every plan.json below testdata/cases anew, with the Terraform on the PATH and, for the cases that have
// AWS resources, an emulator at AWS_ENDPOINT_URL. testdata/README.md says what a case consists of.
func TestGenerate(t *testing.T) {
	if os.Getenv("AWS_ENDPOINT_URL") == "" {
		t.Fatal("AWS_ENDPOINT_URL names no emulator")
	}
	cases, err := filepath.Glob("testdata/cases/*")
	if err != nil {
		t.Fatal(err)
	}
	states := &states{made: map[string]*state{}}
	for _, source := range cases {
		t.Run(filepath.Base(source), func(t *testing.T) {
			t.Parallel()
			before := states.of(t, source)
			w := workspace{t: t, dir: t.TempDir(), account: before.account}
			w.configure(source, "before.tf", "after.tf")
			if before.document != nil {
				w.write("terraform.tfstate", before.document)
			}
			w.terraform("init")
			for _, command := range lines(t, filepath.Join(source, "commands")) {
				if refused, ok := strings.CutPrefix(command, "! "); ok {
					w.fails(strings.Fields(refused)...)
				} else {
					w.terraform(strings.Fields(command)...)
				}
			}
			w.configure(source, "after.tf", "before.tf")
			w.terraform("get")
			arguments := append([]string{"plan", "-out=plan"}, lines(t, filepath.Join(source, "arguments"))...)
			if filepath.Base(source) == "errored" {
				w.fails(arguments...)
			} else {
				w.terraform(arguments...)
			}
			document := normalise(w.terraform("show", "-json", "plan"), before.account)
			if err := os.WriteFile(filepath.Join(source, "plan.json"), document, 0o644); err != nil {
				t.Fatal(err)
			}
		})
	}
}

// states are what the cases begin with. An RDS instance takes the provider more than a minute, so cases with the same
// before.tf share one.
type states struct {
	mutex sync.Mutex
	made  map[string]*state
}

type state struct {
	once     sync.Once
	account  string
	document []byte
}

func (s *states) of(t *testing.T, source string) *state {
	hash := sha256.New()
	for _, file := range configuration(t, source) {
		if base := filepath.Base(file); base == "after.tf" {
			continue
		}
		content, err := os.ReadFile(filepath.Join(source, file))
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(hash, "%s\n%s\n", file, content)
	}
	key := string(hash.Sum(nil))
	s.mutex.Lock()
	if s.made[key] == nil {
		// An account of its own keeps what it makes apart from all else in the emulator.
		s.made[key] = &state{account: fmt.Sprintf("7%011d", rand.Int64N(1e11))}
	}
	made := s.made[key]
	s.mutex.Unlock()
	made.once.Do(func() {
		w := workspace{t: t, dir: t.TempDir(), account: made.account}
		if _, err := os.Stat(filepath.Join(source, "before.tf")); err != nil {
			return
		}
		w.configure(source, "before.tf")
		w.terraform("init")
		w.terraform("apply", "-auto-approve")
		made.document = w.read("terraform.tfstate")
		if _, err := os.Stat(filepath.Join(source, "outside.tf")); err != nil {
			return
		}
		outside := workspace{t: t, dir: t.TempDir(), account: made.account}
		outside.configure(source, "outside.tf")
		outside.write("terraform.tfstate", made.document)
		outside.terraform("init")
		outside.terraform("apply", "-auto-approve")
	})
	if t.Failed() {
		t.FailNow()
	}
	return made
}

// configuration lists a case's Terraform files.
func configuration(t *testing.T, source string) []string {
	t.Helper()
	var files []string
	err := fs.WalkDir(os.DirFS(source), ".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".tf") {
			files = append(files, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return files
}

func lines(t *testing.T, file string) []string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return slices.DeleteFunc(strings.Split(string(content), "\n"), func(line string) bool { return line == "" })
}

// workspace is a directory that Terraform runs in.
type workspace struct {
	t            *testing.T
	dir, account string
}

// configure copies the first of the root module's files that the case has, and its modules.
func (w workspace) configure(source string, roots ...string) {
	w.t.Helper()
	aws := false
	var root []byte
	for _, file := range configuration(w.t, source) {
		content, err := os.ReadFile(filepath.Join(source, file))
		if err != nil {
			w.t.Fatal(err)
		}
		aws = aws || bytes.Contains(content, []byte("aws_"))
		if filepath.Dir(file) != "." {
			w.write(file, content)
		}
	}
	for _, name := range roots {
		var err error
		if root, err = os.ReadFile(filepath.Join(source, name)); err == nil {
			break
		}
	}
	w.write("main.tf", root)
	if aws {
		w.write("provider.tf", []byte(provider))
	}
}

const provider = `
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "6.34.0"
    }
  }
}

provider "aws" {
  region                      = "eu-central-1"
  skip_credentials_validation = true
  skip_metadata_api_check     = true
  skip_requesting_account_id  = true
  s3_use_path_style           = true
}
`

func (w workspace) write(file string, content []byte) {
	w.t.Helper()
	path := filepath.Join(w.dir, file)
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		w.t.Fatal(err)
	}
	if err := os.WriteFile(path, content, 0o600); err != nil {
		w.t.Fatal(err)
	}
}

func (w workspace) read(file string) []byte {
	w.t.Helper()
	content, err := os.ReadFile(filepath.Join(w.dir, file))
	if err != nil {
		w.t.Fatal(err)
	}
	return content
}

func (w workspace) terraform(arguments ...string) []byte {
	w.t.Helper()
	output, err := w.run(arguments)
	if err != nil {
		w.t.Fatalf("terraform %s: %v", strings.Join(arguments, " "), err)
	}
	return output
}

func (w workspace) fails(arguments ...string) {
	w.t.Helper()
	if _, err := w.run(arguments); err == nil {
		w.t.Fatalf("terraform %s did not fail", strings.Join(arguments, " "))
	}
}

func (w workspace) run(arguments []string) ([]byte, error) {
	command := exec.CommandContext(context.WithoutCancel(w.t.Context()), "terraform", arguments...)
	command.Dir = w.dir
	// The emulator takes the access key's twelve digits for the account.
	command.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID="+w.account, "AWS_SECRET_ACCESS_KEY=unused",
		"TF_IN_AUTOMATION=1", "TF_INPUT=0", "TF_CLI_ARGS=-no-color", "CHECKPOINT_DISABLE=1")
	var output, problems bytes.Buffer
	command.Stdout, command.Stderr = &output, &problems
	if err := command.Run(); err != nil {
		return nil, fmt.Errorf("%w\n%s\n%s", err, output.Bytes(), problems.Bytes())
	}
	return output.Bytes(), nil
}

// random are the values that differ in each run. What one of them matches is numbered in the order in which it appears.
var random = []struct {
	pattern *regexp.Regexp
	form    string
}{
	{regexp.MustCompile(`[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}`), "00000000-0000-0000-0000-%012d"},
	{regexp.MustCompile(`((?:vpc|subnet|sg|sgr|rtb|acl|igw|eipalloc|eni|fs|fsap|lt|i|dopt|vol)-)[0-9a-f]{8,17}\b`), "${1}%017d"},
	{regexp.MustCompile(`\b((?:db|cluster)-)[A-Z0-9]{20,26}\b`), "${1}%020d"},
	{regexp.MustCompile(`\bZ[0-9A-Z]{12,32}\b`), "Z%013d"},
	{regexp.MustCompile(`\b(terraform-)[0-9]{26}\b`), "${1}%026d"},
	{regexp.MustCompile(`\b(blog-dev-)[0-9]{26}\b`), "${1}%026d"},
	{regexp.MustCompile(`(secret:[a-z0-9/-]+-)[A-Za-z0-9]{6}\b`), "${1}%06d"},
	{regexp.MustCompile(`\b20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9:]{5})`), "2026-01-01T00:00:%02dZ"},
}

func normalise(document []byte, account string) []byte {
	document = bytes.ReplaceAll(document, []byte(account), []byte("123456789012"))
	for _, r := range random {
		numbers := map[string]int{}
		document = r.pattern.ReplaceAllFunc(document, func(found []byte) []byte {
			number, seen := numbers[string(found)]
			if !seen {
				number = len(numbers) + 1
				numbers[string(found)] = number
			}
			prefix := ""
			if parts := r.pattern.FindSubmatch(found); len(parts) > 1 {
				prefix = string(parts[1])
			}
			return []byte(fmt.Sprintf(strings.Replace(r.form, "${1}", "%s", 1), anyOf(prefix, number)...))
		})
	}
	return document
}

func anyOf(prefix string, number int) []any {
	if prefix == "" {
		return []any{number}
	}
	return []any{prefix, number}
}
