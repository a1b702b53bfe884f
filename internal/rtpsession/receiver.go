package rtpsession

import "time"

// Receiver is the receiving half of what one transport carries: it routes packets to streams, unwraps retransmissions, finds
// loss, and makes the feedback and the report blocks about what came. It is a machine without lock, owned by the transport's
// inbound lane.
type Receiver struct {
	router      router
	streams     []*ReceiveStream
	dormant     []*ReceiveStream // whose m-section is not received at the moment; the oldest first
	held        heldPackets
	arrival     ArrivalRecorder
	arrivalSSRC SSRC // of the newest packet in it
	rateBegan   time.Time
	rateBytes   int64  // since rateBegan
	local       SSRC   // in the feedback that is sent
	cname       string // in what goes before it

	transportCC bool // feedback on arrivals was negotiated
	reducedSize bool // for all m-sections (RFC 5506)
	telling     bool // what arrived does not fit in one packet, and goes on in the next
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

// Configured is what a description has changed.
type Configured struct {
	// Removed are the streams that have lost their m-section or their layer.
	Removed []*ReceiveStream
	// Signalled and Unsignalled are SSRCs, of retransmissions and protection too, that the peer names from now on, and those
	// that it names no longer.
	Signalled, Unsignalled []SSRC
}

// Configure replaces what negotiation says. Packets that were held for it come from NextHeld.
func (r *Receiver) Configure(now time.Time, ids Extensions, sections []Section) Configured {
	r.transportCC, r.reducedSize = false, len(sections) > 0
	for _, s := range sections {
		r.reducedSize = r.reducedSize && s.ReducedSize
		for _, c := range s.Codecs {
			r.transportCC = r.transportCC || c.TransportCC
		}
	}
	var c Configured
	c.Signalled, c.Unsignalled = r.router.configure(ids, sections)
	for _, s := range append([]*ReceiveStream(nil), r.streams...) {
		section := r.router.keyed(s.Section)
		if section != nil {
			s.section = section
		}
		if section == nil || !section.hasLayer(s.RID) {
			r.remove(s)
			r.rest(s)
			c.Removed = append(c.Removed, s)
		} else if !s.section.nack {
			s.nack = nil
		}
	}
	r.held.replay(now)
	return c
}

// maxDormant bounds the streams that are kept for their numbers.
const maxDormant = 64

// rest keeps a stream whose m-section, or layer, is not received any more: it may be again, and its numbers go on then.
func (r *Receiver) rest(s *ReceiveStream) {
	if len(r.dormant) >= maxDormant {
		r.dormant = append(r.dormant[:0:0], r.dormant[1:]...)
	}
	s.dormant, s.nack, s.wantsKeyframe = true, nil, false
	r.dormant = append(r.dormant, s)
}

// wake returns the dormant stream of a source, or nil.
func (r *Receiver) wake(src *source, rid RID) *ReceiveStream {
	for i, s := range r.dormant {
		if s.SSRC == src.ssrc && s.Section == src.section.Key && s.RID == rid {
			r.dormant = append(r.dormant[:i:i], r.dormant[i+1:]...)
			s.dormant, s.section, s.source = false, src.section, src
			return s
		}
	}
	return nil
}

// Dormant are the streams whose m-section is not received at the moment. The slice must not be changed or kept.
func (r *Receiver) Dormant() []*ReceiveStream { return r.dormant }

// Signalled are the SSRCs that the peer names.
func (r *Receiver) Signalled() []SSRC {
	var ssrcs []SSRC
	for ssrc, known := range r.router.sources {
		if known.signalled {
			ssrcs = append(ssrcs, ssrc)
		}
	}
	return ssrcs
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
			r.measure(now, len(packet))
			r.arrivalSSRC = h.SSRC
		}
	}
}

// rateWindow is how long what arrives is counted before it says how often feedback is worth its packets.
const rateWindow = time.Second

// measure counts what feedback is about, and tells the recorder its rate.
func (r *Receiver) measure(now time.Time, size int) {
	if r.rateBegan.IsZero() {
		r.rateBegan = now
	}
	r.rateBytes += int64(size)
	if elapsed := now.Sub(r.rateBegan); elapsed >= rateWindow {
		r.arrival.SetBitrate(int64(float64(r.rateBytes*8) / elapsed.Seconds()))
		r.rateBegan, r.rateBytes = now, 0
	}
}

