// Package loop is the one goroutine that owns a connection's state machines,
// the inbox in front of it and the ordered callbacks behind it (DESIGN
// section 2).
package loop

import (
	"net"
	"slices"
	"sync"
	"time"
)

// Member is an object that shares the loop. All its methods run on the loop
// goroutine.
type Member interface {
	// Deadline is when Advance wants to be called next; zero means never.
	Deadline() time.Time
	// Advance does what is due at now. It is called only when Deadline is not
	// after now, and again in the same turn while that stays so.
	Advance(now time.Time)
	// Settle ends a turn: it drains the outputs of the member's machines and
	// publishes its snapshot. It reports whether it moved something that may
	// concern another member; then everybody is settled once more.
	Settle(now time.Time) bool
}

// Config holds a loop's settings. The zero value is usable.
type Config struct {
	// Executor runs the callbacks. It may run what it is given at once or later,
	// on any goroutine; the next is handed over after that has returned. What
	// one turn published and emitted is one piece. nil: a goroutine of the
	// loop's own.
	Executor func(func())
	// Now is the clock; nil is time.Now. The loop's timer runs on package time.
	Now func() time.Time
	// PacketLimit is how many functions TryPost may have queued; 0 is 1024.
	PacketLimit int
}

const defaultPacketLimit = 1024

// turnLimit is how many posted functions one turn runs at most, so that a
// flood delays neither deadlines nor snapshots for long.
const turnLimit = 256

// Loop runs posted functions one after the other on one goroutine, in turns.
//
// A turn takes what is in the inbox (at most 256 functions), runs it in order,
// advances the members whose deadline is due, settles all members until none
// moves, then makes the events of the turn visible to the callback goroutine,
// and last wakes the callers of Do. So an event never comes before the snapshot
// that it reports, and what Do changed is published when Do returns. With an
// executor, the changes of a turn wait for it and come just before its events.
//
// The zero value is not usable; New makes a Loop. Join, Leave, Emit and Publish are
// for functions that run on the loop; every other method is safe for concurrent
// use and may be called in callbacks.
type Loop struct {
	now         func() time.Time
	packetLimit int
	wake        chan struct{} // capacity 1; a token when the loop waits and must look again
	done        chan struct{}
	callbacks   callbacks

	mu      sync.Mutex
	inbox   fifo[entry]
	packets int // entries of the inbox that TryPost queued
	started bool
	waiting bool // the loop found the inbox empty and waits for wake
	closing bool
	final   func(now time.Time)

	turn turn // the loop goroutine's own
}

// entry is one posted function.
type entry struct {
	run     func(now time.Time)
	settled chan struct{} // closed when the turn has settled; nil unless Do waits
	packet  bool
}

// New returns a loop. Its goroutine starts with the first posted function.
func New(cfg Config) *Loop {
	l := &Loop{
		now:         cfg.Now,
		packetLimit: cfg.PacketLimit,
		wake:        make(chan struct{}, 1),
		done:        make(chan struct{}),
	}
	if l.now == nil {
		l.now = time.Now
	}
	if l.packetLimit == 0 {
		l.packetLimit = defaultPacketLimit
	}
	l.callbacks.init(cfg.Executor)
	return l
}

// Post queues f for the loop. Functions run in the order in which they were
// posted. It never blocks and reports false, without queueing, after Close.
func (l *Loop) Post(f func(now time.Time)) bool {
	return l.post(entry{run: f})
}

// TryPost is Post for packets: it also reports false when PacketLimit functions
// that came through TryPost are queued already. What a peer sends can therefore
// not grow the heap, and never displaces what Post queued.
func (l *Loop) TryPost(f func(now time.Time)) bool {
	return l.post(entry{run: f, packet: true})
}

// Do posts f and waits until the turn that ran it has settled: what it changed
// is published and its events are queued. With an executor, which may be waiting
// for Do, it applies the changes of all settled turns itself. It returns
// net.ErrClosed when the loop is closed and f did not run. Do waits for no
// callback, so callbacks may use it; a function that runs on the loop must not.
func (l *Loop) Do(f func(now time.Time)) error {
	err := l.Ask(f)
	if l.HasExecutor() {
		l.callbacks.applyAll()
	}
	return err
}

// Ask is Do for goroutines that are not the application's: it leaves changes to
// the executor.
func (l *Loop) Ask(f func(now time.Time)) error {
	settled := make(chan struct{})
	if !l.post(entry{run: f, settled: settled}) {
		return net.ErrClosed
	}
	select {
	case <-settled:
		return nil
	case <-l.done:
	}
	// The loop has ended. That it settled this turn first is the rule; the
	// exception is a function that ended the goroutine (runtime.Goexit).
	select {
	case <-settled:
		return nil
	default:
		return net.ErrClosed
	}
}

func (l *Loop) post(e entry) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closing {
		return false
	}
	if e.packet {
		if l.packets >= l.packetLimit {
			return false
		}
		l.packets++
	}
	l.inbox.push(e)
	l.rouse()
	return true
}

// rouse makes the loop look at the inbox. l.mu is held.
func (l *Loop) rouse() {
	switch {
	case !l.started:
		l.started = true
		go l.run()
	case l.waiting:
		l.waiting = false
		select {
		case l.wake <- struct{}{}:
		default:
		}
	}
}

// Join makes m part of every later step of the current turn and of all turns
// that follow. A member that has joined already stays once. On the loop only.
func (l *Loop) Join(m Member) {
	if !slices.Contains(l.turn.members, m) {
		l.turn.members = append(l.turn.members, m)
	}
}

// Leave ends what Join began: m is not called again, not even to settle this
// turn. On the loop only; members may leave while they are called.
func (l *Loop) Leave(m Member) { l.turn.leave(m) }

// Emit queues an event. Events are delivered in the order of Emit and Deliver,
// where an event counts as queued when its turn has settled: a callback never
// sees a snapshot older than the turn that emitted it. On the loop only.
func (l *Loop) Emit(deliver func()) {
	l.turn.events = append(l.turn.events, deliver)
}

// Publish makes a change that getters see: at once, or with an executor as the
// first thing that it runs of this turn. change must only store, and not call
// the loop. On the loop only.
func (l *Loop) Publish(change func()) {
	if !l.HasExecutor() {
		change()
		return
	}
	l.turn.changes = append(l.turn.changes, change)
}

// HasExecutor reports whether an executor runs the callbacks and holds changes.
func (l *Loop) HasExecutor() bool { return l.callbacks.executor != nil }

// Deliver queues a callback at once, from any goroutine. It reports false after
// Close. A callback that is queued when the loop closes is dropped.
func (l *Loop) Deliver(deliver func()) bool {
	return l.callbacks.push(deliver)
}

// Close ends the loop. What was posted before runs, then final (unless nil) as
// the last turn, which settles like every other; then callbacks that have not
// started are dropped, those of the last turn included. Posting fails from the
// beginning of Close on.
//
// Close returns when the loop goroutine has ended. It does not wait for a
// callback that is running, so a callback may call it; a function that runs on
// the loop must not. Of several calls the first gives final, and all wait.
func (l *Loop) Close(final func(now time.Time)) {
	l.mu.Lock()
	if !l.closing {
		l.closing = true
		l.final = final
		l.rouse()
	}
	l.mu.Unlock()
	<-l.done
}

// Done is closed when the loop goroutine has ended.
func (l *Loop) Done() <-chan struct{} { return l.done }

// Closed reports whether Close was called.
func (l *Loop) Closed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.closing
}
