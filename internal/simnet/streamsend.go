package simnet

import "time"

// sendSide is what a stream sends: octets that are kept until they are acknowledged,
// with slow start, fast retransmit and recovery (RFC 5681, RFC 6582).
type sendSide struct {
	buf   []byte
	start uint64 // the number of its first octet
	una   uint64 // the first that is not acknowledged
	next  uint64 // the first that is not sent
	edge  uint64 // of the peer's window
	fin   bool   // follows the last of buf

	congestion, threshold uint64 // octets
	duplicates            int    // acknowledgments
	recovering            bool
	recover               uint64 // until that is acknowledged

	smooth, variance time.Duration // RFC 6298 section 2; 0: not measured
	repeats          int           // since something was acknowledged
}

// newSendSide has the initial window of RFC 6928 section 2.
func newSendSide() sendSide {
	return sendSide{congestion: 10 * maxSegment, threshold: streamBuffer}
}

// end is the number of what follows the last octet.
func (o *sendSide) end() uint64 { return o.start + uint64(len(o.buf)) }

// finished tells whether all is acknowledged, the FIN included.
func (o *sendSide) finished() bool { return o.fin && o.una > o.end() }

// room is how much more the buffer takes.
func (o *sendSide) room() int { return streamBuffer - len(o.buf) }

// measured takes a round trip (RFC 6298 section 2).
func (o *sendSide) measured(now, sent time.Time) {
	if sent.IsZero() {
		return
	}
	rtt := now.Sub(sent)
	if o.smooth == 0 {
		o.smooth, o.variance = rtt, rtt/2
	} else {
		o.variance += ((o.smooth - rtt).Abs() - o.variance) / 4
		o.smooth += (rtt - o.smooth) / 8
	}
	o.repeats = 0
}

// timeout is after which time without an acknowledgment something is repeated.
func (o *sendSide) timeout() time.Duration {
	rto := firstRTO
	if o.smooth > 0 {
		rto = max(minRTO, o.smooth+4*o.variance)
	}
	return min(rto<<min(o.repeats, 10), maxRTO)
}

// pump sends what the windows allow. net.mu is held.
func (s *stream) pump(now time.Time) {
	o := &s.out
	if s.state != established {
		return
	}
	for limit := min(o.edge, o.una+o.congestion); o.next < o.end(); {
		n := min(maxSegment, o.end()-o.next)
		if o.next+n > limit {
			// A part of a segment is sent where nothing is under way that would make
			// room for all of it (RFC 9293 section 3.8.6.2.1).
			if o.next >= limit || o.next > o.una {
				break
			}
			n = limit - o.next
		}
		s.emitData(now, o.next, n)
		o.next += n
	}
	if o.fin && o.next == o.end() {
		s.emit(now, segment{fin: true, seq: o.next}, nil)
		o.next++
	}
	if under := o.una < o.next || o.next < o.end(); !under || s.due.IsZero() {
		s.arm(now)
	}
}

func (s *stream) emitData(now time.Time, from, n uint64) {
	at := from - s.out.start
	s.emit(now, segment{seq: from}, append([]byte(nil), s.out.buf[at:at+n]...))
}

// arm sets the time of repetition while something is under way or held back.
func (s *stream) arm(now time.Time) {
	if s.out.una < s.out.next || s.out.next < s.out.end() {
		s.wakeAt(now.Add(s.out.timeout()))
		return
	}
	s.wakeAt(time.Time{})
}

// repeat sends what the peer misses first.
func (s *stream) repeat(now time.Time) {
	o := &s.out
	s.wakeAt(time.Time{})
	if n := min(maxSegment, o.end()-min(o.una, o.end())); n > 0 {
		s.emitData(now, o.una, n)
	} else if o.fin {
		s.emit(now, segment{fin: true, seq: o.una}, nil)
	}
}

// acknowledged takes what a segment acknowledges; bare is whether it says no more.
func (s *stream) acknowledged(now time.Time, seg *segment, bare bool) {
	o := &s.out
	if s.state != established || seg.ack > o.end()+1 {
		return
	}
	if o.una == o.next {
		o.repeats = 0 // a peer whose window is closed is there
	}
	edge := max(o.edge, seg.ack+seg.window)
	same := edge == o.edge
	o.edge = edge
	switch {
	case seg.ack > o.una:
		s.advance(now, seg)
	case seg.ack == o.una && o.una < o.next && bare && same:
		if o.duplicates++; o.duplicates == 3 && !o.recovering {
			o.threshold = max((o.next-o.una)/2, 2*maxSegment)
			o.congestion = o.threshold
			o.recovering, o.recover = true, o.next
			s.repeat(now)
		}
	case same:
		return
	}
	s.pump(now)
}

// advance lets go what has been acknowledged.
func (s *stream) advance(now time.Time, seg *segment) {
	o := &s.out
	news := seg.ack - o.una
	gone := min(seg.ack, o.end()) - o.start
	o.buf, o.start, o.una = o.buf[gone:], o.start+gone, seg.ack
	if len(o.buf) == 0 {
		o.buf = nil
	}
	o.next, o.duplicates = max(o.next, o.una), 0
	s.wakeAt(time.Time{})
	o.measured(now, seg.echo)
	switch {
	case o.recovering && o.una < o.recover:
		s.repeat(now)
	case o.recovering:
		o.recovering = false
	case o.congestion < o.threshold:
		o.congestion += news
	default:
		o.congestion += maxSegment * news / o.congestion
	}
	s.host.net.stir(&s.ready)
}

// expired repeats from the first octet that is not acknowledged, or asks a peer
// whose window is closed (RFC 9293 section 3.8.6.1).
func (s *stream) expired(now time.Time) {
	o := &s.out
	if o.una < o.next {
		o.threshold = max((o.next-o.una)/2, 2*maxSegment)
		o.congestion, o.recovering, o.duplicates = maxSegment, false, 0
		o.next = o.una
		s.pump(now)
		return
	}
	if o.next < o.end() {
		s.emit(now, segment{probe: true, seq: o.next}, nil)
		s.arm(now)
	}
}
