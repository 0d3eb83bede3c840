package backend

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// options are the defaults, with lines that are kept.
func options(l *log) Options {
	return Options{Interval: DefaultInterval, Timeout: 5 * time.Minute, Say: l.say, Unlock: "slipway unlock --name blog"}
}

func acquire(t *testing.T, s Store, run Run, l *log) *Lease {
	t.Helper()
	lease, err := s.Acquire(t.Context(), run, options(l))
	if err != nil {
		t.Fatal(err)
	}
	return lease
}

// kill ends a run as SIGKILL does: nothing is given back.
func kill(l *Lease) {
	l.stop()
	<-l.stopped
}

func wantKeys(t *testing.T, m *memory, want ...string) {
	t.Helper()
	got := m.keys()
	slices.Sort(got)
	slices.Sort(want)
	if len(got)+len(want) == 0 {
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what lies in the bucket and the table (-want +got):\n%s", diff)
	}
}

func wantLines(t *testing.T, l *log, want ...string) {
	t.Helper()
	l.mutex.Lock()
	defer l.mutex.Unlock()
	if diff := cmp.Diff(want, l.lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
}

func TestALeaseAndTheLockLieBesideTheState(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, said := newMemory(), &log{}
		lease := acquire(t, m.storeWithTable(), runOf("ann"), said)
		wantKeys(t, m, leaseKey, lockKey, "item states/"+key)

		var got map[string]any
		if err := json.Unmarshal([]byte(m.get(leaseKey)), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]any{
			"token": "token-of-ann", "who": "ann", "host": "host", "commit": "1a2b3c4", "operation": "apply", "since": "2026-11-24T21:04:05Z",
			"interval": "10s", "sequence": 0.0,
		}, got); diff != "" {
			t.Errorf("lease (-want +got):\n%s", diff)
		}
		got = nil
		if err := json.Unmarshal([]byte(m.get(lockKey)), &got); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(map[string]any{
			"ID": "token-of-ann", "Operation": "apply", "Info": "held by Slipway's lease s3://states/" + leaseKey, "Who": "ann",
			"Version": "slipway", "Created": "2026-11-24T21:04:05Z", "Path": "states/" + key,
		}, got); diff != "" {
			t.Errorf("lock (-want +got):\n%s", diff)
		}
		for range 2 {
			if err := lease.Release(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		wantKeys(t, m)
		if len(said.lines) > 0 {
			t.Errorf("it said %q", said.lines)
		}
	})
}

func TestALeaseIsRenewedEveryInterval(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		lease := acquire(t, m.store(), runOf("ann"), &log{})
		time.Sleep(time.Hour + time.Second)
		if got := readLease([]byte(m.get(leaseKey))).Sequence; got != 360 {
			t.Errorf("%d renewals within an hour, want 360", got)
		}
		if err := lease.Held().Err(); err != nil {
			t.Errorf("lost: %v", context.Cause(lease.Held()))
		}
		if err := lease.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestASecondRunWaitsForTheFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, said := newMemory(), &log{}
		first := acquire(t, m.store(), runOf("ann"), &log{})
		start := time.Now()
		time.AfterFunc(4*time.Minute, func() {
			if err := first.Release(t.Context()); err != nil {
				t.Error(err)
			}
		})
		second := acquire(t, m.store(), runOf("bob"), said)
		if waited := time.Since(start); waited < 4*time.Minute {
			t.Errorf("it waited only %s", waited)
		}
		wantLines(t, said, "waiting for ann (apply of 1a2b3c4, since 2026-11-24 21:04:05 UTC)")
		if err := second.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantKeys(t, m)
	})
}

