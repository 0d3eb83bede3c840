package backend

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"sync"
)

// Journal says what an apply set out to create and what it had created. Terraform writes its state into a bucket only at
// the end and every 20 s in between, so what is created in the last seconds before it is killed would be in no state. The
// journal lies beside the state from before the apply begins until the state is known to have been written.
type Journal struct {
	Run
	// Created has a key for each address that is to be created or imported, and as its value the id that Terraform reported or is
	// to import; empty as long as there is none.
	Created map[string]string `json:"created"`
}

// Journal returns what an apply left that was killed; nil where none was.
func (s Store) Journal(ctx context.Context) (*Journal, error) {
	content, _, err := s.object(".journal").read(ctx)
	if errors.Is(err, errAbsent) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read the journal of the last apply: %w", err)
	}
	var j Journal
	if err := json.Unmarshal(content, &j); err != nil {
		return nil, fmt.Errorf("read the journal of the last apply %s: %w", s.object(".journal"), err)
	}
	return &j, nil
}

// EndJournal removes the journal: the state has all that was created.
func (s Store) EndJournal(ctx context.Context) error {
	object := s.object(".journal")
	_, etag, err := object.read(ctx)
	if err == nil {
		err = object.remove(ctx, etag)
	}
	if err != nil && !errors.Is(err, errAbsent) {
		return fmt.Errorf("remove the journal: %w", err)
	}
	return nil
}

// Writer keeps a journal up to date while Terraform creates: a change is written at once, and those that come while one is
// being written are written together.
type Writer struct {
	object  object
	mutex   sync.Mutex
	journal Journal
	dirty   chan struct{}
	done    chan struct{}
	end     context.CancelFunc
	say     func(string)
}

// Begin writes the journal of an apply that is going to create or import these addresses. The lease has to be held.
func (l *Lease) Begin(ctx context.Context, created map[string]string) (*Writer, error) {
	w := &Writer{
		object: l.state.object(".journal"), journal: Journal{Run: l.lease.Run, Created: maps.Clone(created)},
		dirty: make(chan struct{}, 1), done: make(chan struct{}), say: l.options.Say,
	}
	_, etag, err := w.object.read(ctx)
	if err != nil && !errors.Is(err, errAbsent) {
		return nil, fmt.Errorf("look for a journal: %w", err)
	}
	if etag, err = w.write(ctx, etag); err != nil {
		return nil, err
	}
	writing, end := context.WithCancel(context.WithoutCancel(ctx))
	w.end = end
	go func() {
		defer close(w.done)
		for {
			select {
			case <-writing.Done():
				return
			case <-w.dirty:
			}
			written, err := w.write(writing, etag)
			if err == nil {
				etag = written
			} else if writing.Err() == nil {
				// The apply goes on: only a kill would make it matter.
				w.say("warning: " + err.Error())
			}
		}
	}()
	return w, nil
}

// Create notes that Terraform created an address. One that isn't in the journal is nowhere but in the state.
func (w *Writer) Create(address, id string) {
	w.mutex.Lock()
	_, listed := w.journal.Created[address]
	if listed {
		w.journal.Created[address] = id
	}
	w.mutex.Unlock()
	if !listed {
		return
	}
	select {
	case w.dirty <- struct{}{}:
	default: // one is due, which will have this too
	}
}

// Close ends the writing. The journal stays.
func (w *Writer) Close() {
	w.end()
	<-w.done
}

func (w *Writer) write(ctx context.Context, etag string) (string, error) {
	w.mutex.Lock()
	content, err := json.Marshal(w.journal)
	w.mutex.Unlock()
	if err == nil {
		etag, err = w.object.write(ctx, content, etag)
	}
	if err != nil {
		return "", fmt.Errorf("write the journal: %w", err)
	}
	return etag, nil
}
