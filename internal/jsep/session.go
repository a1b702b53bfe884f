// Package jsep is the signaling machine of a peer connection: the states of W3C
// webrtc-pc, the creation and application of offers and answers of RFC 9429 (JSEP), and
// the text of the descriptions. It is pure: no clock, no lock, no I/O.
//
// A Session keeps at most four descriptions, current and pending, local and remote, and a small
// record of each transceiver (link: its MID, the RIDs it sends, the streams it is in). What is
// negotiated (Section, TransceiverState) is always computed from those, so a rollback is
// nothing but dropping the pending descriptions and going back to the records of the last stable state.
package jsep

import (
	"crypto/rand"
	"encoding/binary"
	"io"
)

// Config configures a Session. The zero value is usable.
type Config struct {
	LocalMaxMessageSize uint64 // a=max-message-size that is written, bytes; 0: 65536
	SCTPPort            uint16 // a=sctp-port that is written; 0: 5000
	// CheckSCTPInit reports what is wrong with an INIT chunk of the peer's (a=sctp-init, draft-hancke-tsvwg-snap-00);
	// nil: the attribute is neither read nor written.
	CheckSCTPInit func(init []byte) error
	SessionID     uint64    // of the o= line, 63 bits; 0: drawn from Random
	Random        io.Reader // nil: crypto/rand

	// Audio and Video are what a transceiver supports that does not say otherwise, such as one that a remote
	// offer creates. Without codecs, m-lines of the kind that the peer offers are rejected.
	Audio, Video MediaSupport
	BundlePolicy BundlePolicy
	// RTCPMuxNegotiate is W3C's rtcpMuxPolicy "negotiate". RTCP without multiplexing is not supported: with it
	// such an m-line is rejected, without it (policy "require") the description is an InvalidAccess error.
	RTCPMuxNegotiate bool
	// Cryptex says whether header extensions may be encrypted as a whole (RFC 9335).
	Cryptex CryptexPolicy

	MaxSDPBytes     int // of a remote description; 0: 1 MiB
	MaxSDPLines     int // 0: 16384
	MaxSDPLineBytes int // 0: 16 KiB
	MaxMLines       int // 0: 256
	MaxAttributes   int // of one m-section, or of the session part; 0: 2048
	MaxCandidates   int // remote candidates added to one m-section after its description; 0: 256
}

// LocalInput is what this side brings to an offer or answer.
type LocalInput struct {
	Ufrag, Pwd    string        // RFC 8839 section 5.4; a Ufrag that differs from the one in force restarts ICE
	Lite          bool          // this side is an ICE lite agent
	Fingerprints  []Fingerprint // of the certificates; at least one when there is an m-line
	Data          bool          // a data channel exists or is wanted
	SCTPInit      []byte        // a=sctp-init to write, in an answer where the offer has it too; nil: none
	AnsweringRole Setup         // Active or Passive; SetupNone: Active
	CNAME         string        // of a=ssrc lines (RFC 3550 section 6.5.1)
	Identity      string        // a=identity to write, from Identity.Encode; "": none
	// Streams are what to write as a=ssrc and a=ssrc-group lines where the transceiver sends without simulcast: peers
	// that do not read MIDs and RIDs off the packets need them (RFC 9143 section 9.2, and whoever wants retransmissions
	// of streams without RID).
	Streams map[TransceiverID]SendStream
	// Paused are the RIDs of layers that send nothing for now: a=simulcast marks them with "~" (RFC 8853 section 5.1).
	Paused map[TransceiverID][]string
}

