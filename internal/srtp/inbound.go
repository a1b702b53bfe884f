package srtp

import "encoding/binary"

// Inbound opens what the peer protects with one pair of keys. It has no lock: one goroutine at a time may call it, as under the lane
// of its transport.
//
// A packet changes nothing before it has authenticated: who does not have the keys can neither make it keep state nor move a window.
type Inbound struct {
	profile Profile
	rtpTag  int
	rtcpTag int
	tagLast bool
	cryptex Cryptex

	rtp  rtpTransform
	rtcp rtcpTransform

	streams     streamTable // of RTP
	rtcpStreams streamTable
	scratch     []byte // a first packet, for its second trial
}

// NewInbound makes an Inbound with the peer's keys: the remote ones of KeysFromExporter. It copies what it needs of k.
func NewInbound(p Profile, k Keys, o Options) (*Inbound, error) {
	o, err := o.withDefaults(p)
	if err != nil {
		return nil, err
	}
	keys, err := newSessionKeys(p, k)
	if err != nil {
		return nil, err
	}
	return &Inbound{
		profile: p, rtpTag: shapes[p].rtpTag, rtcpTag: shapes[p].rtcpTag, tagLast: shapes[p].tagLast, cryptex: o.Cryptex,
		rtp: keys.rtp(), rtcp: keys.rtcp(),
		streams:     newStreamTable(o.MaxStreams, o.ReplayWindow),
		rtcpStreams: newStreamTable(o.MaxStreams, o.RTCPReplayWindow),
	}, nil
}

// Profile returns the protection profile.
func (i *Inbound) Profile() Profile { return i.profile }

// Keep says that signalling has named the SSRC: its state is never evicted. It holds until Release.
func (i *Inbound) Keep(ssrc uint32) {
	i.streams.keep(ssrc)
	i.rtcpStreams.keep(ssrc)
}

// Release says that signalling names the SSRC no longer: its state may be evicted from now on, as that of others. Until then, and as
// long as what was evicted is remembered, nothing that was recorded of it is taken again, which its payload types may yet route.
func (i *Inbound) Release(ssrc uint32) {
	i.streams.release(ssrc)
	i.rtcpStreams.release(ssrc)
}

// Streams returns how many SSRCs there is state of, for RTP and for RTCP.
func (i *Inbound) Streams() (rtp, rtcp int) {
	return len(i.streams.streams), len(i.rtcpStreams.streams)
}

// Open verifies an SRTP packet, decrypts it in place and returns the RTP packet at its front. The errors are ErrShort, ErrHeader,
// ErrReplay, ErrAuth and ErrCleartext, after which the packet's bytes are of no use. It allocates only for the first packet of an SSRC.
func (i *Inbound) Open(packet []byte) ([]byte, error) {
	h, err := parseHeader(packet, i.rtpTag)
	if err != nil {
		return nil, err
	}
	if i.cryptex != CryptexOff {
		h.recognize(packet)
		if i.cryptex == CryptexRequired && !h.cryptex && h.len > fixedHeaderLen {
			return nil, ErrCleartext
		}
	}
	s := i.streams.streams[h.ssrc]
	if s == nil {
		return i.openFirst(packet, h)
	}
	index := guessIndex(s.window.newest, h.seq)
	if !s.window.fresh(index) {
		return nil, ErrReplay
	}
	plain, err := i.open(packet, h, index)
	if err != nil {
		return nil, err
	}
	s.window.mark(index)
	i.streams.touch(s)
	return plain, nil
}

// open decrypts a packet of that index.
func (i *Inbound) open(packet []byte, h header, index uint64) ([]byte, error) {
	plain, err := i.rtp.open(packet, h, index)
	if err == nil {
		h.reveal(plain)
	}
	return plain, err
}

// openFirst opens a packet of an SSRC without state. The rollover counter of a new stream is 0 (RFC 3711 section 3.3.1). A sender
// that began just below 65535 may have passed it before its first packet to arrive, though, so a low sequence number is also tried
// with 1, which the section does not ask for.
func (i *Inbound) openFirst(packet []byte, h header) ([]byte, error) {
	if r, ok := i.streams.retired[h.ssrc]; ok {
		return i.openReturned(packet, h, r.newest)
	}
	index := uint64(h.seq)
	wrapped := h.seq < 1<<15
	if wrapped {
		i.scratch = append(i.scratch[:0], packet...)
	}
	plain, err := i.open(packet, h, index)
	if err != nil && wrapped {
		index += 1 << 16
		copy(packet, i.scratch)
		plain, err = i.open(packet, h, index)
	}
	if err != nil {
		return nil, err
	}
	i.streams.add(h.ssrc, index)
	return plain, nil
}

// openReturned opens a packet of a stream that was evicted: only what is newer than all that it had.
func (i *Inbound) openReturned(packet []byte, h header, newest uint64) ([]byte, error) {
	index := guessIndex(newest, h.seq)
	if index <= newest {
		return nil, ErrReplay
	}
	plain, err := i.open(packet, h, index)
	if err != nil {
		return nil, err
	}
	i.streams.add(h.ssrc, index)
	return plain, nil
}

// OpenRTCP verifies an SRTCP packet, decrypts it in place and returns the compound packet at its front. The errors are those of Open.
// A packet that is authenticated but not encrypted (E flag 0, RFC 3711 section 3.4) is taken as well.
func (i *Inbound) OpenRTCP(packet []byte) ([]byte, error) {
	if len(packet) < rtcpHeaderLen+indexLen+i.rtcpTag {
		return nil, ErrShort
	}
	if packet[0]>>6 != 2 {
		return nil, ErrHeader
	}
	at := len(packet) - indexLen
	if i.tagLast {
		at -= i.rtcpTag
	}
	trailer := binary.BigEndian.Uint32(packet[at:])
	ssrc, index := binary.BigEndian.Uint32(packet[4:]), trailer&^encryptFlag
	s := i.rtcpStreams.streams[ssrc]
	if s != nil && !s.window.fresh(uint64(index)) {
		return nil, ErrReplay
	}
	if r, ok := i.rtcpStreams.retired[ssrc]; ok && uint64(index) <= r.newest {
		return nil, ErrReplay
	}
	plain, err := i.rtcp.open(packet, trailer&encryptFlag != 0, index)
	switch {
	case err != nil:
		return nil, err
	case s == nil:
		i.rtcpStreams.add(ssrc, uint64(index))
	default:
		s.window.mark(uint64(index))
		i.rtcpStreams.touch(s)
	}
	return plain, nil
}
