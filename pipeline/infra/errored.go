package infra

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/hashicorp/terraform-exec/tfexec"
)

// errored is the file in which Terraform leaves a state that it could not write where it belongs.
//
// https://developer.hashicorp.com/terraform/cli/commands/state/push
func (t *Terraform) errored() string { return filepath.Join(t.dir, "errored.tfstate") }

// Snapshot identifies a state: each one has a lineage that never changes, and a serial that every change raises. The zero
// value stands for a state that isn't there yet.
type Snapshot struct {
	Lineage string `json:"lineage"`
	Serial  uint64 `json:"serial"`
}

// Errored says whether there is a state that an apply could not write, in the root module or in the kept file.
func (t *Terraform) Errored(kept string) bool {
	for _, file := range []string{kept, t.errored()} {
		if _, err := os.Stat(file); err == nil {
			return true
		}
	}
	return false
}

// Keep moves a state that Terraform could not write to a file, which may lie on another disk. It returns whether there was
// one.
func (t *Terraform) Keep(file string) (bool, error) {
	content, err := os.ReadFile(t.errored())
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err == nil {
		err = os.MkdirAll(filepath.Dir(file), 0o700)
	}
	if err == nil {
		err = os.WriteFile(file, content, 0o600)
	}
	if err == nil {
		err = os.Remove(t.errored())
	}
	if err != nil {
		return false, fmt.Errorf("keep the state that Terraform could not write: %w", err)
	}
	return true, nil
}

// PushErrored puts a state that an earlier apply could not write into the place of the current one, if it follows that one.
// It looks into the root module and, where kept isn't empty, into that file. A file that isn't of this state, or is older,
// is left where it is, and said what it is. While there is no state at all, only the kept file is known to be this
// environment's.
func (t *Terraform) PushErrored(ctx context.Context, kept string, current Snapshot) error {
	for _, file := range []string{kept, t.errored()} {
		content, err := os.ReadFile(file)
		if file == "" || errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return fmt.Errorf("read the state that an apply could not write: %w", err)
		}
		var left Snapshot
		switch err := json.Unmarshal(content, &left); {
		case err != nil || left.Lineage == "":
			t.say("warning: " + file + " is not a whole state, and is left where it is")
		case current.Lineage == "" && file != kept:
			t.say(fmt.Sprintf("warning: %s is a state that an apply could not write, and may be another environment's: there is none here yet. "+
				"If it is this one's: terraform state push errored.tfstate", file))
		case current.Lineage != "" && left.Lineage != current.Lineage:
			t.say(fmt.Sprintf("warning: %s is a state that an apply of another environment could not write (lineage %s), and is left where it is", file, left.Lineage))
		case left.Serial <= current.Serial:
			t.say(fmt.Sprintf("warning: %s is older than the state (serial %d, the state has %d), and is left where it is", file, left.Serial, current.Serial))
		default:
			if err := t.push(ctx, file); err != nil {
				return err
			}
			t.say(fmt.Sprintf("put the state that an apply could not write (serial %d) in its place: %s", left.Serial, file))
			current = left
		}
	}
	return nil
}

func (t *Terraform) push(ctx context.Context, file string) error {
	ctx, cancel := t.within(ctx)
	defer cancel()
	tf, err := t.command()
	if err != nil {
		return err
	}
	if err := tf.StatePush(ctx, file, tfexec.Lock(false)); err != nil {
		return t.failed("state push "+file, nil, err)
	}
	if err := os.Remove(file); err != nil {
		return fmt.Errorf("remove the state that was pushed: %w", err)
	}
	return nil
}
