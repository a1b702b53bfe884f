package rtpsession

import "time"

// Receiver is the receiving half of what one transport carries: it routes packets to streams, unwraps retransmissions, finds
// loss, and makes the feedback and the report blocks about what came. It is a machine without lock, owned by the transport's
// inbound lane.
type Receiver struct {
	router      router
	streams     []*ReceiveStream
	held        heldPackets
	arrival     ArrivalRecorder
	arrivalSSRC SSRC   // of the newest packet in it
	local       SSRC   // in the feedback that is sent
	cname       string // in what goes before it

	transportCC bool // feedback on arrivals was negotiated
	reducedSize bool // for all m-sections (RFC 5506)
	rtt         time.Duration
	started     []Started
	serial      uint64 // of the newest stream
}

// Started says that a stream has its first packet. Replaced is the one that had the place before, nil for none.
type Started struct{ Stream, Replaced *ReceiveStream }

// Delivery is a packet for the application.
type Delivery struct {
	Stream *ReceiveStream
	// Packet is the RTP packet, of Stream.SSRC; it lies within the packet that came.
	Packet []byte
	Header Header
	// Recovered says that it came as a retransmission.
	Recovered bool
}

// NewReceiver makes one that knows no m-section. local is the SSRC in the feedback that it sends.
func NewReceiver(local SSRC) *Receiver {
	return &Receiver{router: router{sources: make(map[SSRC]*source), byMID: make(map[MID]*section)}, local: local}
}

// SetCNAME sets what SDES calls this end (RFC 3550 section 6.5.1).
func (r *Receiver) SetCNAME(cname string) { r.cname = cname }

// SetLocalSSRC changes the SSRC in the feedback: to that of a stream that is sent, once there is one (RFC 3550 section 6.4.2).
func (r *Receiver) SetLocalSSRC(ssrc SSRC) { r.local = ssrc }

// SetRTT tells the round-trip time, by which losses are asked for again.
func (r *Receiver) SetRTT(rtt time.Duration) {
	r.rtt = rtt
	for _, s := range r.streams {
		if s.nack != nil {
			s.nack.SetRTT(rtt)
		}
	}
}

// Configure replaces what negotiation says. It returns the streams that have lost their m-section. Packets that were held
// for it come from NextHeld.
func (r *Receiver) Configure(ids Extensions, sections []Section) (removed []*ReceiveStream) {
	r.transportCC, r.reducedSize = false, len(sections) > 0
	for _, s := range sections {
		r.reducedSize = r.reducedSize && s.ReducedSize
		for _, c := range s.Codecs {
			r.transportCC = r.transportCC || c.TransportCC
		}
	}
	removed = r.router.configure(ids, sections)
	for _, s := range removed {
		r.remove(s)
	}
	for _, s := range r.streams {
		s.section = s.source.section
	}
	r.held.replay()
	return removed
}

// HandlePacket takes an RTP packet that SRTP has authenticated. ok is false where there is nothing to deliver: a packet that
// cannot be placed (it is held for the description to come, within bounds), a probe, protection.
func (r *Receiver) HandlePacket(now time.Time, packet []byte) (d Delivery, ok bool) {
	h, err := ParseHeader(packet)
	if err != nil {
		return Delivery{}, false
	}
	r.recordArrival(now, &h, packet)
	return r.place(now, h, packet)
}

// NextHeld returns what a held packet became, after Configure; done when there is none left.
func (r *Receiver) NextHeld() (d Delivery, at time.Time, ok, done bool) {
	at, packet, more := r.held.next()
	if !more {
		return Delivery{}, at, false, true
	}
	h, err := ParseHeader(packet)
	if err != nil {
		return Delivery{}, at, false, false
	}
	d, ok = r.place(at, h, packet)
	return d, at, ok, false
}

func (r *Receiver) recordArrival(now time.Time, h *Header, packet []byte) {
	if id := r.router.ids.TransportCC; r.transportCC && id != 0 {
		if b := h.Extension(packet, id); len(b) == 2 {
			r.arrival.Record(now, uint16(b[0])<<8|uint16(b[1]))
			r.arrivalSSRC = h.SSRC
		}
	}
}