func TestARunThatIsAtWorkForTooLongIsNamed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		first := acquire(t, m.store(), runOf("ann"), &log{})
		_, err := m.store().Acquire(t.Context(), runOf("bob"), options(&log{}))
		failure, _ := errors.AsType[*report.Failure](err)
		if failure == nil || failure.Reason != "another run is at work on this environment: ann (apply of 1a2b3c4, since 2026-11-24 21:04:05 UTC)" {
			t.Errorf("error %v", err)
		}
		wantKeys(t, m, leaseKey, lockKey)
		if err := first.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestTheLeaseOfAKilledRunIsTakenOver(t *testing.T) {
	const forty = 40 * 365 * 24 * time.Hour
	for sentence, skew := range map[string]time.Duration{
		"clocks agree": 0, "the killed run's clock was hours ahead": 5 * time.Hour, "it was hours behind": -5 * time.Hour, "it was of another time": -forty,
	} {
		t.Run(sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m, said := newMemory(), &log{}
				dead := runOf("ann")
				dead.Since = dead.Since.Add(skew)
				kill(acquire(t, m.storeWithTable(), dead, &log{}))
				start := time.Now()
				lease := acquire(t, m.storeWithTable(), runOf("bob"), said)
				if waited := time.Since(start); waited < time.Minute || waited > time.Minute+5*time.Second {
					t.Errorf("it took %s, want a minute", waited)
				}
				wantLines(t, said,
					"waiting for "+dead.String(),
					"the run of "+dead.String()+" was killed: its lease has not been renewed for 1m0s, and is taken over",
					"released the lock token-of-ann that "+dead.String()+" left when it was killed",
					"released the lock token-of-ann that "+dead.String()+" left when it was killed",
				)
				if diff := cmp.Diff([]Run{dead}, lease.Killed()); diff != "" {
					t.Errorf("killed runs (-want +got):\n%s", diff)
				}
				time.Sleep(11 * time.Second)
				if previous := readLease([]byte(m.get(leaseKey))).Previous; len(previous) > 0 {
					t.Errorf("the lease still names %v", previous)
				}
				if err := lease.Release(t.Context()); err != nil {
					t.Fatal(err)
				}
				wantKeys(t, m)
			})
		})
	}
}

// Who takes over may be killed before it has released the lock.
func TestALockIsRecognisedAfterTwoKills(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, said := newMemory(), &log{}
		kill(acquire(t, m.store(), runOf("ann"), &log{}))
		between := &Lease{object: m.store().object(".lease"), options: options(&log{}), lease: lease{Run: runOf("bob"), Interval: "10s"}}
		if err := between.take(t.Context(), time.Now().Add(5*time.Minute)); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff("token-of-ann", mustLock(t, m).ID); diff != "" {
			t.Fatalf("lock (-want +got):\n%s", diff)
		}
		last := acquire(t, m.store(), runOf("cem"), said)
		if !slices.Contains(said.lines, "released the lock token-of-ann that "+runOf("ann").String()+" left when it was killed") {
			t.Errorf("lines %q", said.lines)
		}
		if err := last.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantKeys(t, m)
	})
}

func mustLock(t *testing.T, m *memory) LockInfo {
	t.Helper()
	info, ok := readLock([]byte(m.get(lockKey)))
	if !ok {
		t.Fatalf("lock %q", m.get(lockKey))
	}
	return info
}

// Whoever watches judges by what the lease says, not by its own interval.
func TestASlowLeaseIsGivenItsTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		o := options(&log{})
		o.Interval = time.Minute
		slow, err := m.store().Acquire(t.Context(), runOf("ann"), o)
		if err != nil {
			t.Fatal(err)
		}
		o = options(&log{})
		o.Interval, o.Timeout = time.Second, 10*time.Minute
		if _, err := m.store().Acquire(t.Context(), runOf("bob"), o); err == nil {
			t.Error("the lease of a live run was taken")
		}
		if err := slow.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

func TestOneOfManyTakesOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		kill(acquire(t, m.store(), runOf("ann"), &log{}))
		var group sync.WaitGroup
		var mutex sync.Mutex
		holding, most, held := 0, 0, 0
		for _, who := range []string{"bob", "cem", "dan", "eve", "fay"} {
			group.Go(func() {
				o := options(&log{})
				o.Timeout = time.Hour
				lease, err := m.store().Acquire(t.Context(), runOf(who), o)
				if err != nil {
					t.Error(err)
					return
				}
				mutex.Lock()
				holding++
				held++
				most = max(most, holding)
				mutex.Unlock()
				time.Sleep(3 * time.Minute)
				mutex.Lock()
				holding--
				mutex.Unlock()
				if err := lease.Release(t.Context()); err != nil {
					t.Error(err)
				}
			})
		}
		group.Wait()
		if most != 1 || held != 5 {
			t.Errorf("%d held it, %d at the same time", held, most)
		}
		wantKeys(t, m)
	})
}

