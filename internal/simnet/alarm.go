package simnet

import (
	"container/heap"
	"time"
)

// alarm is when a stream wants to be woken.
type alarm struct {
	at     time.Time
	seq    uint64 // order of setting, for those of the same time
	stream *stream
}

// alarms is a heap, the next first. A stream has one entry that counts, which is
// never later than its time: what it has put off is put in again when it comes up.
type alarms []alarm

func (a alarms) Len() int { return len(a) }
func (a alarms) Less(i, j int) bool {
	if a[i].at.Equal(a[j].at) {
		return a[i].seq < a[j].seq
	}
	return a[i].at.Before(a[j].at)
}
func (a alarms) Swap(i, j int) { a[i], a[j] = a[j], a[i] }
func (a *alarms) Push(x any)   { *a = append(*a, x.(alarm)) }
func (a *alarms) Pop() any {
	last := len(*a) - 1
	e := (*a)[last]
	(*a)[last] = alarm{}
	*a = (*a)[:last]
	return e
}

// before tells whether an alarm is due before a time.
func (a alarms) before(t time.Time) bool { return len(a) > 0 && a[0].at.Before(t) }

// ring wakes the first stream, if it still wants that. net.mu is held.
func (a *alarms) ring(now time.Time) {
	e := heap.Pop(a).(alarm)
	s := e.stream
	if !e.at.Equal(s.queued) {
		return // another entry counts
	}
	s.queued = time.Time{}
	switch {
	case s.due.IsZero():
	case s.due.After(now):
		s.wakeAt(s.due)
	default:
		s.due = time.Time{}
		s.wake(now)
	}
}

// wakeAt sets when the stream is woken; the zero time: never. net.mu is held.
func (s *stream) wakeAt(at time.Time) {
	s.due = at
	if at.IsZero() || !s.queued.IsZero() && !at.Before(s.queued) {
		return
	}
	s.queued = at
	n := s.host.net
	n.lastAlarm++
	heap.Push(&n.alarms, alarm{at, n.lastAlarm, s})
}
