package sctp

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// header begins a packet for the peer that has this tag.
func (a *Association) header(tag uint32) []byte {
	return chunk.AppendHeader(make([]byte, 0, 256), chunk.Header{SourcePort: a.config.Port, DestinationPort: a.config.Port, Tag: tag})
}

// post queues a whole packet, which needs no more than its checksum. When too many
// wait the packet is dropped, as if the path had lost it.
func (a *Association) post(packet []byte) {
	if len(a.outbox) < maxOutbox {
		chunk.Seal(packet)
		a.outbox = append(a.outbox, packet)
	}
}

// NextPacket appends the next packet to dst; false when there is none, and what it
// returns, of dst's length, has the memory for the next. Full packets of a burst have
// equal size.
func (a *Association) NextPacket(now time.Time, dst []byte) ([]byte, bool) {
	return a.next(now, dst, false)
}

// LendPacket is NextPacket into memory of the association's own, where possible that of
// the message which the packet carries, so that the payload is not copied. The packet is
// to be read and not written, and only until the next call on the association.
func (a *Association) LendPacket(now time.Time) ([]byte, bool) {
	p, ok := a.next(now, a.scratch[:0], true)
	if a.out == nil || !a.out.Lent() {
		a.scratch = p
	}
	return p, ok
}

// next is NextPacket, or LendPacket.
func (a *Association) next(now time.Time, dst []byte, lend bool) ([]byte, bool) {
	a.probe = false
	if len(a.outbox) > 0 {
		dst = append(dst, a.outbox[0]...)
		a.outbox[0] = nil
		if a.outbox = a.outbox[1:]; len(a.outbox) == 0 {
			a.outbox = nil
		}
		return a.sent(now, dst), true
	}
	if !a.live() {
		return dst, false
	}
	start := len(dst)
	p := chunk.AppendHeader(dst, chunk.Header{SourcePort: a.config.Port, DestinationPort: a.config.Port, Tag: a.remoteTag})
	if start > 0 {
		p = p[start:] // transmit counts from the beginning of the packet
	}
	p, ok := a.fill(now, p, lend)
	a.settle(now) // what has left, or was dropped for its age, may have emptied a stream
	if !ok && len(a.control) > 0 {
		p, ok = a.fill(now, p, lend)
	}
	if !ok {
		p, ok = a.out.AppendProbe(now, p)
		a.probe = ok
	}
	if !ok {
		if start == 0 {
			dst = p[:0]
		}
		return dst, false
	}
	if !a.peer.zeroChecksum { // otherwise it stays 0 (RFC 9653 section 5.2)
		chunk.Seal(p)
	}
	p = a.sent(now, p)
	if start > 0 {
		return append(dst, p...), true
	}
	return p, true
}

// IsProbe tells of the packet that NextPacket or LendPacket returned last whether it probes the path
// MTU: it alone must not be fragmented (RFC 8899 section 3 item 2), while data must
// stay fragmentable (RFC 9260 section 6.9).
func (a *Association) IsProbe() bool { return a.probe }

// PathChanged tells that packets take another path from now on, of which nothing is
// known: congestion control begins anew (RFC 9260 section 7.2.5.2), and so does the
// search for the path MTU, from Config.MTU up to maxMTU (RFC 8899); MTU or less: there
// is none.
func (a *Association) PathChanged(now time.Time, maxMTU int) {
	a.config.MaxMTU = maxMTU
	if a.out != nil {
		a.out.PathChanged(now, maxMTU)
	}
}

// fill appends control chunks, a SACK where one is due or goes along, and data.
func (a *Association) fill(now time.Time, p []byte, lend bool) ([]byte, bool) {
	empty := len(p)
	room := a.out.MTU()
	if n := a.bundle(room - empty); n > 0 {
		p = append(p, a.control[:n]...)
		a.control = a.control[:copy(a.control, a.control[n:])]
	}
	due := len(p)
	mark := a.in.Mark()
	if a.in.SACKPending() && room-len(p) >= chunk.SACKSize {
		must := a.in.SACKDue()
		p = a.in.AppendSACK(p, room-len(p))
		if must {
			due = len(p)
		}
	}
	control := len(p)
	p = a.appendData(now, p, lend)
	if len(p) > control {
		return p, true
	}
	if due < control { // the SACK leaves no room for the chunk, or goes along with nothing: it waits
		a.in.Restore(mark)
		p = a.appendData(now, p[:due], lend)
	}
	return p, len(p) > empty
}

func (a *Association) appendData(now time.Time, p []byte, lend bool) []byte {
	if lend {
		return a.out.AppendInPlace(now, p)
	}
	return a.out.Append(now, p)
}

// bundle returns how many bytes of a.control fit in room: whole chunks, or the first
// one, whatever its size.
func (a *Association) bundle(room int) int {
	n := 0
	for n < len(a.control) {
		size := (int(a.control[n+2])<<8 | int(a.control[n+3]) + 3) &^ 3
		if n > 0 && n+size > room {
			break
		}
		n += size
	}
	return min(n, len(a.control))
}

// sent counts a packet.
func (a *Association) sent(now time.Time, p []byte) []byte {
	a.counts.packetsSent++
	a.counts.bytesSent += uint64(len(p))
	if a.heartbeat.timer.running() && a.heartbeat.nonce == 0 {
		a.heartbeat.idle(now)
	}
	return p
}