func TestAWriteWhoseAnswerIsLostCounts(t *testing.T) {
	for _, key := range []string{leaseKey, lockKey} {
		t.Run(key, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				m.lost = func(written string) bool { return written == key }
				lease := acquire(t, m.store(), runOf("ann"), &log{})
				time.Sleep(5 * time.Minute)
				if lease.Held().Err() != nil {
					t.Errorf("lost: %v", context.Cause(lease.Held()))
				}
				if err := lease.Release(t.Context()); err != nil {
					t.Fatal(err)
				}
				wantKeys(t, m)
			})
		})
	}
}

func TestLosingALease(t *testing.T) {
	const taken = `{"token": "other", "who": "bob", "operation": "plan", "since": "2026-11-24T22:00:00Z"}`
	tests := map[string]struct {
		happens func(*memory)
		after   time.Duration // the lease is held until then, and then not
		reason  string
		taken   bool
		left    []string
	}{
		"somebody took it over while we were suspended": {
			happens: func(m *memory) { m.set(leaseKey, taken); m.set(lockKey, `{"ID": "other"}`) }, after: 10 * time.Second, taken: true,
			reason: "the lease was taken over by bob (plan, since 2026-11-24 22:00:00 UTC): this run was held for dead, because it had stopped for longer than 1m0s",
			left:   []string{leaseKey, lockKey},
		},
		"somebody removed it by force": {
			happens: func(m *memory) { m.mutex.Lock(); delete(m.objects, leaseKey); m.mutex.Unlock() }, after: 10 * time.Second, taken: true,
			reason: "the lease of this run was removed: somebody has unlocked the state by force",
		},
		"S3 can't be reached": {
			happens: func(m *memory) {
				m.fails = func(call, key string) error {
					if call == "put" && key == leaseKey {
						return errNetwork
					}
					return nil
				}
			},
			after: 50 * time.Second, reason: "the lease could not be renewed for 50s, so another run may soon take this one for dead",
		},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				lease := acquire(t, m.store(), runOf("ann"), &log{})
				test.happens(m)
				time.Sleep(test.after - time.Millisecond)
				if lease.Held().Err() != nil {
					t.Errorf("lost before %s: %v", test.after, context.Cause(lease.Held()))
				}
				time.Sleep(3 * time.Second)
				failure, _ := errors.AsType[*report.Failure](context.Cause(lease.Held()))
				if failure == nil || failure.Reason != test.reason {
					t.Errorf("cause %v, want %s", context.Cause(lease.Held()), test.reason)
				}
				if got := lease.Taken().Err() != nil; got != test.taken {
					t.Errorf("taken: %t, want %t", got, test.taken)
				}
				if err := lease.Release(t.Context()); err != nil {
					t.Error(err)
				}
				wantKeys(t, m, test.left...)
			})
		})
	}
}

func TestAShortOutageOfS3LosesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		lease := acquire(t, m.store(), runOf("ann"), &log{})
		until := time.Now().Add(45 * time.Second)
		m.mutex.Lock()
		m.fails = func(string, string) error {
			if time.Now().Before(until) {
				return errNetwork
			}
			return nil
		}
		m.mutex.Unlock()
		time.Sleep(5 * time.Minute)
		if lease.Held().Err() != nil {
			t.Errorf("lost: %v", context.Cause(lease.Held()))
		}
		if err := lease.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
	})
}

// So the next run knows whose the lock is.
func TestALockThatCannotBeReleasedKeepsItsLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		lease := acquire(t, m.store(), runOf("ann"), &log{})
		m.fails = func(call, key string) error {
			if call == "delete" && key == lockKey {
				return errNetwork
			}
			return nil
		}
		if err := lease.Release(t.Context()); !errors.Is(err, errNetwork) {
			t.Errorf("error %v", err)
		}
		m.fails = nil
		next := acquire(t, m.store(), runOf("bob"), &log{})
		if err := next.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantKeys(t, m)
	})
}

func TestReleaseWorksAfterTheRunWasCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		ctx, cancel := context.WithCancel(t.Context())
		lease, err := m.store().Acquire(ctx, runOf("ann"), options(&log{}))
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		time.Sleep(time.Minute)
		if lease.Held().Err() != nil {
			t.Errorf("a cancelled run has lost its lease while Terraform finishes: %v", context.Cause(lease.Held()))
		}
		if err := lease.Release(ctx); err != nil {
			t.Fatal(err)
		}
		wantKeys(t, m)
	})
}

func TestALeaseThatCannotBeReadIsWatchedToo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, said := newMemory(), &log{}
		m.set(leaseKey, "not JSON")
		lease := acquire(t, m.store(), runOf("bob"), said)
		wantLines(t, said, "waiting for somebody whose lease can't be read",
			"the run of somebody whose lease can't be read was killed: its lease has not been renewed for 1m0s, and is taken over")
		if err := lease.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantKeys(t, m)
	})
}

const foreign = `{"ID": "5f3c", "Operation": "OperationTypeApply", "Info": "", "Who": "dan@laptop", "Version": "1.11.4", "Created": "2026-11-24T20:00:00Z", "Path": "states/blog/dev/terraform.tfstate"}`

func TestALockThatNoLeaseBelongsToIsNeverTouched(t *testing.T) {
	tests := map[string]struct {
		content string
		reason  string
		next    string
	}{
		"Terraform's": {
			foreign,
			"the state is locked by dan@laptop (OperationTypeApply, since 2026-11-24 20:00:00 UTC), and no lease of Slipway belongs to that lock",
			"wait until that Terraform is done; if it is certain that none is running: slipway unlock --name blog --id 5f3c",
		},
		"something else": {
			"locked by hand",
			"the state is locked by somebody who wrote something else than Terraform does, and no lease of Slipway belongs to that lock",
			"find out what wrote it; if it is certain that nothing is running: slipway unlock --name blog --force",
		},
	}
	for sentence, test := range tests {
		for _, where := range []string{"object", "item"} {
			t.Run(sentence+", "+where, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := newMemory()
					left := lockKey
					if where == "object" {
						m.set(lockKey, test.content)
					} else {
						left = "item states/" + key
						if err := (lockItem{m, lockTable, "states/" + key}).take(t.Context(), []byte(test.content)); err != nil {
							t.Fatal(err)
						}
					}
					start := time.Now()
					_, err := m.storeWithTable().Acquire(t.Context(), runOf("ann"), options(&log{}))
					failure, _ := errors.AsType[*report.Failure](err)
					if failure == nil || failure.Reason != test.reason || failure.Next != test.next {
						t.Errorf("error %v", err)
					}
					if waited := time.Since(start); waited < 5*time.Minute {
						t.Errorf("it waited only %s", waited)
					}
					wantKeys(t, m, left) // what was taken is given back
				})
			})
		}
	}
}

