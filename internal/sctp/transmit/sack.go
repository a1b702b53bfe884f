package transmit

import (
	"fmt"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
	"github.com/passerelle-rtc/webrtc/internal/sctp/transmit/congestion"
)

// progress is what a SACK acknowledges for the first time.
type progress struct {
	bytes  int    // of chunks
	large  bool   // one of them fits no packet of the base
	newest uint64 // number of the packet that left last among those delivered

	// The newest that was sent once: only these give a round trip (RFC 9260 section
	// 6.3.1 C5).
	once   bool
	onceAt time.Duration
	number uint64 // of its packet
}

// HandleSACK takes a SACK (RFC 9260 section 6.2.1). One that is older than what is
// known is ignored. Error: ErrNeverSent, and nothing has changed.
func (q *Queue) HandleSACK(at time.Time, s chunk.SACK) error {
	now := q.since(at)
	cumulative := q.out.serial(s.CumulativeTSN)
	if err := q.checkSACK(&s, cumulative); err != nil {
		return err
	}
	if cumulative < q.out.base-1 {
		return nil // section 6.2.1 D i
	}
	var p progress
	advanced := cumulative >= q.out.base
	q.acknowledge(now, cumulative, &p)
	q.acknowledgeGaps(now, &s, &p)
	q.rack.unreported = s.NumGaps() >= manyGaps
	q.reneged()
	q.duplicates(now, &s)
	q.windowUpdate(int(s.Window), advanced)
	q.measure(now, &p)
	if p.bytes > 0 {
		q.detectLoss(now)
	}
	q.holeDelivered(now, &p)
	q.updateForward()
	q.grow(now, &p)
	q.keepGoing()
	q.endRepair()
	if p.bytes > 0 || advanced {
		q.repair.single = false
	}
	if p.bytes > 0 || advanced || s.Window == 0 {
		q.timeouts = 0
	}
	if advanced {
		q.rearm(now) // RFC 9260 section 6.3.2 R2 and R3
	}
	if advanced || p.bytes > 0 || q.out.flying.head == none {
		q.armTail(now)
	}
	if q.forward.point >= q.out.base && (advanced || now-q.forward.at >= q.rto.srtt) {
		q.forward.wanted = true // RFC 3758 section 3.5 C3, but once in a round trip
	}
	q.out.shrink()
	if q.Empty() && q.slab.kept > 0 {
		q.rest = now + restAfter
	}
	return nil
}

// checkSACK refuses what acknowledges chunks that were never sent.
func (q *Queue) checkSACK(s *chunk.SACK, cumulative int64) error {
	if cumulative >= q.out.next {
		return fmt.Errorf("%w: cumulative TSN %d, the last sent is %d", ErrNeverSent, s.CumulativeTSN, q.out.tsn(q.out.next-1))
	}
	for i := range s.NumGaps() {
		if first, last := s.Gap(i); q.out.serial(last) >= q.out.next && q.out.serial(first) <= q.out.serial(last) {
			return fmt.Errorf("%w: gap block to TSN %d, the last sent is %d", ErrNeverSent, last, q.out.tsn(q.out.next-1))
		}
	}
	return nil
}

// acknowledge takes everything to cumulative out of the window.
func (q *Queue) acknowledge(now time.Duration, cumulative int64, p *progress) {
	for q.out.base <= cumulative {
		c := q.out.at(q.out.base)
		q.arrived(now, q.out.base, c, p, false)
		m := c.message
		c.message = nil
		q.out.base++
		if m.pieces--; m.pieces == 0 && m.whole() {
			q.finish(m)
		}
	}
	if len(q.out.spans) > 0 {
		if q.out.uncover(); len(q.out.spans) == 0 {
			q.rack.packets = 0
		}
	}
}

// acknowledgeGaps takes the gap blocks in. What they acknowledged before costs a
// comparison a block.
func (q *Queue) acknowledgeGaps(now time.Duration, s *chunk.SACK, p *progress) {
	hint := 0
	for i := range s.NumGaps() {
		first, last := s.Gap(i)
		block := span{max(q.out.serial(first), q.out.base), q.out.serial(last)}
		if block.first > block.last {
			continue
		}
		hint = q.out.cover(block, hint, func(serial int64) {
			q.arrived(now, serial, q.out.at(serial), p, true)
		})
	}
}

// arrived notes one chunk that the peer has.
func (q *Queue) arrived(now time.Duration, serial int64, c *sent, p *progress, gap bool) {
	if c.state >= acked {
		return
	}
	p.bytes += q.out.bytes(c)
	p.large = p.large || q.large(c)
	p.newest = max(p.newest, c.order)
	if c.sends == 1 && (!p.once || c.order > p.number) {
		p.once, p.onceAt, p.number = true, c.at, c.order
	}
	q.delivered(now, serial, c)
	if gap && c.order != q.rack.counted {
		q.rack.packets++
		q.rack.counted = c.order
	}
	q.out.land(c, acked)
}

// reneged finds out whether the peer threw away what it had acknowledged in gap
// blocks: then the first chunk that is missing is one of these, and all of them are
// sent again (RFC 9260 section 6.2.1: gap blocks are advisory).
func (q *Queue) reneged() {
	if len(q.out.spans) == 0 || q.out.spans[0].first != q.out.base {
		return
	}
	for _, s := range q.out.spans {
		for serial := s.first; serial <= s.last; serial++ {
			if c := q.out.at(serial); c.state == acked && !c.message.abandoned {
				q.out.lose(serial, c)
			}
		}
	}
	q.out.spans = q.out.spans[:0]
	q.rack.packets = 0
}

// duplicates takes the duplicate TSNs in.
func (q *Queue) duplicates(now time.Duration, s *chunk.SACK) {
	probe := false
	for i := range s.NumDuplicates() {
		serial := q.out.serial(s.Duplicate(i))
		q.duplicate(serial)
		probe = probe || serial == q.tail.serial
	}
	q.tailAcknowledged(now, probe)
}

// windowUpdate takes a_rwnd. When it reopens, the chunk that probed it while it was
// closed was most likely thrown away, and is sent again without waiting for T3-rtx.
func (q *Queue) windowUpdate(window int, advanced bool) {
	if q.peerWindow == 0 && window > 0 && !advanced && q.out.flying.head != none && q.out.flying.head == q.out.flying.tail {
		q.out.lose(q.out.flying.head, q.out.at(q.out.flying.head))
	}
	q.peerWindow = window
}

// measure takes the round trip (RFC 9260 section 6.3.1 C4: once in a round trip).
func (q *Queue) measure(now time.Duration, p *progress) {
	if !p.once {
		return
	}
	rtt := now - p.onceAt
	q.rto.observe(now, rtt)
	if p.number >= q.roundTrip {
		q.rto.measure(rtt)
		q.roundTrip = q.order + 1
	}
}

// grow tells congestion control. What left on an earlier path says nothing of this one.
func (q *Queue) grow(now time.Duration, p *progress) {
	if p.bytes == 0 || p.newest < q.route {
		return
	}
	ack := congestion.Ack{
		Bytes: p.bytes, Sent: q.order, Delivered: p.newest, SRTT: q.rto.srtt,
		Utilised:   q.blocked == byWindow || q.blocked == byPacer || q.repair.phase != open,
		Recovering: q.repair.phase == repairing,
	}
	if p.once && p.number >= q.route {
		ack.RTT = now - p.onceAt
	}
	q.control.Ack(now, ack)
}
