package backend

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/slipway-ci/slipway/pipeline/report"
)

// Run is who operates on an environment, as it stands in the lease.
type Run struct {
	// Token is the lease's own, a UUID, and the id of the Terraform lock that is made under the lease. So it is known, and
	// not guessed, which run made a lock.
	Token string `json:"token"`
	// Who is a person's user@host, or the URL of a CI run.
	Who  string `json:"who"`
	Host string `json:"host,omitempty"`
	// Commit is the one that is operated from, where that is known.
	Commit string `json:"commit,omitempty"`
	// Operation is what is done: "plan", "apply", "drift", "destroy".
	Operation string `json:"operation"`
	// Since is for people. No decision rests on it: it is of the holder's clock.
	Since time.Time `json:"since"`
}

// String names the run for a person: "ann@laptop (apply of 1a2b3c4, since 2026-11-24 21:04:05 UTC)".
func (r Run) String() string {
	if r.Token == "" {
		return "somebody whose lease can't be read"
	}
	commit := ""
	if r.Commit != "" {
		const enough = 12
		commit = " of " + r.Commit[:min(len(r.Commit), enough)]
	}
	return fmt.Sprintf("%s (%s%s, since %s)", r.Who, r.Operation, commit, r.Since.UTC().Format("2006-01-02 15:04:05 MST"))
}

// DefaultInterval is how often a lease is renewed where nothing else is asked for.
const DefaultInterval = 10 * time.Second

// staleAfter is how many intervals a lease may go unrenewed before it counts as that of a run that was killed. Its holder
// gives up one interval earlier.
const staleAfter = 6

// lease is the object beside the state.
type lease struct {
	Run
	// Interval is how often the holder renews, like "10s". Whoever watches judges by this one, not by its own.
	Interval string `json:"interval"`
	// Sequence counts the renewals, so that every one of them changes the object and its ETag.
	Sequence int `json:"sequence"`
	// Previous are the killed runs whose lease was taken over, until it is known that none of their locks is left. Where
	// the run that took over is killed too, the next one still knows whose lock it finds.
	Previous []Run `json:"previous,omitempty"`
}

// readLease reads a lease. One that can't be read is one of nobody's, which is watched as if it were renewed at the default
// interval.
func readLease(content []byte) lease {
	var l lease
	if json.Unmarshal(content, &l) != nil {
		return lease{}
	}
	return l
}

func (l lease) interval() time.Duration {
	interval, err := time.ParseDuration(l.Interval)
	if err != nil || interval <= 0 {
		return DefaultInterval
	}
	return interval
}

// stale is how long the lease has to be seen unchanged.
func (l lease) stale() time.Duration { return staleAfter * l.interval() }

// dead are the runs that are known to be over when this lease is.
func (l lease) dead() []Run {
	if l.Token == "" {
		return l.Previous
	}
	return append(l.Previous, l.Run)
}

// watch measures with this process's monotonic clock how long an object has not changed. What clocks of other machines
// say, in the object or in S3's answers, plays no part.
type watch struct {
	etag string
	seen time.Time // when the answer with this ETag had arrived for the first time
}

// unchanged returns for how long at least the object has had this ETag. Asked is when the question was sent.
func (w *watch) unchanged(etag string, asked time.Time) time.Duration {
	if etag != w.etag || w.seen.IsZero() {
		w.etag, w.seen = etag, time.Now()
	}
	return max(asked.Sub(w.seen), 0)
}

// Options say how a lease is acquired.
type Options struct {
	// Interval is how often the lease is renewed.
	Interval time.Duration
	// Timeout is how long to wait for another run's lease or somebody's lock. A killed run is only recognised after six of
	// its intervals, so a shorter one never gets past it.
	Timeout time.Duration
	// Say gets one line for each thing that happened.
	Say func(string)
	// Unlock is the command that removes a lock, without the lock's id.
	Unlock string
}

// Lease is held on one environment: nobody else who asks for one gets it, and no Terraform takes the state's lock.
type Lease struct {
	state   Store
	object  object
	options Options
	locks   []lock // those that are ours

	held, taken    context.Context
	lose, takeAway context.CancelCauseFunc
	killed         []Run

	stop    context.CancelFunc // ends the renewal
	stopped chan struct{}

	mutex sync.Mutex
	lease lease
	etag  string
}