func TestUnlock(t *testing.T) {
	live := func(t *testing.T, m *memory) func() {
		lease := acquire(t, m.store(), runOf("ann"), &log{})
		return func() { _ = lease.Release(t.Context()) }
	}
	dead := func(t *testing.T, m *memory) func() {
		kill(acquire(t, m.store(), runOf("ann"), &log{}))
		return func() {}
	}
	terraforms := func(t *testing.T, m *memory) func() { m.set(lockKey, foreign); return func() {} }
	tests := map[string]struct {
		there   func(*testing.T, *memory) func()
		id      string
		force   bool
		removed []string // begin with this
		reason  string
		next    string
		left    []string
	}{
		"a lock of Terraform's, by its id": {there: terraforms, id: "5f3c", removed: []string{"removed the lock of dan@laptop"}},
		"a lock by another id": {there: terraforms, id: "5f3d", reason: `there is no lock with the id "5f3d"`,
			next: "the lock's id is 5f3c; see whose it is above", left: []string{lockKey}},
		"a lock by force without its id": {there: terraforms, force: true, reason: "there is no lock without an id",
			next: "the lock's id is 5f3c; see whose it is above", left: []string{lockKey}},
		"a live run's": {there: live, id: "token-of-ann", reason: "that run is alive: " + runOf("ann").String(),
			next: "wait until it is done, or end it where it runs; --force removes both all the same, and the run then stops half-way", left: []string{leaseKey, lockKey}},
		"a live run's by force": {there: live, id: "token-of-ann", force: true, removed: []string{"removed the lock of ann", "removed the lease of ann"}},
		"a killed run's":        {there: dead, id: "token-of-ann", removed: []string{"removed the lock of ann", "removed the lease of ann"}},
		"nothing": {there: func(*testing.T, *memory) func() { return func() {} }, id: "5f3c", reason: `there is no lock with the id "5f3c"`,
			next: "nothing needs to be unlocked: there is neither a lock nor a lease"},
		"what isn't Terraform's, by an id": {there: func(t *testing.T, m *memory) func() { m.set(lockKey, "mine"); return func() {} }, id: "mine",
			reason: `there is no lock with the id "mine"`, next: "the lock has no id, because it isn't Terraform's; slipway unlock --name blog --force removes it", left: []string{lockKey}},
		"what isn't Terraform's, by force": {there: func(t *testing.T, m *memory) func() { m.set(lockKey, "mine"); return func() {} }, force: true,
			removed: []string{"removed the lock of somebody who wrote something else"}},
	}
	for sentence, test := range tests {
		t.Run(sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := newMemory()
				defer test.there(t, m)()
				removed, err := m.store().Unlock(t.Context(), test.id, test.force, options(&log{}))
				if len(removed) != len(test.removed) || slices.ContainsFunc(test.removed, func(want string) bool {
					return !slices.ContainsFunc(removed, func(line string) bool { return strings.HasPrefix(line, want) })
				}) {
					t.Errorf("removed %q, want %q", removed, test.removed)
				}
				failure, _ := errors.AsType[*report.Failure](err)
				if test.reason == "" && err != nil || test.reason != "" && (failure == nil || failure.Reason != test.reason || failure.Next != test.next) {
					t.Errorf("error %#v", err)
				}
				wantKeys(t, m, test.left...)
			})
		})
	}
}

func TestUnlockOfAnItemOfDynamoDB(t *testing.T) {
	m := newMemory()
	if err := (lockItem{m, lockTable, "states/" + key}).take(t.Context(), []byte(foreign)); err != nil {
		t.Fatal(err)
	}
	lines, err := m.storeWithTable().Look(t.Context(), "slipway unlock --name blog --lock-table locks")
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{
		"the state is locked by dan@laptop (OperationTypeApply, since 2026-11-24 20:00:00 UTC): item states/" + key + " of the DynamoDB table locks",
		"  id: 5f3c",
		"  holder: dan@laptop, Terraform 1.11.4",
		"  operation: OperationTypeApply, since 2026-11-24T20:00:00Z by the holder's clock",
		"  no lease belongs to it; to remove it: slipway unlock --name blog --lock-table locks --id 5f3c",
	}, lines); diff != "" {
		t.Errorf("lines (-want +got):\n%s", diff)
	}
	if _, err := m.storeWithTable().Unlock(t.Context(), "5f3c", false, options(&log{})); err != nil {
		t.Fatal(err)
	}
	wantKeys(t, m)
}

func TestTheJournalHasWhatWasCreated(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := newMemory()
		lease := acquire(t, m.store(), runOf("ann"), &log{})
		journal, err := lease.Begin(t.Context(), map[string]string{"aws_vpc.this": "", "aws_lb.this": ""})
		if err != nil {
			t.Fatal(err)
		}
		journal.Create("aws_vpc.this", "vpc-1")
		journal.Create("terraform_data.this", "5f3c")
		synctest.Wait()
		journal.Close()
		got, err := m.store().Journal(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(&Journal{Run: runOf("ann"), Created: map[string]string{"aws_vpc.this": "vpc-1", "aws_lb.this": ""}}, got); diff != "" {
			t.Errorf("journal (-want +got):\n%s", diff)
		}
		for range 2 {
			if err := m.store().EndJournal(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := m.store().Journal(t.Context()); got != nil || err != nil {
			t.Errorf("journal %v, %v", got, err)
		}
		if err := lease.Release(t.Context()); err != nil {
			t.Fatal(err)
		}
		wantKeys(t, m)
	})
}
