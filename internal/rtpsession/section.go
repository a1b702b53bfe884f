package rtpsession

// MID identifies an m-section, RID a simulcast layer within one (RFC 9143 section 3, RFC 8851 section 3).
type (
	MID string
	RID string
)

// Codec is what one payload type of an m-section stands for.
type Codec struct {
	PayloadType PayloadType
	// ClockRate is that of the RTP timestamp, in hertz.
	ClockRate uint32
	// Kind says what the packets carry; Media unless set.
	Kind CodecKind
	// APT is the payload type that a Retransmission repeats (RFC 4588 section 8.1).
	APT PayloadType
	// NACK, PLI, FIR and TransportCC say which feedback was negotiated for the codec (RFC 4585 section 4.2, RFC 5104 section 7.1).
	NACK, PLI, FIR, TransportCC, REMB bool
	// Frames says that the marker bit is on the last packet of each frame, so that frames can be counted.
	Frames bool
	// Offered says that the peer did not take the codec: packets of it are received, and its payload type routes none.
	Offered bool
}

// CodecKind tells media from what accompanies it.
type CodecKind uint8

// The kinds of codec.
const (
	Media          CodecKind = iota
	Retransmission           // RTX (RFC 4588)
	Protection               // forward error correction: ULPFEC, FlexFEC
	Redundant                // RED around another codec (RFC 2198)
)

// Extensions are the identifiers of the header extensions that a session itself reads and writes; 0: not negotiated.
// Within a bundle a URI has one identifier (RFC 8843 section 9.1, RFC 9143 section 8.1).
type Extensions struct {
	MID, RID, RepairedRID uint8 // RFC 9143 section 15, RFC 8852
	TransportCC           uint8 // draft-holmer-rmcat-transport-wide-cc-extensions-01
	AbsSendTime           uint8 // http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time
	AudioLevel            uint8 // RFC 6464
	ContributorLevel      uint8 // RFC 6465
	AllowTwoByte          bool  // the two-byte form may be used (RFC 8285 section 4.3)
}

// With returns e with the identifiers of other where e has none.
func (e Extensions) With(other Extensions) Extensions {
	for _, id := range []struct{ to, from *uint8 }{
		{&e.MID, &other.MID}, {&e.RID, &other.RID}, {&e.RepairedRID, &other.RepairedRID},
		{&e.TransportCC, &other.TransportCC}, {&e.AbsSendTime, &other.AbsSendTime}, {&e.AudioLevel, &other.AudioLevel},
		{&e.ContributorLevel, &other.ContributorLevel},
	} {
		if *id.to == 0 {
			*id.to = *id.from
		}
	}
	e.AllowTwoByte = e.AllowTwoByte || other.AllowTwoByte
	return e
}

// Section is what negotiation says of the packets that may come for one m-section.
type Section struct {
	// Key is the caller's handle; it tells m-sections apart for good, as a MID does not.
	Key uint64
	MID MID
	// Codecs by payload type; without any, nothing is received.
	Codecs []Codec
	// RIDs are the simulcast layers that the peer sends; none without simulcast.
	RIDs []RID
	// SSRCs were signalled, in their order, each with its retransmissions (a=ssrc-group:FID) where there are any.
	SSRCs []Source
	// ReducedSize allows RTCP packets that are not compound (RFC 5506).
	ReducedSize bool
}

// Source is a signalled stream (RFC 5576).
type Source struct {
	SSRC SSRC
	RTX  SSRC // 0: none
	FEC  SSRC // 0: none
}

// section is a Section as the router looks things up in it.
type section struct {
	Section
	byType [128]uint8 // index into Codecs + 1
	nack   bool       // one of the codecs has it
}

func newSection(s Section) *section {
	out := &section{Section: s}
	for i, c := range s.Codecs {
		out.nack = out.nack || c.NACK
		if i < 255 && c.PayloadType < 128 && out.byType[c.PayloadType] == 0 {
			out.byType[c.PayloadType] = uint8(i + 1)
		}
	}
	return out
}

// codec finds the codec of a payload type, or nil.
func (s *section) codec(pt PayloadType) *Codec {
	if pt >= 128 || s.byType[pt] == 0 {
		return nil
	}
	return &s.Codecs[s.byType[pt]-1]
}

func (s *section) has(kind CodecKind) bool {
	for i := range s.Codecs {
		if s.Codecs[i].Kind == kind && !s.Codecs[i].Offered {
			return true
		}
	}
	return false
}

func (s *section) hasRID(rid RID) bool {
	for _, r := range s.RIDs {
		if r == rid {
			return true
		}
	}
	return false
}

// hasLayer reports whether a stream may be of that layer, or of none.
func (s *section) hasLayer(rid RID) bool {
	if len(s.RIDs) == 0 {
		return rid == ""
	}
	return s.hasRID(rid)
}

// place is where an SSRC of media stands among those that are signalled.
func (s *section) place(ssrc SSRC) int {
	for i, announced := range s.SSRCs {
		if announced.SSRC == ssrc {
			return i
		}
	}
	return len(s.SSRCs)
}