// Session is the signaling machine. It is not safe for concurrent use: its owner is
// the loop of the connection.
type Session struct {
	cfg   Config
	lim   limits
	state State

	currentLocal, pendingLocal   *description
	currentRemote, pendingRemote *description

	// W3C [[LastCreatedOffer]] and [[LastCreatedAnswer]]; nil is W3C's "".
	lastOffer, lastAnswer *created

	gathered gathered

	transceivers    []*transceiver // W3C's set of transceivers, in its order
	lastTransceiver TransceiverID
	// What negotiated numbers stood for: they are not used for anything else (webrtc-pc section 5.4,
	// setCodecPreferences; RFC 3264 section 8.3.2).
	payloadTypes PayloadTypes
	extensionIDs ExtensionIDs

	// RFC 9429 section 5.2.2: the version counts what was created, not what was applied.
	version  uint64
	lastBody string // what was created last, without its version
	nextMID  int
}

// created is a description that CreateOffer or CreateAnswer returned.
type created struct {
	sdp  string       // as returned
	desc *description // of the text without candidates
	mids int          // value of nextMID when it is applied
	// transceivers are those of an offer's m-lines by index; they are associated when it is applied.
	transceivers map[int]TransceiverID
}

// New returns a Session in state Stable.
func New(cfg Config) *Session {
	if cfg.LocalMaxMessageSize == 0 {
		cfg.LocalMaxMessageSize = defaultMaxMessageSize
	}
	if cfg.SCTPPort == 0 {
		cfg.SCTPPort = defaultSCTPPort
	}
	if cfg.Random == nil {
		cfg.Random = rand.Reader
	}
	if cfg.SessionID == 0 {
		// RFC 9429 section 5.2.1: 64 random bits with the highest zero. A source that
		// fails leaves an ID that is less random, which only weakens uniqueness.
		var b [8]byte
		_, _ = io.ReadFull(cfg.Random, b[:])
		cfg.SessionID = binary.BigEndian.Uint64(b[:])
	}
	cfg.SessionID &= 1<<63 - 1
	return &Session{cfg: cfg, lim: limitsOf(cfg), gathered: gathered{}}
}

// State returns the signaling state.
func (s *Session) State() State { return s.state }

// Close enters Closed. The descriptions can still be read.
func (s *Session) Close() { s.state = Closed }

// SetLocal applies a local description (W3C section 4.4.2, setLocalDescription). sdp must be
// what CreateOffer (for an offer) or CreateAnswer (for an answer or provisional answer)
// returned last, InvalidModification otherwise; "" stands for that text.
// The sdp of a rollback is ignored. Nothing changes on error.
func (s *Session) SetLocal(t Type, sdp string) (*Applied, error) {
	if s.state == Closed {
		return nil, closedError()
	}
	c := s.lastAnswer
	if t == Offer {
		c = s.lastOffer
	}
	// W3C compares before it looks at the state.
	if t != Rollback && sdp != "" && (c == nil || c.sdp != sdp) {
		return nil, failf(InvalidModification, "the SDP is not the %s that was created last", t)
	}
	to, err := s.state.next(event{local, t})
	if err != nil {
		return nil, err
	}
	if t == Rollback {
		return s.rollback(to), nil
	}
	if c == nil {
		return nil, failf(InvalidModification, "no %s was created", t)
	}
	d := c.desc.as(t)
	s.nextMID = max(s.nextMID, c.mids)
	return s.commit(local, d, to, c.transceivers), nil
}

// SetRemote applies the peer's description (W3C section 4.4.2, setRemoteDescription). An offer in
// HaveLocalOffer rolls the local offer back first. The sdp of a rollback is ignored.
// Nothing changes on error, not even by that rollback.
func (s *Session) SetRemote(t Type, sdp string) (*Applied, error) {
	d, to, err := s.checkedRemote(t, sdp)
	if err != nil {
		return nil, err
	}
	if t == Rollback {
		return s.rollback(to), nil
	}
	applied := s.commit(remote, d, to, nil)
	if d.identity != "" {
		applied.Identity = d.remoteIdentity()
	}
	return applied, nil
}