func (r *Receiver) place(now time.Time, h Header, packet []byte) (Delivery, bool) {
	source, unknown := r.router.route(&h, packet)
	if source == nil || unknown {
		if unknown {
			r.held.keep(now, packet)
		}
		return Delivery{}, false
	}
	codec := source.section.codec(h.PayloadType)
	if codec.Kind == Retransmission {
		return r.recover(now, source, h, packet, codec)
	}
	if codec.Kind == Redundant {
		inner, err := UnwrapRED(packet, &h)
		if err != nil {
			return Delivery{}, false
		}
		if codec = source.section.codec(h.PayloadType); codec == nil || codec.Kind == Redundant {
			return Delivery{}, false
		}
		packet = inner
	}
	if len(source.section.RIDs) > 0 && source.rid == "" {
		r.held.keep(now, packet) // the packets that name the layer may come behind it
		return Delivery{}, false
	}
	if codec.Kind == Protection {
		r.protect(now, source, &h, packet)
		return Delivery{}, false
	}
	stream := r.streamOf(source, *codec)
	if stream == nil {
		return Delivery{}, false
	}
	source.ended = false
	stream.counts.add(now, &h, packet)
	return r.accept(now, stream, h, packet, *codec, false)
}

// protect counts a packet of forward error correction for the stream that it protects, which has its SSRC or another one.
func (r *Receiver) protect(now time.Time, src *source, h *Header, packet []byte) {
	stream := src.stream
	if stream == nil {
		if stream = r.at(src.section, src.rid); stream == nil {
			return
		}
	}
	stream.counts.add(now, h, packet)
	if h.SSRC == stream.SSRC { // it has a number among those of the media
		if stream.nack != nil {
			stream.nack.Received(now, h.SequenceNumber, false)
		}
		stream.Reception.Received(now, h, len(packet))
	} else {
		stream.FEC = h.SSRC
	}
	stream.counts.FEC++
	stream.counts.FECBytes += uint64(payloadSize(h, packet))
}

// accept takes a packet of a stream. One that has only padding is a probe.
func (r *Receiver) accept(now time.Time, s *ReceiveStream, h Header, packet []byte, codec Codec, recovered bool) (Delivery, bool) {
	if s.Codec != codec {
		r.setCodec(s, codec)
	}
	if s.nack != nil {
		s.nack.Received(now, h.SequenceNumber, recovered)
	}
	fresh := false
	if recovered {
		fresh = s.Reception.Repaired(h.SequenceNumber)
	} else {
		fresh = s.Reception.Received(now, &h, len(packet))
	}
	s.readLevel(now, r.router.ids.AudioLevel, &h, packet)
	if !fresh || payloadSize(&h, packet) == 0 {
		return Delivery{}, false
	}
	s.delivered(now, h.Timestamp)
	return Delivery{Stream: s, Packet: packet, Header: h, Recovered: recovered}, true
}

// recover takes a retransmission: the packet inside belongs to the stream that it repairs (RFC 4588 section 4).
func (r *Receiver) recover(now time.Time, src *source, h Header, packet []byte, rtx *Codec) (Delivery, bool) {
	stream := src.stream
	if stream == nil {
		if stream = r.repaired(src); stream == nil {
			return Delivery{}, false
		}
		src.stream = stream
		stream.RTX = h.SSRC
	}
	stream.counts.add(now, &h, packet)
	stream.counts.Retransmitted++
	stream.counts.RetransmittedBytes += uint64(payloadSize(&h, packet))
	codec := src.section.codec(rtx.APT)
	if codec == nil {
		return Delivery{}, false
	}
	inner, err := UnwrapRTX(packet, &h, stream.SSRC, rtx.APT)
	if err != nil || len(inner) == 0 {
		return Delivery{}, false // a probe, or nothing that can be read
	}
	original, err := ParseHeader(inner)
	if err != nil {
		return Delivery{}, false
	}
	return r.accept(now, stream, original, inner, *codec, true)
}