func (r *Receiver) place(now time.Time, h Header, packet []byte) (Delivery, bool) {
	source, codec, unknown := r.router.route(&h, packet)
	if moved := r.router.moved; moved != nil {
		r.router.moved = nil
		r.remove(moved)
	}
	if source == nil {
		if unknown {
			r.held.keep(now, h.SSRC, packet)
		}
		return Delivery{}, false
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
	switch codec.Kind {
	case Retransmission:
		return r.recover(now, source, h, packet, codec)
	case Protection:
		return r.protect(now, source, h, packet)
	}
	source.ended = false
	if source.stream == nil {
		if _, ok := source.layer(); !ok {
			r.held.keep(now, h.SSRC, packet) // the packets that name the layer may come behind it
			return Delivery{}, false
		}
	}
	stream := r.streamOf(now, source, *codec)
	if stream == nil {
		return Delivery{}, false
	}
	stream.counts.add(now, &h, packet)
	return r.accept(now, stream, h, packet, *codec, false)
}

// protect counts a packet of forward error correction. Where it is of the media's own SSRC (RFC 5109 section 14.1 allows
// both), it has one of the media's sequence numbers; otherwise it is a stream beside it (RFC 8627), which takes no place.
func (r *Receiver) protect(now time.Time, src *source, h Header, packet []byte) (Delivery, bool) {
	stream := src.stream
	switch {
	case stream == nil:
		if stream = r.repaired(src); stream == nil {
			return Delivery{}, false
		}
		stream.FEC = h.SSRC
	case stream.SSRC == src.ssrc:
		if stream.nack != nil {
			stream.nack.Received(now, h.SequenceNumber, false)
		}
		stream.Reception.Received(now, &h, len(packet))
	}
	stream.counts.add(now, &h, packet)
	stream.counts.FEC++
	stream.counts.FECBytes += uint64(payloadSize(&h, packet))
	return Delivery{}, false
}

// accept takes a packet of a stream. One that has only padding is a probe.
func (r *Receiver) accept(now time.Time, s *ReceiveStream, h Header, packet []byte, codec Codec, recovered bool) (Delivery, bool) {
	if s.Codec != codec {
		r.setCodec(s, codec)
	}
	if s.nack != nil {
		s.nack.Received(now, h.SequenceNumber, recovered)
		s.wantsKeyframe = s.nack.KeyframeNeeded() || s.wantsKeyframe
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
	if codec.Frames {
		s.frames.add(h.SequenceNumber, h.Timestamp, h.Marker)
	}
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
	if codec == nil || codec.Kind == Retransmission || stream.SSRC == src.ssrc {
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

// repaired finds the stream whose packets a source repairs: the one that signalling names (RFC 5576 section 4.2), or that of
// the layer that its packets name (RFC 8852 section 3), or without layers the only one.
func (r *Receiver) repaired(src *source) *ReceiveStream {
	rid, ok := src.layer()
	for _, s := range r.streams {
		switch {
		case s.section != src.section || s.SSRC == src.ssrc:
		case src.primary != 0 && s.SSRC == src.primary:
			return s
		case src.primary == 0 && ok && s.RID == rid:
			return s
		}
	}
	return nil
}

// streamOf returns the stream of a source, made at its first packet. A new SSRC takes the place of the one before; what
// still comes of that one is dropped.
func (r *Receiver) streamOf(now time.Time, src *source, codec Codec) *ReceiveStream {
	if src.stream != nil {
		if src.stream.SSRC != src.ssrc {
			return nil
		}
		return src.stream
	}
	rid, _ := src.layer()
	old := r.at(src.section, rid)
	if old != nil && !mayReplace(now, old, src) {
		return nil
	}
	stream := r.wake(src, rid)
	if stream == nil {
		r.serial++
		stream = &ReceiveStream{
			SSRC: src.ssrc, Serial: r.serial, Section: src.section.Key, RID: rid, section: src.section, source: src,
			Reception: NewReception(src.ssrc, codec.ClockRate), keyframeAsked: now.Add(-keyframeInterval),
		}
	}
	if old != nil {
		r.remove(old)
		old.source.replaced = true
		stream.User = old.User
	}
	src.stream, src.replaced = stream, false
	r.setCodec(stream, codec)
	r.streams = append(r.streams, stream)
	r.started = append(r.started, Started{stream, old})
	r.held.replayOf(now, src.ssrc)
	return stream
}

// replaceSilence is how long a stream has to be silent for an SSRC that did not get its place, or lost it, to take it.
const replaceSilence = 2 * time.Second

// mayReplace decides who has the place of a track. An SSRC that is new takes it (RFC 3550 section 8.2: a sender may have to
// change its SSRC), but of several that an m-section signals at once without naming layers, as for simulcast before RFC 8853
// (a=ssrc-group:SIM), the first does. One that ended or fell silent yields to any.
func mayReplace(now time.Time, old *ReceiveStream, src *source) bool {
	switch {
	case old.source.ended, now.Sub(old.Reception.stats.LastArrival) >= replaceSilence:
		return true
	case src.replaced:
		return false
	case src.signalled && old.source.signalled:
		return src.section.place(src.ssrc) < src.section.place(old.SSRC)
	}
	return true
}

func (r *Receiver) at(s *section, rid RID) *ReceiveStream {
	for _, stream := range r.streams {
		if stream.section == s && stream.RID == rid {
			return stream
		}
	}
	return nil
}

// setCodec follows a change of the payload type. What is missing stays so: a codec without NACK, such as comfort noise, may
// come between packets of one that has it.
func (r *Receiver) setCodec(s *ReceiveStream, codec Codec) {
	s.Codec = codec
	s.Reception.SetClockRate(codec.ClockRate)
	if codec.NACK && s.nack == nil {
		s.nack = NewNackGenerator()
		s.nack.SetRTT(r.rtt)
	}
}

// remove takes a stream from the list, and from the sources that are or repair it.
func (r *Receiver) remove(s *ReceiveStream) {
	for i, other := range r.streams {
		if other == s {
			r.streams = append(r.streams[:i:i], r.streams[i+1:]...)
			break
		}
	}
	for _, known := range r.router.sources {
		if known.stream == s {
			known.stream = nil
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
