package simnet

import (
	"net"
	"net/netip"
	"syscall"
	"time"
)

// segment is the header of a packet of a stream (RFC 9293 section 3.1). Octets are
// numbered from 0, the SYN has no number, the FIN has that after the last octet.
type segment struct {
	syn, acks, fin, rst bool
	probe               bool // asks for an acknowledgment
	seq                 uint64
	ack                 uint64 // where acks is set
	window              uint64
	// sent is when the segment left, echo the sent of what is acknowledged by it
	// (RFC 7323 section 3).
	sent, echo time.Time
}

type streamState uint8

const (
	synSent streamState = iota
	synReceived
	established
	ended
)

const (
	// maxSegment is what a segment carries, whatever the MTU: below 1280 octets, the
	// least of IPv6, streams do not pass.
	maxSegment   = 1200
	streamBuffer = 64 << 10 // octets, of each direction and end
)

// The bounds of what is repeated without an answer.
const (
	maxSYNs    = 6
	maxSYNACKs = 5
	maxRepeats = 15
)

const (
	firstRTO = time.Second            // RFC 6298 section 2.1
	minRTO   = 200 * time.Millisecond // as Linux has it
	maxRTO   = 2 * time.Minute
	// halfClosed is how long a stream that this end has closed waits for the FIN of
	// the other, and timeWait for what may still come after that.
	halfClosed = 60 * time.Second
	timeWait   = 10 * time.Second
)

// takeSegment gives what has arrived to its stream; to a listener or a server, which
// makes one; or refuses it (RFC 9293 section 3.10.7). net.mu is held.
func (h *Host) takeSegment(now time.Time, src, dst netip.AddrPort, d *datagram) {
	key := streamKey{dst, netip.AddrPortFrom(src.Addr().WithZone(""), src.Port())}
	if s := h.streams[key]; s != nil {
		s.take(now, d.segment, d.data)
		return
	}
	if d.segment.rst {
		return
	}
	if d.segment.syn && !d.segment.acks {
		l := h.listeners[dst]
		if l == nil {
			l = h.listeners[netip.AddrPortFrom(unspecified(dst.Addr()), dst.Port())]
		}
		serve := h.accepting[dst]
		if l != nil && l.waiting >= backlog {
			return // the peer tries again
		}
		if l != nil || serve != nil {
			s := newStream(h, key, synReceived)
			s.listener, s.serve = l, serve
			if l != nil {
				l.waiting++
			}
			s.out.edge = d.segment.window
			s.open(now, d.segment.sent)
			return
		}
	}
	h.emit(key, segment{rst: true, acks: true, sent: now}, nil)
}

// emit queues a segment; deliverDue must follow. net.mu is held.
func (h *Host) emit(key streamKey, seg segment, data []byte) {
	h.net.outbox = append(h.net.outbox, &datagram{from: h, src: key.local, dst: key.remote, segment: &seg, data: data})
}

// emit sends a segment with what every one of an open stream says.
func (s *stream) emit(now time.Time, seg segment, data []byte) {
	seg.sent = now
	if s.state != synSent {
		seg.acks, seg.ack, seg.window, seg.echo = true, s.in.next, s.in.window(), s.echo
	} else {
		seg.window = streamBuffer
	}
	s.in.told = s.in.next + seg.window
	s.host.emit(s.key, seg, data)
}

// open sends the SYN, and arms its repetition.
func (s *stream) open(now, echo time.Time) {
	s.echo = echo
	s.emit(now, segment{syn: true}, nil)
	s.wakeAt(now.Add(s.out.timeout()))
}

// wake is called when the time of wakeAt has come.
func (s *stream) wake(now time.Time) {
	most := maxRepeats
	switch s.state {
	case ended:
		return
	case synSent:
		most = maxSYNs
	case synReceived:
		most = maxSYNACKs
	default:
		if s.closed && s.out.finished() {
			s.end(nil)
			return
		}
	}
	if s.out.repeats++; s.out.repeats > most {
		s.end(syscall.ETIMEDOUT)
		return
	}
	if s.state != established {
		s.open(now, s.echo)
		return
	}
	s.expired(now)
}

// take is what a segment does to a stream.
func (s *stream) take(now time.Time, seg *segment, data []byte) {
	switch {
	case seg.rst && s.state == synSent:
		s.end(syscall.ECONNREFUSED)
		return
	case seg.rst:
		s.end(syscall.ECONNRESET)
		return
	case seg.syn && s.state == synReceived:
		s.open(now, seg.sent) // the answer was lost, or the link has doubled it
		return
	case !seg.acks || s.state == synSent && !seg.syn:
		return
	case s.state != established:
		s.state = established
		s.out.measured(now, seg.echo)
		s.out.edge = seg.ack + seg.window
		s.wakeAt(time.Time{})
		s.host.net.stir(&s.ready)
		if s.listener != nil {
			s.listener.established(s)
		}
		if s.serve != nil {
			s.server = s.serve(s)
		}
	}
	if seg.syn || seg.fin || seg.probe || len(data) > 0 {
		s.echo = seg.sent
		if len(data) > 0 && s.closed {
			s.abort()
			return
		}
		s.receive(seg, data)
		if s.state == ended {
			return // its server has thrown it away
		}
		s.emit(now, segment{}, nil)
	}
	s.acknowledged(now, seg, len(data) == 0 && !seg.fin)
	if s.state == established && s.closed && s.out.finished() {
		s.linger(now)
	}
}

// linger says until when a stream without a user stays.
func (s *stream) linger(now time.Time) {
	if s.in.ended {
		s.wakeAt(now.Add(timeWait))
		return
	}
	s.wakeAt(now.Add(halfClosed))
}

// abort ends the stream and tells the peer.
func (s *stream) abort() {
	if s.state != ended {
		s.host.emit(s.key, segment{rst: true, acks: true, sent: time.Now()}, nil)
		s.end(net.ErrClosed)
	}
}

// end forgets the stream; err is what its user gets.
func (s *stream) end(err error) {
	if s.state == ended {
		return
	}
	half := s.state == synReceived
	s.state, s.err = ended, err
	s.wakeAt(time.Time{})
	delete(s.host.streams, s.key)
	if half && s.listener != nil {
		s.listener.waiting--
	}
	s.dismiss()
	s.host.net.stir(&s.ready)
}

// dismiss tells a stream's server that it is over.
func (s *stream) dismiss() {
	if server := s.server; server != nil {
		s.server = nil
		server.ended()
	}
}