// repaired finds the stream whose packets a source repeats.
func (r *Receiver) repaired(src *source) *ReceiveStream {
	for _, s := range r.streams {
		switch {
		case s.section != src.section:
		case src.primary != 0 && s.SSRC == src.primary:
			return s
		case src.primary == 0 && s.RID == src.rid:
			return s
		}
	}
	return nil
}

// streamOf returns the stream of a source, made at its first packet. A new SSRC takes the place of the one before; what
// still comes of that one is dropped.
func (r *Receiver) streamOf(src *source, codec Codec) *ReceiveStream {
	if src.stream != nil {
		if src.stream.SSRC != src.ssrc {
			return nil
		}
		return src.stream
	}
	old := r.at(src.section, src.rid)
	if old != nil && !r.mayReplace(old, src) {
		return nil
	}
	stream := &ReceiveStream{SSRC: src.ssrc, Section: src.section.Key, RID: src.rid, section: src.section, source: src}
	r.serial++
	stream.Serial = r.serial
	stream.Reception = NewReception(src.ssrc, codec.ClockRate)
	src.stream = stream
	if old != nil {
		r.remove(old)
		old.source.stream = stream
		stream.User = old.User
	}
	r.setCodec(stream, codec)
	r.streams = append(r.streams, stream)
	r.started = append(r.started, Started{stream, old})
	return stream
}

// mayReplace refuses the further streams of an m-section that signals several at once without naming layers: the first
// signalled is the track.
func (r *Receiver) mayReplace(old *ReceiveStream, src *source) bool {
	return !src.signalled || !old.source.signalled || old.source.ended || !inOrder(src.section.SSRCs, old.SSRC, src.ssrc)
}

// inOrder reports whether a and b are both in the list.
func inOrder(list []Source, a, b SSRC) bool {
	hasA, hasB := false, false
	for _, s := range list {
		hasA, hasB = hasA || s.SSRC == a, hasB || s.SSRC == b
	}
	return hasA && hasB
}

func (r *Receiver) at(s *section, rid RID) *ReceiveStream {
	for _, stream := range r.streams {
		if stream.section == s && stream.RID == rid {
			return stream
		}
	}
	return nil
}

func (r *Receiver) setCodec(s *ReceiveStream, codec Codec) {
	s.Codec = codec
	s.Reception.SetClockRate(codec.ClockRate)
	switch {
	case codec.NACK && s.nack == nil:
		s.nack = NewNackGenerator()
		s.nack.SetRTT(r.rtt)
	case !codec.NACK:
		s.nack = nil
	}
}

// remove takes a stream from the list.
func (r *Receiver) remove(s *ReceiveStream) {
	for i, other := range r.streams {
		if other == s {
			r.streams = append(r.streams[:i:i], r.streams[i+1:]...)
			return
		}
	}
}

// Extensions are the identifiers of header extensions that Configure set.
func (r *Receiver) Extensions() *Extensions { return &r.router.ids }

// Stream finds the stream of an SSRC, or of the retransmissions of one, or returns nil.
func (r *Receiver) Stream(ssrc SSRC) *ReceiveStream {
	if known := r.router.sources[ssrc]; known != nil {
		return known.stream
	}
	return nil
}

// Streams are those that packets came of. The slice must not be changed or kept.
func (r *Receiver) Streams() []*ReceiveStream { return r.streams }

// NextStarted returns a stream whose first packet came.
func (r *Receiver) NextStarted() (Started, bool) {
	if len(r.started) == 0 {
		return Started{}, false
	}
	s := r.started[0]
	r.started = r.started[1:]
	return s, true
}

func payloadSize(h *Header, packet []byte) int { return len(packet) - h.PayloadOffset - h.PaddingLen }

// readLevel takes the audio level of a packet (RFC 6464 section 3).
func (s *ReceiveStream) readLevel(now time.Time, id uint8, h *Header, packet []byte) {
	if id == 0 {
		return
	}
	if b := h.Extension(packet, id); len(b) > 0 {
		s.level = audioLevel{known: true, level: b[0] & 0x7f, voice: b[0]&0x80 != 0, at: now, rtp: h.Timestamp}
	}
}