// NewToken returns a random UUID, version 4: https://www.rfc-editor.org/rfc/rfc9562#section-5.4
func NewToken() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // never fails: https://pkg.go.dev/crypto/rand#Read
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", b[0:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// Acquire waits until nobody else works on the state, and takes the lease and then Terraform's lock. Terraform itself then
// has to run without one. A lease that is not renewed belongs to a run that was killed: it is taken over, and the lock that
// was made under it released. A lock that no lease belongs to is never touched.
func (s Store) Acquire(ctx context.Context, run Run, o Options) (*Lease, error) {
	deadline := time.Now().Add(o.Timeout)
	l := &Lease{state: s, object: s.object(".lease"), options: o, lease: lease{Run: run, Interval: o.Interval.String()}}
	if err := l.take(ctx, deadline); err != nil {
		return nil, err
	}
	l.held, l.lose = context.WithCancelCause(context.WithoutCancel(ctx))
	l.taken, l.takeAway = context.WithCancelCause(context.WithoutCancel(ctx))
	l.killed = l.lease.Previous
	var renewing context.Context
	renewing, l.stop = context.WithCancel(context.WithoutCancel(ctx))
	l.stopped = make(chan struct{})
	go l.renew(renewing, time.Now())
	if err := l.lock(ctx, deadline); err != nil {
		return nil, errors.Join(err, l.Release(ctx))
	}
	// No lock of theirs is left.
	l.mutex.Lock()
	l.lease.Previous = nil
	l.mutex.Unlock()
	return l, nil
}

// take gets the lease itself.
func (l *Lease) take(ctx context.Context, deadline time.Time) error {
	var seen watch
	var waitingFor string
	for {
		etag, err := l.object.write(ctx, l.content(), "")
		if err == nil {
			l.etag = etag
			return nil
		}
		if !errors.Is(err, errChanged) {
			return fmt.Errorf("take the lease: %w", err)
		}
		asked := time.Now()
		content, etag, err := l.object.read(ctx)
		if errors.Is(err, errAbsent) {
			continue // released in between
		}
		if err != nil {
			return fmt.Errorf("look at the lease: %w", err)
		}
		other := readLease(content)
		if other.Token == l.lease.Token {
			l.etag = etag // written by an attempt whose answer was lost
			return nil
		}
		unchanged := seen.unchanged(etag, asked)
		if unchanged >= other.stale() {
			taken, err := l.takeOver(ctx, other, etag)
			if taken || err != nil {
				return err
			}
			continue
		}
		if who := other.String(); who != waitingFor {
			waitingFor = who
			l.options.Say("waiting for " + who)
		}
		if !time.Now().Before(deadline) {
			return busy(other, l.object, unchanged)
		}
		if err := sleep(ctx, min(max(other.interval()/2, 20*time.Millisecond), 2*time.Second)); err != nil {
			return err
		}
	}
}

// takeOver replaces the lease of a run that was killed, unless somebody else does at the same time.
func (l *Lease) takeOver(ctx context.Context, other lease, etag string) (bool, error) {
	l.lease.Previous = other.dead()
	etag, err := l.object.write(ctx, l.content(), etag)
	switch {
	case err == nil:
		l.etag = etag
		l.options.Say(fmt.Sprintf("the run of %s was killed: its lease has not been renewed for %s, and is taken over", other, other.stale()))
		return true, nil
	case errors.Is(err, errChanged) || errors.Is(err, errAbsent):
		l.lease.Previous = nil
		return false, nil
	}
	return false, fmt.Errorf("take the lease over: %w", err)
}

