package loop

import (
	"slices"
	"time"
)

// settleRounds bounds how often the members are settled in one turn. Members
// pass outputs to each other along short chains; reaching the bound is a
// mistake in a member.
const settleRounds = 128

// restlessPause is how long the loop waits before the next turn when a member
// was still due or moving at the bound: the mistake then costs little and
// stops neither the inbox nor the virtual clock of a test.
const restlessPause = time.Millisecond

// turn is the state of the loop goroutine.
type turn struct {
	entries []entry // taken from the inbox for this turn
	members []Member
	walks   int         // walks over members under way
	holes   bool        // members has nil elements, to be removed after the walk
	events  []func()    // emitted in this turn
	changes []func()    // published in this turn and held back for the executor
	timer   *time.Timer // nil until a member had a deadline
	armed   time.Time   // what timer is set for; zero: stopped
}

func (l *Loop) run() {
	defer l.end()
	t := &l.turn
	for {
		last := l.next()
		now := l.now()
		for i := range t.entries {
			t.entries[i].run(now)
		}
		settled := t.settle(now)
		if last {
			l.callbacks.close()
		}
		l.publish()
		if last {
			return
		}
		l.arm(settled)
	}
}

// next waits until there is something to do and fills turn.entries. It reports
// whether this is the last turn.
func (l *Loop) next() (last bool) {
	t := &l.turn
	due := false
	for {
		l.mu.Lock()
		l.waiting = false
		for len(t.entries) < turnLimit && l.inbox.len() > 0 {
			e := l.inbox.pop()
			if e.packet {
				l.packets--
			}
			t.entries = append(t.entries, e)
		}
		if len(t.entries) > 0 {
			l.mu.Unlock()
			return false
		}
		if l.closing {
			if l.final != nil {
				t.entries = append(t.entries, entry{run: l.final})
			}
			l.mu.Unlock()
			return true
		}
		l.waiting = !due
		l.mu.Unlock()
		if due {
			return false
		}

		var timer <-chan time.Time
		if t.timer != nil {
			timer = t.timer.C
		}
		select {
		case <-l.wake: // perhaps a token of an earlier wait: look again
		case <-timer:
			t.armed = time.Time{}
			due = true
		}
	}
}

// publish makes the turn's changes and events visible and wakes those who wait
// for the turn.
func (l *Loop) publish() {
	t := &l.turn
	if len(t.events)+len(t.changes) > 0 {
		l.callbacks.pushTurn(t.changes, t.events)
		t.events, t.changes = emptied(t.events), emptied(t.changes)
	}
	for i := range t.entries {
		if settled := t.entries[i].settled; settled != nil {
			close(settled)
		}
	}
	clear(t.entries)
	t.entries = t.entries[:0]
}

// emptied returns fs for the next turn, unless a burst made it large.
func emptied(fs []func()) []func() {
	clear(fs)
	if cap(fs) > fifoKeep {
		return nil
	}
	return fs[:0]
}

// arm sets the timer to the earliest deadline. It touches the timer only when
// that has changed.
func (l *Loop) arm(settled bool) {
	t := &l.turn
	at := t.deadline()
	if !settled {
		at = l.now().Add(restlessPause)
	}
	switch {
	case at.Equal(t.armed):
	case at.IsZero():
		t.timer.Stop()
	case t.timer == nil:
		t.timer = time.NewTimer(at.Sub(l.now()))
	default:
		t.timer.Reset(at.Sub(l.now()))
	}
	t.armed = at
}

// end also runs when a posted function ended the goroutine; the loop is closed
// then, and nobody waits for ever.
func (l *Loop) end() {
	l.mu.Lock()
	l.closing = true
	l.inbox.clear()
	l.final = nil
	l.mu.Unlock()
	l.callbacks.close()
	if l.turn.timer != nil {
		l.turn.timer.Stop()
	}
	l.turn = turn{}
	close(l.done)
}

// settle advances the members that are due and settles all, until nobody is due
// and nobody moves. It reports false when it gave up at the bound.
func (t *turn) settle(now time.Time) bool {
	moved := true
	for range settleRounds {
		if advanced := t.advance(now); !advanced && !moved {
			return true
		}
		moved = false
		t.walk(func(m Member) {
			if m.Settle(now) {
				moved = true
			}
		})
	}
	return false
}

// advance calls the members that are due and reports whether there was one.
func (t *turn) advance(now time.Time) bool {
	advanced := false
	t.walk(func(m Member) {
		if at := m.Deadline(); !at.IsZero() && !at.After(now) {
			m.Advance(now)
			advanced = true
		}
	})
	return advanced
}

// deadline is the earliest of the members' deadlines, or zero.
func (t *turn) deadline() time.Time {
	var earliest time.Time
	t.walk(func(m Member) {
		if at := m.Deadline(); !at.IsZero() && (earliest.IsZero() || at.Before(earliest)) {
			earliest = at
		}
	})
	return earliest
}

// walk calls visit for each member; members that join during the walk included,
// members that leave excluded from then on.
func (t *turn) walk(visit func(Member)) {
	t.walks++
	for i := 0; i < len(t.members); i++ {
		if m := t.members[i]; m != nil {
			visit(m)
		}
	}
	t.walks--
	if t.walks == 0 && t.holes {
		t.members = slices.DeleteFunc(t.members, func(m Member) bool { return m == nil })
		t.holes = false
	}
}

func (t *turn) leave(m Member) {
	i := slices.Index(t.members, m)
	switch {
	case i < 0:
	case t.walks > 0:
		t.members[i] = nil
		t.holes = true
	default:
		t.members = slices.Delete(t.members, i, i+1)
	}
}
