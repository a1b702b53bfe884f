package jsep

// Fingerprint is one a=fingerprint (RFC 8122 section 5). Algorithm is lower case
// ("sha-256"), Value upper-case hexadecimal pairs joined by colons.
type Fingerprint struct{ Algorithm, Value string }

// Transport is what one side says of the transport of an m-section: its own
// attributes, else the session's, else (in a bundle) those of the tagged section.
type Transport struct {
	Ufrag, Pwd      string
	Lite            bool // a=ice-lite (RFC 8839 section 5.3)
	Trickle         bool // a=ice-options:trickle (RFC 8840 section 4.1)
	Renomination    bool // a=ice-options:renomination
	Setup           Setup
	Fingerprints    []Fingerprint
	Candidates      []string // "candidate:..." in order of arrival, those added later included
	EndOfCandidates bool
}

// DataSection is what an application m-line says of SCTP (RFC 8841).
type DataSection struct {
	Port              uint16 // a=sctp-port, or the format of the old form
	MaxMessageSize    uint64 // bytes; 0: no limit; 65536 when not given (RFC 8841 section 6.1)
	MaxMessageSizeSet bool
}

// Section is one m-line as both sides have it, in force or pending.
type Section struct {
	Index int    // position, sdpMLineIndex
	MID   string // chosen by this side when the peer gives none
	Kind  string // the media of the m-line: application, audio, video, ...
	// Rejected: either side zeroed the port, or this side does not support what
	// the peer offers and will zero it in its answer.
	Rejected bool
	// BundleTag is the MID whose transport the section uses (RFC 9143); its own
	// when it is not bundled or is the tagged one. The tag of a bundle changes when the tagged
	// section is rejected, or a new one comes to stand before it: the transport goes on with those
	// that had it. In an offer of this side that nobody answered, each section that may end up
	// outside of a bundle has its own.
	BundleTag string
	// Local and Remote are the zero value while that side has not described the section.
	Local, Remote Transport
	// Data is the remote's; nil unless the peer described an SCTP m-line.
	Data *DataSection
	// SCTPInit is the remote's INIT chunk, where both sides have described theirs: the association begins without a
	// handshake. Nil otherwise.
	SCTPInit []byte
	// Transceiver is that of an audio or video m-line, 0 when there is none.
	Transceiver TransceiverID
	// LocalSetup is the DTLS role that was negotiated: Active or Passive, SetupNone
	// before an answer (or provisional answer). When an answer changes it, or the peer's
	// fingerprints, there is to be a new DTLS association (RFC 8842 section 4).
	LocalSetup Setup
	// DTLSClient reports whether LocalSetup is Active.
	DTLSClient bool
}

// Applied tells what a successful SetLocal or SetRemote did.
type Applied struct {
	From, To State
	Type     Type
	Sections []Section // the m-lines as now in force or pending, in order
	// RolledBack: an outstanding offer was undone, explicitly or by a remote offer.
	RolledBack bool
	// Created are the transceivers that a remote offer made. Stopped became stopped: the m-line was rejected, or
	// a rollback took them back. Removed left the set of transceivers; those that were not stopped before are in Stopped too.
	Created, Stopped, Removed []TransceiverID
	// Tracks is what happens to remote tracks, in the order of webrtc-pc section 4.4.1.4: what is to be muted,
	// streams left, streams joined, track events.
	Tracks []TrackChange
	// Identity is that of a remote description with a=identity, the zero value otherwise.
	Identity RemoteIdentity
}

// sections joins the newest local with the newest remote description.
//
// When one of them is an offer that has no answer yet, that offer leads: it says what
// m-lines there are, and the other side adds what it said earlier of the same MID.
func (s *Session) sections() []Section {
	l, r := s.newestLocal(), s.newestRemote()
	lead, other, leader := l, r, local
	paired := false
	switch s.state {
	case HaveRemoteOffer:
		lead, other, leader = r, l, remote
	case HaveLocalOffer:
	default:
		paired = true
		// The answer leads: it has the last word on groups and rejections.
		if r != nil && r.typ != Offer {
			lead, other, leader = r, l, remote
		}
	}
	if lead == nil {
		return nil
	}
	tags := lead.bundleTags()
	if s.state == HaveLocalOffer {
		tags = s.offerTags(lead)
	}
	out := make([]Section, len(lead.media))
	for i := range lead.media {
		m, o := &lead.media[i], other.section(i)
		if o != nil && !paired && (o.mid != m.mid || o.rejected) {
			o = nil
		}
		sec := Section{Index: i, MID: m.mid, Kind: m.media, BundleTag: tags[i]}
		if t := s.associated(m.mid); t != nil {
			sec.Transceiver = t.id
		}
		sec.Rejected = !m.usable || (paired && (o == nil || !o.usable))
		mine, theirs, mineIn, theirsIn := m, o, lead, other
		if leader == remote {
			mine, theirs, mineIn, theirsIn = o, m, other, lead
		}
		if mine != nil {
			sec.Local = mineIn.transport(i, s.gathered)
		}
		if theirs != nil {
			sec.Remote = theirsIn.transport(i, nil)
			sec.Data = theirs.data
			if mine.signalsInit() && theirs.signalsInit() {
				sec.SCTPInit = theirs.init.chunk
			}
		}
		if !sec.Rejected {
			sec.LocalSetup = s.negotiatedSetup(i, m.mid)
			sec.DTLSClient = sec.LocalSetup == Active
		}
		out[i] = sec
	}
	return out
}
