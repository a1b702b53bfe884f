package transmit

import "time"

// tailProbe is the tail loss probe (RFC 8985 section 7): when acknowledgements stop, one
// packet more asks for one, long before T3-rtx.
type tailProbe struct {
	due    time.Duration // PTO; never: not armed
	wanted bool          // a probe is to be sent

	// The probe that is under way.
	sent   bool
	again  bool  // TLP.is_retrans
	serial int64 // TLP.end_seq: the probe's chunk
}

// worstDelay is how long the peer may delay a SACK (RFC 9260 section 6.2).
const worstDelay = 200 * time.Millisecond

// armTail sets the timer (RFC 8985 section 7.2): after new data, and after an
// acknowledgement, while nothing is known to be missing.
func (q *Queue) armTail(now time.Duration) {
	t := &q.tail
	t.due = never
	if t.sent || t.wanted || q.rto.srtt == 0 || q.repair.phase != open || len(q.out.spans) > 0 ||
		q.out.flying.head == none || q.peerWindow == 0 {
		return
	}
	wait := 2 * q.rto.srtt
	if first, last := q.out.at(q.out.flying.head), q.out.at(q.out.flying.tail); first.order == last.order && q.immediate < q.out.flying.tail {
		wait += worstDelay
	}
	if due := now + max(wait, time.Millisecond); due < q.t3 {
		t.due = due
	}
}

// probeAgain returns the chunk that a probe repeats when there is nothing new: the
// highest that flies.
func (q *Queue) probeAgain() int64 {
	for s := q.out.next - 1; s >= q.out.base; s-- {
		if q.out.at(s).state == flying {
			return s
		}
	}
	return none
}

// probed notes what the probe was, and gives T3-rtx its time (RFC 8985 section 7.3).
func (q *Queue) probed(now time.Duration, serial int64, again bool) {
	q.tail = tailProbe{due: never, sent: true, again: again, serial: serial}
	q.stats.TailProbes++
	q.rearm(now)
}

// tailAcknowledged is section 7.4.2: a probe that repeated a chunk may have hidden
// its loss. It has, unless the peer reports both.
func (q *Queue) tailAcknowledged(now time.Duration, duplicated bool) {
	t := &q.tail
	if !t.sent {
		return
	}
	arrived := q.out.base > t.serial || q.out.at(t.serial).state >= acked
	switch {
	case !arrived:
	case duplicated || !t.again:
		t.sent = false
	case q.out.base > t.serial+1 || q.out.base == q.out.next:
		// It was new to the peer. Where nothing follows that could bring the report of a
		// duplicate with it, this SACK has to do.
		t.sent = false
		if q.repair.phase == open {
			q.control.Loss(now)
		}
	}
}