// busy is the failure of a run that another one keeps from its work.
func busy(other lease, object object, unchanged time.Duration) *report.Failure {
	return &report.Failure{
		Reason: "another run is at work on this environment: " + other.String(),
		Evidence: []string{fmt.Sprintf("its lease %s is renewed every %s; no renewal was seen for %s, and %s without one mean that the run was killed",
			object, other.interval(), unchanged.Round(time.Second), other.stale())},
		Effect: "nothing was changed",
		Next:   "run again when it is done, or wait longer with --lock-timeout; the lease of a run that was killed is taken over",
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

func (l *Lease) content() []byte {
	content, err := json.MarshalIndent(l.lease, "", "  ")
	if err != nil {
		panic(err) // strings, numbers and times
	}
	return append(content, '\n')
}

// errTaken is returned for a lease that somebody else has, or that somebody removed.
var errTaken = errors.New("somebody else has the lease")

// Held ends when this run has to end what it does, because the lease is lost, or can't be renewed any more. Its cause, a
// *report.Failure, says why. It does not end with the context that the lease was acquired with.
func (l *Lease) Held() context.Context { return l.held }

// Taken ends when somebody else has the lease. They held this run for dead, so whatever it still does must stop at once.
func (l *Lease) Taken() context.Context { return l.taken }

// Killed are the runs that were killed and whose lease was taken over.
func (l *Lease) Killed() []Run { return l.killed }

// renew keeps the lease until it is stopped. Last is when the lease was written for certain, at the latest.
func (l *Lease) renew(ctx context.Context, last time.Time) {
	defer close(l.stopped)
	interval := l.options.Interval
	wait := interval
	for sleep(ctx, wait) == nil {
		began := time.Now()
		err := l.renewOnce(ctx)
		switch {
		case ctx.Err() != nil:
			return
		case err == nil:
			last, wait = began, interval
		case errors.Is(err, errTaken):
			l.lose(err)
			l.takeAway(err)
			return
		default:
			wait = interval / 4
			if silent := time.Since(last); silent >= (staleAfter-1)*interval {
				// Tried further: whether somebody took it decides how hard Terraform is to be stopped.
				l.lose((&report.Failure{
					Reason: fmt.Sprintf("the lease could not be renewed for %s, so another run may soon take this one for dead", silent.Round(time.Second)),
					Next:   "see that S3 can be reached, and run again",
				}).Because(err))
			}
		}
	}
}

// renewOnce writes the lease anew. It returns errTaken where it is no longer ours.
func (l *Lease) renewOnce(ctx context.Context) error {
	// One that hangs must not use up the time there is for others.
	ctx, cancel := context.WithTimeout(ctx, 2*l.options.Interval)
	defer cancel()
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.lease.Sequence++
	etag, err := l.object.write(ctx, l.content(), l.etag)
	if err == nil {
		l.etag = etag
		return nil
	}
	if !errors.Is(err, errChanged) && !errors.Is(err, errAbsent) {
		return err
	}
	content, etag, err := l.object.read(ctx)
	other := readLease(content)
	switch {
	case err == nil && other.Token == l.lease.Token:
		l.etag = etag // an earlier attempt arrived, and its answer was lost
		return nil
	case errors.Is(err, errAbsent):
		return (&report.Failure{
			Reason: "the lease of this run was removed: somebody has unlocked the state by force",
			Next:   "find out who and why, look at what Terraform plans now, and run again",
		}).Because(errTaken)
	case err != nil:
		return err
	}
	return (&report.Failure{
		Reason: fmt.Sprintf("the lease was taken over by %s: this run was held for dead, because it had stopped for longer than %s", other, staleAfter*l.options.Interval),
		Next:   "run again when that one is done",
	}).Because(errTaken)
}

// Release gives the lock and then the lease back, if they are still ours. It may be called after the context of the run has
// ended, and more than once.
func (l *Lease) Release(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 30*time.Second)
	defer cancel()
	l.stop()
	<-l.stopped
	for len(l.locks) > 0 {
		last := len(l.locks) - 1
		if err := release(ctx, l.locks[last], l.lease.Token); err != nil {
			// The lease stays, and becomes stale: so the next run knows whose the lock is.
			return fmt.Errorf("release the lock: %w", err)
		}
		l.locks = l.locks[:last]
	}
	if l.etag == "" {
		return nil
	}
	err := l.object.remove(ctx, l.etag)
	if errors.Is(err, errChanged) {
		// Taken by somebody else, or renewed by an attempt whose answer was lost.
		content, etag, readErr := l.object.read(ctx)
		if readErr == nil && readLease(content).Token == l.lease.Token {
			err = l.object.remove(ctx, etag)
		} else {
			err = readErr
		}
	}
	if err != nil && !errors.Is(err, errAbsent) {
		return fmt.Errorf("give the lease back: %w", err)
	}
	l.etag = ""
	return nil
}
