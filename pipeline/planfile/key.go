package planfile

import (
	"errors"
	"fmt"
	"strings"

	"filippo.io/age"
)

// Key opens and closes plan files. It is an identity as age-keygen makes them: https://age-encryption.org
type Key struct {
	identity *age.X25519Identity
}

// NewKey draws a key.
func NewKey() (Key, error) {
	identity, err := age.GenerateX25519Identity()
	if err != nil {
		return Key{}, fmt.Errorf("draw a key: %w", err)
	}
	return Key{identity}, nil
}

// ParseKey reads a key: one line "AGE-SECRET-KEY-1…", and lines of comment as age-keygen writes them. The error never holds
// any of it.
func ParseKey(text string) (Key, error) {
	var found *age.X25519Identity
	for line := range strings.Lines(text) {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		identity, err := age.ParseX25519Identity(line)
		if err != nil {
			return Key{}, errors.New("the key is not an age identity: one line that begins with AGE-SECRET-KEY-1")
		}
		if found != nil {
			return Key{}, errors.New("there is more than one age identity where a key is expected")
		}
		found = identity
	}
	if found == nil {
		return Key{}, errors.New("the key is empty")
	}
	return Key{found}, nil
}

// Reveal is the key's text, for where it has to be handed on. Nothing prints a key by accident: its String is no secret.
func (k Key) Reveal() string { return k.identity.String() }

func (Key) String() string { return "a plan key" }

// GoString keeps %#v from printing the key too.
func (Key) GoString() string { return "planfile.Key{…}" }
