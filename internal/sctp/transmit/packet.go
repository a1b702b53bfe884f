package transmit

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// leastFragment is the least payload that a message is cut for to fill a packet.
const leastFragment = 128

// Append appends to a packet what may be sent now: FORWARD-TSN when it is due,
// chunks to send again, then new ones, as many as fit MTU. b holds the packet's
// common header and control chunks. When nothing is appended nothing may be sent.
//
// Packets are filled to MTU while there is data, so that those of a burst have one
// size.
func (q *Queue) Append(at time.Time, b []byte) []byte { return q.fill(at, b, false) }

// fill is Append, or AppendInPlace.
func (q *Queue) fill(at time.Time, b []byte, inPlace bool) []byte {
	q.giveBack()
	now := q.since(at)
	b = q.appendForward(now, b)
	if q.out.base == q.out.next && q.schedule.next() == nil {
		q.blocked = byNothing
		return b
	}
	start := len(b)
	p := packet{b: b, last: -1, alone: start == chunk.PacketHeaderSize, inPlace: inPlace}
	probe := q.tail.wanted
	if !probe && !q.mayBegin(now) {
		return b
	}
	idle := q.out.base == q.out.next
	q.order++
	q.appendLost(now, &p)
	q.appendNew(now, &p)
	if probe {
		q.appendProbe(now, &p)
	}
	if p.last < 0 {
		q.order--
		return p.b
	}
	q.pacer.Spend(len(p.b) - start)
	q.repair.urgent = false
	q.windowProbe = false
	q.askForSACK(&p, probe)
	if idle || q.t3 == never {
		q.rearm(now)
	}
	if !probe {
		q.armTail(now)
	}
	return p.b
}

// packet is one that is being filled.
type packet struct {
	b      []byte
	alone  bool  // nothing but the common header was there before
	chunks int   // DATA chunks
	last   int   // where the newest one begins; -1: there is none
	serial int64 // its serial
	again  bool  // chunks were sent again

	inPlace bool // it may lie in the memory of a message
}

// mayBegin tells whether another packet may leave, and sets blocked where not.
func (q *Queue) mayBegin(now time.Duration) bool {
	q.blocked = byNothing
	lost := q.out.lost.head != none
	switch {
	case !lost && q.schedule.next() == nil:
		return false
	case lost && q.repair.urgent:
		return true
	case q.repair.single && q.out.flight > 0:
		// RFC 9260 section 7.2.1: after T3-rtx "only one packet is allowed to be in flight until
		// successful acknowledgement".
		q.blocked = byWindow
		return false
	case q.out.flight >= q.control.Window():
		// RFC 9260 section 6.1 B: the last packet may exceed it.
		q.blocked = byWindow
		return false
	case q.pacer.Full(now, q.rate(), q.room()):
		q.blocked = byPacer
		return false
	}
	return true
}

// appendLost appends chunks to send again (RFC 9260 section 6.1 C: before new ones).
func (q *Queue) appendLost(now time.Duration, p *packet) {
	for q.out.lost.head != none {
		serial := q.out.lost.head
		c := q.out.at(serial)
		if m := c.message; q.config.PartialReliability && m.expired(now) {
			q.abandon(now, m) // RFC 3758 section 3.5
			q.updateForward()
			continue
		}
		if !q.fits(p, q.out.bytes(c)) {
			return
		}
		q.out.land(c, flying) // out of the list of lost ones
		q.send(now, p, serial, c)
		q.stats.Retransmitted++
		q.repair.pending++
		p.again = true
		if serial == q.out.base {
			q.rearm(now) // RFC 9260 section 7.2.4 step 4
		}
	}
}

// fits tells whether a chunk of n bytes goes into the packet. One that is larger
// than any packet, since the path MTU fell after it got its TSN, goes alone.
func (q *Queue) fits(p *packet, n int) bool {
	return len(p.b)+n <= q.mtu || n > q.room() && p.alone && p.chunks == 0
}

// appendNew gives new chunks their TSN, while there are any, the peer's window has
// room, and the packet has.
func (q *Queue) appendNew(now time.Duration, p *packet) {
	for {
		s := q.schedule.next()
		if s == nil {
			return
		}
		m := s.head
		if m.expired(now) && q.tooOld(now, m) {
			continue
		}
		if !m.started() && !m.unordered && !q.config.Interleaving && s.ordered >= maxOrdered {
			s.stalled = true
			q.schedule.remove(s)
			continue
		}
		n := q.cut(p, len(m.payload)-int(m.sent))
		if n < 0 || !q.peerTakes(now, n) {
			return
		}
		q.sendNew(now, p, s, m, n)
	}
}

// tooOld drops or abandons a message whose lifetime is over; false: it has to be
// finished, since the peer takes no FORWARD-TSN.
func (q *Queue) tooOld(now time.Duration, m *message) bool {
	switch {
	case !m.started():
		q.dropExpired(now, m.stream)
		return true
	case q.config.PartialReliability:
		q.abandon(now, m)
		q.updateForward()
		return true
	}
	return false
}

