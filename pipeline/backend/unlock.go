package backend

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// Holder says who works on the state now, and whether anybody does, without waiting to see whether a run was killed.
func (s Store) Holder(ctx context.Context) (string, bool, error) {
	content, _, err := s.object(".lease").read(ctx)
	if errors.Is(err, errAbsent) {
		return "", false, nil
	}
	if err != nil {
		return "", false, err
	}
	return "held by " + readLease(content).String(), true, nil
}

// held is what keeps others from the state.
type held struct {
	lease lease
	etag  string // of the lease; empty where there is none
	locks []heldLock
	asked time.Time
}

type heldLock struct {
	place    lock
	content  []byte
	version  string
	info     LockInfo
	readable bool
}

func (s Store) look(ctx context.Context) (held, error) {
	var found held
	found.asked = time.Now()
	content, etag, err := s.object(".lease").read(ctx)
	if err == nil {
		found.lease, found.etag = readLease(content), etag
	} else if !errors.Is(err, errAbsent) {
		return held{}, fmt.Errorf("look at the lease: %w", err)
	}
	for _, place := range s.places() {
		content, version, err := place.read(ctx)
		if errors.Is(err, errAbsent) {
			continue
		}
		if err != nil {
			return held{}, fmt.Errorf("look at the state's lock: %w", err)
		}
		info, readable := readLock(content)
		found.locks = append(found.locks, heldLock{place, content, version, info, readable})
	}
	return found, nil
}

// lines show for a person who holds the state and how each part is removed.
func (h held) lines(s Store, unlock string) []string {
	var lines []string
	if h.etag != "" {
		lines = append(lines, fmt.Sprintf("the lease %s is held by %s, renewed every %s", s.object(".lease"), h.lease, h.lease.interval()), "  id: "+h.lease.Token)
	}
	for _, lock := range h.locks {
		lines = append(lines, "the state is locked by "+holder(lock.info, lock.readable)+": "+lock.place.String())
		for _, line := range describe(lock.content) {
			lines = append(lines, "  "+line)
		}
		switch {
		case !lock.readable:
			lines = append(lines, "  to remove it: "+unlock+" --force")
		case lock.info.ID == h.lease.Token:
			lines = append(lines, "  made under the lease: if that run was killed, the next one releases both")
		default:
			lines = append(lines, "  no lease belongs to it; to remove it: "+unlock+" --id "+lock.info.ID)
		}
	}
	return lines
}

// Look describes for a person what keeps others from the state: the lease, and Terraform's lock with the command that
// removes it. Unlock is that command without the lock's id. No lines mean that nobody does.
func (s Store) Look(ctx context.Context, unlock string) ([]string, error) {
	found, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	return found.lines(s, unlock), nil
}

// Unlock removes the lock with this id, and the lease with this token, after showing whose they are. It refuses those of a
// run whose lease is renewed, unless force is set. With force and an empty id it removes locks that have no id, because
// they aren't Terraform's JSON. It returns a line for each thing that was removed.
func (s Store) Unlock(ctx context.Context, id string, force bool, o Options) ([]string, error) {
	found, err := s.look(ctx)
	if err != nil {
		return nil, err
	}
	for _, line := range found.lines(s, o.Unlock) {
		o.Say(line)
	}
	ours := found.etag != "" && id != "" && found.lease.Token == id
	var matching []heldLock
	for _, lock := range found.locks {
		if lock.readable && lock.info.ID == id || !lock.readable && id == "" && force {
			matching = append(matching, lock)
		}
	}
	if !ours && len(matching) == 0 {
		return nil, mismatch(found, id, o.Unlock)
	}
	if ours && !force {
		if err := s.watchToEnd(ctx, found, o); err != nil {
			return nil, err
		}
	}
	var removed []string
	for _, lock := range matching {
		if err := lock.place.release(ctx, lock.version); err != nil {
			return removed, fmt.Errorf("remove the lock: %w", err)
		}
		removed = append(removed, "removed the lock of "+holder(lock.info, lock.readable)+": "+lock.place.String())
	}
	if ours {
		err := s.object(".lease").remove(ctx, found.etag)
		if force && errors.Is(err, errChanged) { // renewed in between, which is why force was needed
			var again held
			if again, err = s.look(ctx); err == nil && again.lease.Token == id {
				err = s.object(".lease").remove(ctx, again.etag)
			}
		}
		if err != nil && !errors.Is(err, errAbsent) {
			return removed, fmt.Errorf("remove the lease: %w", err)
		}
		removed = append(removed, "removed the lease of "+found.lease.String())
	}
	return removed, nil
}

// watchToEnd watches a lease for as long as its holder has to renew it, and returns a failure if it is renewed.
func (s Store) watchToEnd(ctx context.Context, found held, o Options) error {
	var seen watch
	seen.unchanged(found.etag, found.asked)
	o.Say(fmt.Sprintf("watching for %s whether that run still renews its lease", found.lease.stale()))
	for {
		if err := sleep(ctx, min(found.lease.interval()/2, 2*time.Second)); err != nil {
			return err
		}
		asked := time.Now()
		_, etag, err := s.object(".lease").read(ctx)
		if errors.Is(err, errAbsent) || err == nil && etag != found.etag {
			return &report.Failure{
				Reason: "that run is alive: " + found.lease.String(),
				Effect: "its lock and its lease are as they were",
				Next:   "wait until it is done, or end it where it runs; --force removes both all the same, and the run then stops half-way",
			}
		}
		if err != nil {
			return fmt.Errorf("look at the lease: %w", err)
		}
		if seen.unchanged(etag, asked) >= found.lease.stale() {
			return nil
		}
	}
}

// mismatch says what there is instead of a lock with the id.
func mismatch(found held, id, unlock string) *report.Failure {
	f := &report.Failure{Reason: fmt.Sprintf("there is no lock with the id %q", id), Effect: "nothing was removed"}
	if id == "" {
		f.Reason = "there is no lock without an id"
	}
	var ids []string
	for _, lock := range found.locks {
		if lock.readable {
			ids = append(ids, lock.info.ID)
		}
	}
	switch {
	case len(found.locks) == 0 && found.etag == "":
		f.Next = "nothing needs to be unlocked: there is neither a lock nor a lease"
	case len(ids) > 0:
		f.Next = "the lock's id is " + strings.Join(ids, " and ") + "; see whose it is above"
	case len(found.locks) > 0:
		f.Next = "the lock has no id, because it isn't Terraform's; " + unlock + " --force removes it"
	default:
		f.Next = "there is no lock, but the lease " + found.lease.Token + "; if that run was killed, the next one takes it over"
	}
	return f
}
