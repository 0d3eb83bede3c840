// Package planfile is the one file in which a plan travels from the run that made it to the run that applies it: Terraform's
// saved plan, the same as JSON, and what the plan is bound to. It is encrypted, because a plan holds values.
package planfile

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"filippo.io/age"
)

// File is the content of a plan file.
type File struct {
	Binding Binding
	// Plan is what Terraform saved, and JSON what `terraform show -json` says of it.
	Plan, JSON []byte
}

// Binding is what a plan was made of and for. Apply refuses the plan where any of it is another.
type Binding struct {
	// Commit is the release id that was planned: the commit, with a mark behind it where the tree held uncommitted changes.
	Commit string `json:"commit"`
	Dirty  bool   `json:"dirty"`
	// Source is the SHA-256 of the Terraform files, in hexadecimal.
	Source string `json:"source"`
	// Name, Environment, Region and Account say which environment the plan is for.
	Name        string `json:"name"`
	Environment string `json:"environment"`
	Region      string `json:"region"`
	Account     string `json:"account"`
	State       State  `json:"state"`
	// Terraform is the version that planned, and Providers are those it planned with, by source address.
	Terraform string            `json:"terraform"`
	Providers map[string]string `json:"providers"`
	// Variables are the root module's, as JSON; a sensitive one is "sha256:…" of it, salted with Salt.
	Variables map[string]string `json:"variables"`
	Salt      string            `json:"salt"`
	// PlanSHA256 and JSONSHA256 are the digests of the two, in hexadecimal.
	PlanSHA256 string `json:"plan_sha256"`
	JSONSHA256 string `json:"json_sha256"`
	// Made is when the plan was made, and By who made it.
	Made time.Time `json:"made"`
	By   string    `json:"by"`
}

// State is the state that was planned on: where it lies, and which it was. A state that isn't there yet has no lineage and
// the serial 0.
type State struct {
	Bucket  string `json:"bucket"`
	Key     string `json:"key"`
	Lineage string `json:"lineage"`
	Serial  uint64 `json:"serial"`
	// Journal is the token of an apply that did not end well, and whose resources the plan imports where they are in no state.
	Journal string `json:"journal,omitempty"`
}

// version is that of the format. It is the first line of the file, in the clear, so that a file of another one is told apart
// from one that is damaged.
const (
	magic   = "slipway-plan/"
	version = "1"
)

// The entries of the archive inside, in this order.
const (
	bindingEntry = "binding.json"
	planEntry    = "plan"
	jsonEntry    = "plan.json"
)

// limit is how large one entry may be. Terraform's plans of thousands of resources stay far below.
const limit = 1 << 30

// Seal writes the file, readable with the key alone. It fills in the digests.
func Seal(w io.Writer, f File, key Key) error {
	f.Binding.PlanSHA256, f.Binding.JSONSHA256 = digest(f.Plan), digest(f.JSON)
	binding, err := json.MarshalIndent(f.Binding, "", "  ")
	if err != nil {
		return fmt.Errorf("seal the plan: %w", err)
	}
	if _, err := io.WriteString(w, magic+version+"\n"); err != nil {
		return fmt.Errorf("seal the plan: %w", err)
	}
	encrypted, err := age.Encrypt(w, key.identity.Recipient())
	if err != nil {
		return fmt.Errorf("seal the plan: %w", err)
	}
	archive := tar.NewWriter(encrypted)
	for _, entry := range []struct {
		name    string
		content []byte
	}{{bindingEntry, binding}, {planEntry, f.Plan}, {jsonEntry, f.JSON}} {
		err := archive.WriteHeader(&tar.Header{Name: entry.name, Mode: 0o600, Size: int64(len(entry.content)), Format: tar.FormatPAX})
		if err == nil {
			_, err = archive.Write(entry.content)
		}
		if err != nil {
			return fmt.Errorf("seal the plan: %w", err)
		}
	}
	if err := errors.Join(archive.Close(), encrypted.Close()); err != nil {
		return fmt.Errorf("seal the plan: %w", err)
	}
	return nil
}

// What Open can find wrong. Each is the cause of an *OpenError.
var (
	ErrForeign   = errors.New("it is not a plan that slipway saved")
	ErrTerraform = errors.New("it is a plan that Terraform saved, and says nothing of what it is bound to")
	ErrVersion   = errors.New("it is of another version of slipway")
	ErrKey       = errors.New("the key does not open it")
	ErrDamaged   = errors.New("it breaks off, or something in it was changed")
)

// Open reads a file that Seal wrote. Its error is one of the errors above, with what was found.
func Open(r io.Reader, key Key) (File, error) {
	head := make([]byte, len(magic)+len(version)+1)
	n, err := io.ReadFull(r, head)
	head = head[:n]
	switch {
	case bytes.HasPrefix(head, []byte("PK\x03\x04")): // a zip archive, which Terraform's plans are
		return File{}, ErrTerraform
	case !bytes.HasPrefix(head, []byte(magic)[:min(n, len(magic))]) || n == 0:
		return File{}, ErrForeign
	case err != nil:
		return File{}, fmt.Errorf("%w: it has %d bytes", ErrDamaged, n)
	case !bytes.Equal(head, []byte(magic+version+"\n")):
		return File{}, fmt.Errorf("%w: its format is %q, and this program reads %q", ErrVersion, strings.TrimSpace(string(head)), magic+version)
	}
	plain, err := age.Decrypt(r, key.identity)
	if err != nil {
		if _, other := errors.AsType[*age.NoIdentityMatchError](err); other {
			return File{}, ErrKey
		}
		return File{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	f, err := unpack(plain)
	if err != nil {
		return File{}, fmt.Errorf("%w: %w", ErrDamaged, err)
	}
	return f, nil
}

func unpack(r io.Reader) (File, error) {
	archive := tar.NewReader(r)
	contents := make([][]byte, 0, 3)
	for _, name := range []string{bindingEntry, planEntry, jsonEntry} {
		header, err := archive.Next()
		if err != nil {
			return File{}, fmt.Errorf("read %s: %w", name, err)
		}
		if header.Name != name || header.Size > limit {
			return File{}, fmt.Errorf("read %s: there is %q with %d bytes", name, header.Name, header.Size)
		}
		content, err := io.ReadAll(archive)
		if err != nil {
			return File{}, fmt.Errorf("read %s: %w", name, err)
		}
		contents = append(contents, content)
	}
	// To the end: only there does the encryption prove that nothing is missing.
	if _, err := io.Copy(io.Discard, r); err != nil {
		return File{}, err
	}
	f := File{Plan: contents[1], JSON: contents[2]}
	if err := json.Unmarshal(contents[0], &f.Binding); err != nil {
		return File{}, fmt.Errorf("read %s: %w", bindingEntry, err)
	}
	if f.Binding.PlanSHA256 != digest(f.Plan) || f.Binding.JSONSHA256 != digest(f.JSON) {
		return File{}, errors.New("the plan's SHA-256 is not the one that it was bound to")
	}
	return f, nil
}

func digest(content []byte) string {
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}
