package transmit

import "time"

// phase is what the sender thinks of the path.
type phase uint8

const (
	open      phase = iota
	repairing       // Fast Recovery (RFC 9260 section 7.2.4)
	restarted       // after T3-rtx: slow start over what was lost
)

// repair is the state of loss recovery.
type repair struct {
	phase  phase
	until  int64 // serial: it ends when this is acknowledged; Fast Recovery's exit point
	urgent bool  // one packet of retransmissions may leave whatever the window says
	heard  int   // SACKs since it began
	single bool  // T3-rtx has expired, and nothing was acknowledged since: one packet may fly

	// What tells that it was for nothing (RFC 3708): every retransmission of this
	// repair was reported as a duplicate.
	from     int64 // the first serial outstanding when it began
	pending  int   // retransmissions that no duplicate was reported of
	undoable bool
}

// rack is the state of RACK (RFC 8985), with packets where it says segments.
type rack struct {
	at    time.Duration // RACK.xmit_ts
	order uint64        // number of that packet, to order what left at the same time
	rtt   time.Duration // RACK.rtt
	any   bool          // something was delivered

	highest   int64  // RACK.fack: the highest serial delivered
	reordered bool   // RACK.reordering_seen
	packets   int    // about how many packets gap blocks acknowledge: RACK.segs_sacked
	counted   uint64 // number of the packet that packets counted last

	multiplier int   // RACK.reo_wnd_mult
	persist    int   // RACK.reo_wnd_persist
	round      int64 // the multiplier grows once until this serial is acknowledged

	// unreported: the last SACK had so many gap blocks that there may have been no room
	// for more. Then nothing is known about what is above them, though chunks that were
	// sent again later have arrived.
	unreported bool

	due time.Duration // the reordering timer
}

const (
	manyGaps           = 100
	duplicateThreshold = 3  // DupThresh; the three miss indications of RFC 9260 section 7.2.4
	persistRecoveries  = 16 // RFC 8985 section 6.2 step 4
)

// reorderWindow is RACK_update_reo_wnd of RFC 8985 section 6.2 step 4.
func (q *Queue) reorderWindow() time.Duration {
	r := &q.rack
	if !r.reordered && (q.repair.phase != open || r.packets >= duplicateThreshold) {
		return 0
	}
	return min(time.Duration(r.multiplier)*q.rto.floor/4, q.rto.srtt)
}

// delivered is RACK_update, for one chunk that is acknowledged for the first time.
func (q *Queue) delivered(now time.Duration, serial int64, c *sent) {
	r := &q.rack
	if c.sends > 1 && now-c.at < q.rto.floor {
		return // the answer is to an earlier transmission (RFC 8985 section 6.2 step 2)
	}
	if serial > r.highest {
		r.highest = serial
	} else if serial < r.highest && c.sends == 1 && r.any {
		r.reordered = true // section 6.2 step 3
	}
	if !r.any || c.order > r.order {
		r.any, r.at, r.order, r.rtt = true, c.at, c.order, now-c.at
	}
}

// detectLoss is RACK_detect_loss (RFC 8985 section 6.2 step 5). It walks the chunks
// that fly in the order in which they left, to the first that may still come.
func (q *Queue) detectLoss(now time.Duration) {
	r := &q.rack
	r.due = never
	if !r.any {
		return
	}
	window := q.reorderWindow()
	any := false
	for q.out.flying.head != none {
		serial := q.out.flying.head
		c := q.out.at(serial)
		if c.order >= r.order || r.unreported && c.sends == 1 && serial > r.highest {
			break
		}
		if wait := c.at + r.rtt + window - now; wait > 0 {
			r.due = now + wait
			break
		}
		q.chunkLost(now, serial, c)
		any = true
	}
	if any {
		q.lossFound(now)
	}
}

// chunkLost marks a chunk that flies for retransmission, or abandons its message.
func (q *Queue) chunkLost(now time.Duration, serial int64, c *sent) {
	q.stats.Lost++
	q.holeLost(c)
	q.out.lose(serial, c)
	if m := c.message; q.config.PartialReliability && (m.expired(now) || m.limit >= 0 && c.sends > uint32(m.limit)) {
		q.abandon(now, m)
	}
}