// cut is how many bytes of the rest of a message go into the packet; -1: none. A
// message that fits a packet is not cut to fill another.
func (q *Queue) cut(p *packet, rest int) int {
	space := q.mtu - len(p.b) - q.header
	switch {
	case (rest+3)&^3 <= space:
		return rest
	case p.chunks == 0 && p.alone:
	case rest <= q.room()-q.header || space < leastFragment:
		return -1
	}
	if space < 4 {
		return -1
	}
	return space &^ 3
}

// peerTakes tells whether the peer's window has room for n bytes (RFC 9260 section
// 6.1 A). One chunk may be under way even so, at once where there is some room, after
// an RTO where there is none.
func (q *Queue) peerTakes(now time.Duration, n int) bool {
	if q.out.payload+n <= q.peerWindow || q.windowProbe && q.out.flight == 0 {
		return true
	}
	if q.out.flight == 0 && q.peerWindow > 0 && q.out.lost.head == none {
		return true
	}
	q.blocked = byPeer
	if q.t3 == never {
		q.t3 = now + q.rto.value
	}
	return false
}

// sendNew sends the next n bytes of m.
func (q *Queue) sendNew(now time.Duration, p *packet, s *stream, m *message, n int) {
	if !m.started() {
		if m.unordered && q.config.Interleaving {
			m.mid = chunk.MID(s.loose)
			s.loose++
		} else if !m.unordered {
			m.mid = chunk.MID(s.mid)
			s.mid++
			s.ordered++
		}
	}
	serial, c := q.out.push()
	if m.first < 0 {
		m.first = serial
	}
	m.last = serial
	c.message, c.offset, c.length, c.fsn = m, m.sent, uint32(n), m.fsn
	m.sent += uint32(n)
	m.fsn++
	m.pieces++
	ended := m.whole()
	q.schedule.charge(s, n+q.header, ended, q.config.Interleaving)
	if ended {
		q.dequeue(s)
	}
	q.unbuffer(s, n)
	q.send(now, p, serial, c)
	q.stats.Sent++
}

// padding is what chunks are padded with (RFC 9260 section 3.2).
var padding [3]byte

// send writes a chunk into the packet. It is in no list.
func (q *Queue) send(now time.Duration, p *packet, serial int64, c *sent) {
	m := c.message
	var flags chunk.DataFlags
	if c.offset == 0 {
		flags |= chunk.FlagBegin
	}
	if int(c.offset+c.length) == len(m.payload) {
		flags |= chunk.FlagEnd
	}
	if m.unordered {
		flags |= chunk.FlagUnordered
	}
	inPlace := q.lends(p, c)
	p.last, p.serial = len(p.b), serial
	p.chunks++
	if inPlace {
		p.b = q.lend(p.b, c)
	}
	payload := m.payload[c.offset : c.offset+c.length]
	if q.config.Interleaving {
		d := chunk.IData{Flags: flags, TSN: q.out.tsn(serial), Stream: m.stream.id, MID: m.mid, PPID: m.ppid, FSN: c.fsn, Payload: payload}
		p.b = chunk.AppendIDataHeader(p.b, &d)
	} else {
		d := chunk.Data{Flags: flags, TSN: q.out.tsn(serial), Stream: m.stream.id, SSN: chunk.SSN(m.mid), PPID: m.ppid, Payload: payload}
		p.b = chunk.AppendDataHeader(p.b, &d)
	}
	if inPlace {
		p.b = p.b[:cap(p.b)]
	} else {
		p.b = append(p.b, payload...)
		p.b = append(p.b, padding[:-len(payload)&3]...)
	}
	q.out.fly(now, q.order, serial, c)
}

// appendProbe makes the packet a tail loss probe (RFC 8985 section 7.3): new data
// if there was any, else the last chunk again.
func (q *Queue) appendProbe(now time.Duration, p *packet) {
	if p.chunks == 0 {
		serial := q.probeAgain()
		if serial == none {
			q.tail.wanted = false
			return
		}
		c := q.out.at(serial)
		if !q.fits(p, q.out.bytes(c)) {
			return
		}
		q.out.land(c, flying)
		q.send(now, p, serial, c)
		q.stats.Retransmitted++
		p.again = true
	}
	q.probed(now, p.serial, p.again)
}

// askForSACK sets the I bit (RFC 7053 section 5.1) on the last chunk of a burst: the
// sender waits for the SACK. One is asked for in a round trip, and always by a probe.
func (q *Queue) askForSACK(p *packet, probe bool) {
	ended := q.schedule.next() == nil && q.out.lost.head == none || q.out.flight >= q.control.Window()
	if probe || q.timeouts > 0 || ended && q.out.base > q.immediate {
		p.b[p.last+1] |= byte(chunk.FlagImmediate)
		q.immediate = p.serial
	}
}