// checkedRemote is the peer's description (nil for a rollback) and the state that it leads to, with
// everything checked and nothing changed.
func (s *Session) checkedRemote(t Type, sdp string) (*description, State, error) {
	if s.state == Closed {
		return nil, s.state, closedError()
	}
	// The state is looked at before the text: a wrong state is reported for any text.
	to, err := s.state.next(event{remote, t})
	if err != nil {
		return nil, s.state, err
	}
	if t == Rollback {
		return nil, to, nil
	}
	d, err := parse(sdp, t, s.lim)
	if err != nil {
		return nil, s.state, err
	}
	if t == Offer {
		err = s.checkRemoteOffer(d)
	} else {
		err = checkAnswer(s.pendingLocal, d)
	}
	if err == nil {
		err = s.checkRemoteMedia(d)
	}
	if err == nil {
		err = s.checkSCTPInit(d)
	}
	if err != nil {
		return nil, s.state, err
	}
	return d, to, nil
}

// commit puts a checked description into its slot, moves to state to and carries out what that means for
// the transceivers. assigned are those of a local offer's m-lines.
func (s *Session) commit(from side, d *description, to State, assigned map[int]TransceiverID) *Applied {
	c := &change{s: s, a: &Applied{From: s.state, To: to, Type: d.typ}}
	before := s.sections()
	if d.typ == Offer && s.state == Stable {
		s.remember()
	}
	if d.typ == Offer && from == remote && s.state == HaveLocalOffer {
		s.pendingLocal = nil
		c.a.RolledBack = true
		c.restore(false)
	}
	if d.typ == Offer && from == remote {
		s.lastAnswer = nil // it answered another offer
		c.associate(d)
		s.judge(d)
	}
	s.place(from, d)
	s.state = to
	if from == local {
		c.applyLocal(d, assigned)
	} else {
		c.applyRemote(d)
	}
	if d.typ == Answer {
		s.lastOffer, s.lastAnswer = nil, nil
		c.settle()
	}
	s.follow(before, s.sections())
	s.gathered.keep(s.currentLocal, s.pendingLocal)
	if to == Stable {
		s.leaveToTag()
	}
	return c.done()
}

// place puts a description into its slot.
func (s *Session) place(from side, d *description) {
	switch {
	case from == local && d.typ == Answer:
		s.currentLocal, s.currentRemote = d, s.pendingRemote
	case from == remote && d.typ == Answer:
		s.currentLocal, s.currentRemote = s.pendingLocal, d
	case from == local:
		s.pendingLocal = d
	default:
		s.pendingRemote = d
	}
	if d.typ == Answer {
		s.pendingLocal, s.pendingRemote = nil, nil
	}
}

func (s *Session) rollback(to State) *Applied {
	c := &change{s: s, a: &Applied{From: s.state, To: to, Type: Rollback, RolledBack: true}}
	remoteOffer := s.state == HaveRemoteOffer
	s.pendingLocal, s.pendingRemote = nil, nil
	s.lastAnswer = nil
	s.state = to
	c.restore(remoteOffer)
	s.gathered.keep(s.currentLocal)
	return c.done()
}

// done returns what was done.
func (c *change) done() *Applied {
	c.a.Tracks = c.tracks.all()
	c.a.Sections = c.s.sections()
	return c.a
}

func (s *Session) newestLocal() *description {
	if s.pendingLocal != nil {
		return s.pendingLocal
	}
	return s.currentLocal
}

func (s *Session) newestRemote() *description {
	if s.pendingRemote != nil {
		return s.pendingRemote
	}
	return s.currentRemote
}

// Sections returns the m-lines as now in force or pending, in order.
func (s *Session) Sections() []Section { return s.sections() }

// CanTrickle is W3C canTrickleIceCandidates: whether the peer takes candidates that come after its
// description (RFC 8838), known once there is a remote description.
func (s *Session) CanTrickle() (value, known bool) {
	d := s.newestRemote()
	if d == nil {
		return false, false
	}
	value = d.trickle
	for i := range d.media {
		value = value || (!d.media[i].rejected && d.media[i].own.Trickle)
	}
	return value, true
}