// lossFound is the beginning of Fast Recovery, unless it is going on (RFC 9260
// section 7.2.4): the window is reduced once for all that was under way.
func (q *Queue) lossFound(now time.Duration) {
	if q.repair.phase != open {
		return
	}
	q.control.Loss(now)
	q.stats.Recoveries++
	q.beginRepair(repairing)
	// "the first packet of retransmissions ... ignoring cwnd": section 7.2.4 step 3.
	q.repair.urgent = q.out.lost.head != none
}

func (q *Queue) beginRepair(p phase) {
	q.repair = repair{phase: p, until: q.out.next - 1, from: q.out.base, undoable: true}
	q.tail = tailProbe{due: never}
}

// keepGoing lets retransmissions leave in proportion to what arrives while more is
// taken to be under way than the window allows, two for three SACKs: a fixed share, after
// the idea of RFC 6937. A peer acknowledges each packet at once while there are gaps
// (RFC 9260 section 6.7), and where the gaps are more than a SACK can report, nothing
// else tells that the path has become empty.
func (q *Queue) keepGoing() {
	r := &q.repair
	if r.phase != repairing {
		return
	}
	if r.heard++; r.heard%3 != 0 && q.out.lost.head != none {
		r.urgent = true
	}
}

// endRepair ends it when all is acknowledged that was under way at its beginning.
func (q *Queue) endRepair() {
	r := &q.repair
	if r.phase == open || q.out.base <= r.until {
		return
	}
	r.phase, r.urgent = open, false
	if q.rack.persist > 0 {
		if q.rack.persist--; q.rack.persist == 0 {
			q.rack.multiplier = 1
		}
	}
}

// duplicate takes a duplicate TSN of a SACK in: a retransmission was not needed, if
// there was one (RFC 3708 section 3, RFC 8985 section 6.2 step 4).
func (q *Queue) duplicate(serial int64) {
	c := q.out.past(serial)
	if c == nil || c.sends < 2 {
		return // the network duplicates
	}
	if q.out.base > q.rack.round {
		q.rack.round = q.out.next - 1
		q.rack.multiplier = min(q.rack.multiplier+1, 16)
	}
	q.rack.persist = persistRecoveries
	r := &q.repair
	if !r.undoable || serial < r.from || serial > r.until {
		return
	}
	q.stats.Spurious++
	if r.pending--; r.pending <= 0 && q.out.lost.head == none {
		r.undoable = false
		q.control.Undo()
		if r.phase != open {
			r.phase, r.urgent = open, false
		}
	}
}

// timeout is the expiry of T3-rtx (RFC 9260 section 6.3.3).
func (q *Queue) timeout(now time.Duration) {
	q.t3 = never
	if q.out.base == q.out.next {
		// It ran because the peer's window is closed: time to ask whether it still is.
		q.windowProbe = q.schedule.next() != nil
		q.rto.backOff()
		return
	}
	probing := q.peerWindow == 0 && q.out.flying.head != none && q.out.flying.head == q.out.flying.tail
	q.stats.Timeouts++
	q.timeouts++
	q.rto.backOff()
	for q.out.flying.head != none {
		// RFC 9260 section 6.3.3 E3 sends again what fits one packet; the rest is marked
		// and waits for the window.
		serial := q.out.flying.head
		q.chunkLost(now, serial, q.out.at(serial))
	}
	q.out.sortLost() // "the earliest outstanding": section 6.3.3 E3
	q.rack.due = never
	if !probing {
		// A window probe that the peer had no room for says nothing about the path.
		q.control.Timeout(q.timeouts > 1)
		q.beginRepair(restarted)
		q.repair.single = true
		q.holeTimeout(now)
	}
	q.forward.wanted = true
	q.tail = tailProbe{due: never}
	q.immediate = -1
	q.rearm(now)
}

// rearm starts T3-rtx anew, or stops it when nothing is outstanding (RFC 9260 section
// 6.3.2).
func (q *Queue) rearm(now time.Duration) {
	if q.out.base == q.out.next {
		q.t3 = never
		return
	}
	q.t3 = now + q.rto.timeout()
}
