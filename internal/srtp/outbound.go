package srtp

import (
	"encoding/binary"
	"sync"
	"sync/atomic"
)

// Outbound protects what this end sends with one pair of keys. Its methods may be called on any goroutine.
//
// What counts is that no index of an SSRC is ever used for two different packets: with AES-GCM that gives away the key of the
// authentication (RFC 7714 section 8.4), with counter mode the difference of the two. So there is one stream for an SSRC, it refuses
// such a packet, and its index outlives it.
type Outbound struct {
	profile Profile
	options Options
	keys    sessionKeys

	cryptex atomic.Bool

	mu        sync.Mutex // a leaf lock
	streams   map[uint32]*OutboundStream
	past      map[uint32]uint64 // the newest index of streams that were forgotten
	rtcp      rtcpTransform
	rtcpIndex uint32 // of the next RTCP packet
}

// maxRTCPIndex is the largest SRTCP index (RFC 3711 section 3.4).
const maxRTCPIndex = 1<<31 - 1

// NewOutbound makes an Outbound with our keys: the local ones of KeysFromExporter. It copies what it needs of k.
func NewOutbound(p Profile, k Keys, o Options) (*Outbound, error) {
	o, err := o.withDefaults(p)
	if err != nil {
		return nil, err
	}
	keys, err := newSessionKeys(p, k)
	if err != nil {
		return nil, err
	}
	out := &Outbound{profile: p, options: o, keys: keys, rtcp: keys.rtcp(), streams: map[uint32]*OutboundStream{}, past: map[uint32]uint64{}}
	out.cryptex.Store(o.Cryptex != CryptexOff)
	if !shapes[p].accelerated {
		out.rtcpIndex = 1 // the engine cannot send index 0
	}
	return out, nil
}

// Profile returns the protection profile.
func (o *Outbound) Profile() Profile { return o.profile }

// SetCryptex says whether CSRCs and header extensions of what is protected from now on are encrypted (RFC 9335): negotiation may
// change it (its section 4). It has no effect with a profile that does not have cryptex.
func (o *Outbound) SetCryptex(on bool) { o.cryptex.Store(on && shapes[o.profile].accelerated) }

// RTPOverhead is the most bytes that Protect adds to a packet.
func (o *Outbound) RTPOverhead() int {
	if o.cryptex.Load() {
		return o.profile.RTPOverhead() + extensionHeaderLen
	}
	return o.profile.RTPOverhead()
}

// Stream returns the one stream of an SSRC, which it makes at the first call.
func (o *Outbound) Stream(ssrc uint32) *OutboundStream {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s := o.streams[ssrc]; s != nil {
		return s
	}
	s := &OutboundStream{
		ssrc: ssrc, overhead: shapes[o.profile].rtpTag, rtp: o.keys.rtp(), cryptex: &o.cryptex,
		window: newReplayWindow(o.options.ReplayWindow),
	}
	s.tags = make([]uint32, s.window.size())
	if newest, ok := o.past[ssrc]; ok {
		s.started = true
		s.window.resume(newest)
	}
	o.streams[ssrc] = s
	return s
}

// Forget releases the stream of an SSRC, which must not be used any more. Of it only the index remains, from which a later stream of
// the SSRC goes on.
func (o *Outbound) Forget(ssrc uint32) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if s := o.streams[ssrc]; s != nil && s.started {
		o.past[ssrc] = s.window.newest
	}
	delete(o.streams, ssrc)
}

// ProtectRTCP encrypts a compound packet in place and returns it with its trailer, in the same memory; the capacity must have room for
// RTCPOverhead. The index is one sequence for all SSRCs: each of them sees it grow, and the limit of 2^31 packets with one key (RFC
// 3711 section 9.2) is kept by it. It allocates nothing.
func (o *Outbound) ProtectRTCP(packet []byte) ([]byte, error) {
	switch {
	case len(packet) < rtcpHeaderLen:
		return nil, ErrShort
	case packet[0]>>6 != 2:
		return nil, ErrHeader
	case cap(packet)-len(packet) < o.profile.RTCPOverhead():
		return nil, ErrCapacity
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.rtcpIndex > maxRTCPIndex {
		return nil, ErrExhausted
	}
	index := o.rtcpIndex
	o.rtcpIndex++
	return o.rtcp.seal(packet, index)
}

// OutboundStream protects the RTP packets of one SSRC. It has no lock: one goroutine at a time may use it, as under the lane of its
// sender. Streams are independent of each other.
type OutboundStream struct {
	ssrc     uint32
	overhead int
	cryptex  *atomic.Bool // of the Outbound
	rtp      rtpTransform

	started bool
	window  replayWindow
	tags    []uint32 // the end of the tag of each index in the window
}

// SSRC returns the stream's synchronization source.
func (s *OutboundStream) SSRC() uint32 { return s.ssrc }

// Protect encrypts a marshalled RTP packet in place and returns it with its tag, in the same memory; the capacity must have room for
// RTPOverhead, and with cryptex for 4 bytes more if there are CSRCs and no extension. It allocates nothing.
//
// Sequence numbers follow each other, with gaps and reordering as the receiver's estimate allows: no step of 2^15 or more (RFC 3711
// section 3.3.1). The first one should lie below 2^15, so that a receiver which loses the first packets knows the rollover counter.
// A sequence number may come again for the identical packet, header and all, which then leaves as it did before; for any other
// packet it is ErrReused, and what is in packet must not be sent. Who repeats packets without RTX must not stamp them anew.
func (s *OutboundStream) Protect(packet []byte) ([]byte, error) {
	h, err := parseHeader(packet, 0)
	switch {
	case err != nil:
		return nil, err
	case h.ssrc != s.ssrc:
		return nil, ErrSSRC
	case cap(packet)-len(packet) < s.overhead:
		return nil, ErrCapacity
	}
	index := uint64(h.seq)
	if s.started {
		newest := s.window.newest
		if index = guessIndex(newest, h.seq); newest > maxIndex-1<<15 && uint64(h.seq) < 1<<15 {
			return nil, ErrExhausted
		}
		if index < newest && newest-index >= s.window.size() {
			return nil, ErrReused
		}
	}
	if s.cryptex.Load() {
		if !h.extension && h.csrcs > 0 && cap(packet)-len(packet) < s.overhead+extensionHeaderLen {
			return nil, ErrCapacity
		}
		if packet, err = h.hide(packet); err != nil {
			return nil, err
		}
	}
	first := !s.started || s.window.fresh(index)
	sealed, err := s.rtp.seal(packet, h, index)
	if err != nil {
		return nil, err
	}
	end := binary.BigEndian.Uint32(sealed[len(sealed)-4:])
	tag := &s.tags[index%uint64(len(s.tags))]
	switch {
	case !first && *tag != end:
		return nil, ErrReused
	case !s.started:
		s.started = true
		s.window.start(index)
	case first:
		s.window.mark(index)
	}
	*tag = end
	return sealed, nil
}
