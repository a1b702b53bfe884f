package sctp

import (
	"bytes"
	"slices"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
	"github.com/passerelle-rtc/webrtc/internal/sctp/transmit"
)

// changed is the peer's INIT with a change.
func changed(f func(i *chunk.Init)) *chunk.Init {
	i := peerInit()
	f(i)
	return i
}

// RFC 9260 section 3.3.2: a tag of 0 is discarded in silence; a window below 1500, no
// streams, or a host name are answered by ABORT under the Initiate Tag, "and MUST NOT
// change the state of any existing association". Sections 6.10 and 8.5.1 A: INIT comes
// alone and with tag 0.
func TestInitsThatCannotBe(t *testing.T) {
	host := chunk.AppendParameter(nil, chunk.ParameterHostName, []byte("a.example\x00"))
	for name, c := range map[string]struct {
		init *chunk.Init
		tag  uint32
		more []byte
		want string
	}{
		"tag 0":         {changed(func(i *chunk.Init) { i.Tag = 0 }), 0, nil, ""},
		"window 1499":   {changed(func(i *chunk.Init) { i.Window = 1499 }), 0, nil, "ABORT"},
		"no outbound":   {changed(func(i *chunk.Init) { i.OutboundStreams = 0 }), 0, nil, "ABORT"},
		"no inbound":    {changed(func(i *chunk.Init) { i.InboundStreams = 0 }), 0, nil, "ABORT"},
		"host name":     {changed(func(i *chunk.Init) { i.Unrecognized = host }), 0, nil, "ABORT"},
		"cut parameter": {changed(func(i *chunk.Init) { i.Unrecognized = []byte{0xc0, 1, 0, 9} }), 0, nil, "ABORT"},
		"not alone":     {peerInit(), 0, chunk.AppendHeartbeat(nil, []byte{1}), ""},
		"with a tag":    {peerInit(), 7, nil, ""},
		"as it must be": {peerInit(), 0, nil, "INIT ACK"},
	} {
		t.Run(name, func(t *testing.T) {
			packet := [][]byte{chunk.AppendInit(nil, chunk.TypeInit, c.init), c.more}
			for _, s := range []*script{closedScript(t), openScript(t, peerInit())} {
				state, local, remote := s.State(), s.localTag, s.remoteTag
				answers := s.packet(c.tag, packet...)
				s.want(c.want, answers)
				if s.State() != state || s.localTag != local || s.remoteTag != remote || len(s.events) > 0 {
					t.Errorf("%v became %v, %v", state, s.Association, s.events)
				}
				if c.want != "" && (answers[0].header.Tag != c.init.Tag || answers[0].chunks[0].Flags != 0) {
					t.Errorf("answered under tag %08x with flags %x", answers[0].header.Tag, answers[0].chunks[0].Flags)
				}
			}
		})
	}
}

// RFC 9260 section 3.3.3, of INIT ACK in COOKIE-WAIT: without a tag or streams "it MUST
// destroy the TCB", a window below 1500 "MUST NOT change the state".
func TestInitAcksThatCannotBe(t *testing.T) {
	host := chunk.AppendParameter(nil, chunk.ParameterHostName, []byte("a.example\x00"))
	for name, c := range map[string]struct {
		change func(i *chunk.Init)
		want   string
		state  State
		flags  byte
	}{
		"tag 0":         {func(i *chunk.Init) { i.Tag = 0 }, "ABORT", StateClosed, chunk.FlagT},
		"window 1499":   {func(i *chunk.Init) { i.Window = 1499 }, "ABORT", StateCookieWait, 0},
		"no outbound":   {func(i *chunk.Init) { i.OutboundStreams = 0 }, "ABORT", StateClosed, 0},
		"no inbound":    {func(i *chunk.Init) { i.InboundStreams = 0 }, "ABORT", StateClosed, 0},
		"host name":     {func(i *chunk.Init) { i.Unrecognized = host }, "ABORT", StateClosed, 0},
		"no cookie":     {func(i *chunk.Init) { i.Cookie = nil }, "ABORT", StateClosed, 0},
		"a long cookie": {func(i *chunk.Init) { i.Cookie = bytes.Repeat([]byte{7, 8}, 1500) }, "COOKIE ECHO", StateCookieEchoed, 0},
	} {
		t.Run(name, func(t *testing.T) {
			s := closedScript(t)
			s.Connect(s.now)
			s.want("INIT", s.drain())
			ack := peerInit()
			ack.Cookie = []byte("cookie")
			c.change(ack)
			answers := s.chunks(chunk.AppendInit(nil, chunk.TypeInitAck, ack))
			s.want(c.want, answers)
			tag := ack.Tag
			if c.flags == chunk.FlagT {
				tag = s.localTag
			}
			if got := answers[0]; s.State() != c.state || got.header.Tag != tag || got.chunks[0].Flags != c.flags {
				t.Errorf("%v, answered under tag %08x with flags %x", s.State(), got.header.Tag, got.chunks[0].Flags)
			}
			// Section 3.3.11: "the exact cookie".
			if echo, ok := find(answers, chunk.TypeCookieEcho); ok && !bytes.Equal(echo.Value, ack.Cookie) {
				t.Error("another cookie is echoed")
			}
			// Section 5.2.3: in other states INIT ACK is discarded.
			if c.state == StateCookieEchoed {
				s.want("", s.chunks(chunk.AppendInit(nil, chunk.TypeInitAck, ack)))
			}
		})
	}
}

// RFC 9260 section 3.3.3: in INIT ACK the number of outbound streams "MUST NOT be greater
// than the MIS value sent in the INIT chunk"; section 5.1.1: identifiers are below
// "min(local OS, remote MIS)".
func TestStreamsAreThoseThatBothHave(t *testing.T) {
	s := closedScript(t)
	answers := s.packet(0, chunk.AppendInit(nil, chunk.TypeInit, peerInit()))
	ack, err := chunk.ParseInit(answers[0].chunks[0].Value)
	if err != nil || ack.OutboundStreams != 200 || ack.InboundStreams != MaxStreams {
		t.Errorf("%d streams out, %d in, %v", ack.OutboundStreams, ack.InboundStreams, err)
	}
	s = openScript(t, peerInit())
	if err := s.Open(199, reliable); err != nil {
		t.Error(err)
	}
	if err := s.Open(200, reliable); err == nil {
		t.Error("stream 200 of 0 to 199 can be opened")
	}
}

// RFC 9260 sections 3.2.1 and 3.2.2: the two highest bits of an unknown parameter say
// whether those behind it are read, and whether INIT ACK "MUST" report it.
func TestUnknownParametersOfInit(t *testing.T) {
	for _, c := range []struct {
		kind            chunk.ParameterType
		follows, report bool
	}{{0x3fff, false, false}, {0x7fff, false, true}, {0xbfff, true, false}, {0xffff, true, true}} {
		unknown := chunk.AppendParameter(nil, c.kind, []byte{1, 2, 3, 4})
		i := changed(func(i *chunk.Init) {
			i.ForwardTSN, i.Extensions = false, nil
			i.Unrecognized = chunk.AppendParameter(slices.Clone(unknown), chunk.ParameterForwardTSNSupported, nil)
		})
		s := closedScript(t)
		ack, err := chunk.ParseInit(s.packet(0, chunk.AppendInit(nil, chunk.TypeInit, i))[0].chunks[0].Value)
		if err != nil {
			t.Fatal(err)
		}
		reported := false
		parameters := ack.Parameters()
		for p, ok := parameters.Next(); ok; p, ok = parameters.Next() {
			reported = reported || p.Type == chunk.ParameterUnrecognized && bytes.Equal(p.Value, unknown)
		}
		s.chunks(chunk.AppendRaw(nil, chunk.TypeCookieEcho, 0, ack.Cookie))
		if reported != c.report || s.peer.forwardTSN != c.follows {
			t.Errorf("type %04x: reported %t, what follows is read: %t", c.kind, reported, s.peer.forwardTSN)
		}
	}
}

// RFC 9260 section 5.2.4, table 12: what a COOKIE ECHO does to an association.
func TestCookiesThatMeetAnAssociation(t *testing.T) {
	const other = 0x55667788
	for name, c := range map[string]struct {
		cookie func(s *script, c *stateCookie)
		age    time.Duration
		want   string
		tag    uint32 // of the peer, afterwards
		event  bool   // Restarted
	}{
		"A, restart": {func(s *script, c *stateCookie) {
			c.localTag, c.remoteTag, c.localTie, c.remoteTie = other, other+1, s.localTag, s.remoteTag
		}, 0, "COOKIE ACK", other + 1, true},
		"A, with ties that do not match": {func(s *script, c *stateCookie) {
			c.localTag, c.remoteTag, c.localTie, c.remoteTie = other, other+1, s.localTag+1, s.remoteTag
		}, 0, "", scriptTag, false},
		"A, without ties": {func(s *script, c *stateCookie) { c.localTag, c.remoteTag = other, other+1 }, 0, "", scriptTag, false},
		"B, a new tag of the peer": {func(s *script, c *stateCookie) {
			c.remoteTag, c.remoteTSN = other, 5000
		}, 0, "COOKIE ACK", other, false},
		"C, late":                 {func(s *script, c *stateCookie) { c.localTag = other }, 0, "", scriptTag, false},
		"D, again":                {func(*script, *stateCookie) {}, 0, "COOKIE ACK", scriptTag, false},
		"D, older than its life":  {func(*script, *stateCookie) {}, 2 * cookieLifetime, "COOKIE ACK", scriptTag, false},
		"another, older than its": {func(s *script, c *stateCookie) { c.remoteTag = other }, 2 * cookieLifetime, "ERROR", scriptTag, false},
	} {
		t.Run(name, func(t *testing.T) {
			s := openScript(t, peerInit())
			cookie := stateCookie{
				made: s.now.Add(-c.age), localTag: s.localTag, remoteTag: scriptTag, localTSN: s.localTSN, remoteTSN: scriptTSN, peer: s.peer,
			}
			c.cookie(s, &cookie)
			answers := s.packet(cookie.localTag, chunk.AppendRaw(nil, chunk.TypeCookieEcho, 0, cookie.seal(s.config.Secret[:])))
			s.want(c.want, answers)
			if s.remoteTag != c.tag || slices.Contains(s.events, Event(Restarted{})) != c.event || s.State() != StateEstablished {
				t.Errorf("%v, events %v", s.Association, s.events)
			}
			if c.want == "ERROR" {
				if cause(answers) != chunk.CauseStaleCookie || answers[0].header.Tag != other {
					t.Errorf("%v under tag %08x", cause(answers), answers[0].header.Tag)
				}
				return
			}
			// Both directions work.
			n := int(cookie.remoteTSN - scriptTSN)
			if c.want == "" {
				n = 0
			}
			s.want("SACK", s.chunks(peerData(n, 1, 0)))
			if err := s.Open(1, reliable); err != nil {
				t.Fatal(err)
			}
			if err := s.Send(s.now, 1, PPIDBinary, []byte{1}); err != nil {
				t.Fatal(err)
			}
			if answers = s.drain(); kinds(answers) != "DATA" || answers[0].header.Tag != c.tag || len(s.got) != 1 {
				t.Errorf("%q, %d messages", kinds(answers), len(s.got))
			}
		})
	}
}

// RFC 9260 section 5.2.4 A: in SHUTDOWN-ACK-SENT "it MUST NOT set up a new association but
// instead resend the SHUTDOWN ACK chunk and send an ERROR chunk"; section 9.2: INIT is
// answered by SHUTDOWN ACK there.
func TestNobodyRestartsWhatEnds(t *testing.T) {
	s := openScript(t, peerInit())
	cookie := s.cookieFor(changed(func(i *chunk.Init) { i.Tag = 99 }))
	opened, _ := openCookie(s.config.Secret[:], cookie)
	s.want("SHUTDOWN ACK", s.chunks(chunk.AppendShutdown(nil, s.localTSN-1)))
	answers := s.packet(opened.localTag, chunk.AppendRaw(nil, chunk.TypeCookieEcho, 0, cookie))
	s.want("SHUTDOWN ACK ERROR", answers)
	if cause(answers) != chunk.CauseCookieWhileShutdown || s.remoteTag != scriptTag {
		t.Errorf("%v, %v", cause(answers), s.Association)
	}
	s.want("SHUTDOWN ACK", s.packet(0, chunk.AppendInit(nil, chunk.TypeInit, peerInit())))
}

// RFC 9260 section 5.1: with COOKIE ECHO, "until the COOKIE ACK chunk is returned, the
// sender MUST NOT send any other packets to the peer", though HEARTBEAT is to be answered
// from then on (section 8.3). COOKIE ACK comes first in its packet, and the SACK for the
// first DATA at once.
func TestNothingGoesBeforeTheCookie(t *testing.T) {
	s := closedScript(t)
	s.Connect(s.now)
	s.drain()
	ack := peerInit()
	ack.Cookie = []byte("cookie")
	s.want("", s.chunks(peerData(0, 1, 0), chunk.AppendShutdown(nil, s.localTSN-1))) // section 9.2: discarded
	s.want("COOKIE ECHO", s.chunks(chunk.AppendInit(nil, chunk.TypeInitAck, ack)))
	s.want("", s.chunks(chunk.AppendHeartbeat(nil, []byte("x"))))
	s.want("HEARTBEAT ACK", s.chunks(chunk.AppendRaw(nil, chunk.TypeCookieAck, 0, nil)))

	s = closedScript(t)
	echo := chunk.AppendRaw(nil, chunk.TypeCookieEcho, 0, s.cookieFor(peerInit()))
	s.want("COOKIE ACK SACK", s.chunks(echo, peerData(0, 1, 0)))
	if len(s.got) != 1 {
		t.Errorf("%d messages", len(s.got))
	}
}

// RFC 9260 section 3.3.7: an ABORT "with a format error" is discarded in silence; section
// 8.5.1 B: it has our tag, or the peer's with the T bit; section 9.1: nothing is answered
// to a packet with it.
func TestAbortsThatCount(t *testing.T) {
	abort := func(flags byte, value []byte) []byte { return chunk.AppendRaw(nil, chunk.TypeAbort, flags, value) }
	for name, c := range map[string]struct {
		ours  bool // the tag is ours, else the peer's
		chunk []byte
		ends  bool
	}{
		"our tag":            {true, abort(0, nil), true},
		"our tag with T":     {true, abort(chunk.FlagT, nil), false},
		"their tag":          {false, abort(0, nil), false},
		"their tag with T":   {false, abort(chunk.FlagT, nil), true},
		"a cause":            {true, abort(0, chunk.AppendCause(nil, chunk.CauseUserAbort, []byte("x"))), true},
		"a cause cut short":  {true, abort(0, []byte{0, 12, 0, 9, 'x'}), false},
		"the second cut":     {true, abort(0, append(chunk.AppendCause(nil, chunk.CauseUserAbort, nil), 0, 12)), false},
		"behind a HEARTBEAT": {true, append(chunk.AppendHeartbeat(nil, []byte{1}), abort(0, nil)...), true},
	} {
		t.Run(name, func(t *testing.T) {
			s := openScript(t, peerInit())
			tag := scriptTag
			if c.ours {
				tag = s.localTag
			}
			s.want("", s.packet(tag, c.chunk))
			if (s.State() == StateClosed) != c.ends {
				t.Errorf("%v", s.State())
			}
		})
	}
}

// RFC 9260 section 8.4: what a packet of no association is, depends on all of its chunks.
func TestPacketsOutOfTheBlueOfSeveralChunks(t *testing.T) {
	abort := chunk.AppendRaw(nil, chunk.TypeAbort, 0, nil)
	ack := chunk.AppendRaw(nil, chunk.TypeShutdownAck, 0, nil)
	heartbeat := chunk.AppendHeartbeat(nil, []byte{1})
	for _, c := range []struct {
		chunks [][]byte
		want   string
	}{
		{[][]byte{ack, abort}, ""},
		{[][]byte{heartbeat, abort}, ""},
		{[][]byte{heartbeat, chunk.AppendRaw(nil, chunk.TypeCookieAck, 0, nil)}, ""},
		{[][]byte{heartbeat, ack}, "SHUTDOWN COMPLETE"},
		{[][]byte{heartbeat, peerData(0, 1, 0)}, "ABORT"},
		{[][]byte{chunk.AppendInit(nil, chunk.TypeInitAck, peerInit())}, "ABORT"},
	} {
		s := closedScript(t)
		answers := s.packet(77, c.chunks...)
		s.want(c.want, answers)
		if c.want != "" && (answers[0].header.Tag != 77 || answers[0].chunks[0].Flags != chunk.FlagT) {
			t.Errorf("%s under tag %d with flags %x", c.want, answers[0].header.Tag, answers[0].chunks[0].Flags)
		}
	}
}

// RFC 9260 section 6.10: "If the receiver detects a partial chunk, it MUST drop the
// chunk", control chunks go before DATA, and DATA in the order of TSNs. Section 9.1: no
// DATA goes with ABORT.
func TestBundling(t *testing.T) {
	s := openScript(t, peerInit())
	cut := peerData(1, 1, 1)
	answers := s.chunks(peerData(0, 1, 0), cut[:len(cut)-4])
	s.want("SACK", answers)
	sack, err := chunk.ParseSACK(answers[0].chunks[0].Value)
	if err != nil || sack.CumulativeTSN != scriptTSN || len(s.got) != 1 {
		t.Errorf("%+v, %v, %d messages", sack, err, len(s.got))
	}
	if err := s.Open(1, reliable); err != nil {
		t.Fatal(err)
	}
	for n := range 3 {
		if err := s.Send(s.now, 1, PPIDBinary, []byte{byte(n)}); err != nil {
			t.Fatal(err)
		}
	}
	answers = s.chunks(chunk.AppendHeartbeat(nil, []byte("x")), peerData(1, 1, 1))
	s.want("HEARTBEAT ACK SACK DATA DATA DATA", answers)
	for i, c := range answers[0].chunks[2:] {
		if d, err := chunk.ParseData(c); err != nil || d.TSN != s.localTSN+chunk.TSN(i) || int(d.SSN) != i {
			t.Errorf("chunk %d: %+v, %v", i, d, err)
		}
	}
	_ = s.Send(s.now, 1, PPIDBinary, []byte("late"))
	s.Abort("")
	if answers = s.drain(); kinds(answers) != "ABORT" || answers[0].header.Tag != scriptTag {
		t.Errorf("%q", kinds(answers))
	}
}

// RFC 9260 section 9.2: in SHUTDOWN-SENT each packet with DATA is answered at once by
// SHUTDOWN, which restarts T2, and by SACK; what else the packet asks is answered too.
func TestDataAfterShutdown(t *testing.T) {
	s := openScript(t, peerInit())
	s.Shutdown(s.now)
	s.want("SHUTDOWN", s.drain())
	s.want("", s.wait(900*time.Millisecond))
	answers := s.chunks(chunk.AppendHeartbeat(nil, []byte("x")), peerData(0, 1, 0), peerData(2, 1, 2))
	s.want("HEARTBEAT ACK SHUTDOWN SACK", answers)
	told, _ := find(answers, chunk.TypeShutdown)
	if tsn, err := chunk.ParseShutdown(told.Value); err != nil || tsn != scriptTSN {
		t.Errorf("SHUTDOWN acknowledges %d, %v", tsn, err)
	}
	s.want("", s.wait(time.Second-time.Millisecond))
	s.want("SHUTDOWN", s.wait(time.Millisecond))
	// "the endpoint MUST resend the SHUTDOWN chunk with the updated last sequential TSN".
	s.want("SHUTDOWN SACK", s.chunks(peerData(1, 1, 1)))
	told, _ = find(s.wait(time.Second), chunk.TypeShutdown)
	if tsn, err := chunk.ParseShutdown(told.Value); err != nil || tsn != scriptTSN+2 {
		t.Errorf("SHUTDOWN acknowledges %d, %v", tsn, err)
	}
	answers = s.chunks(chunk.AppendRaw(nil, chunk.TypeShutdownAck, 0, nil))
	s.want("SHUTDOWN COMPLETE", answers)
	// Section 8.5.1 C: "the destination endpoint's tag MUST be used and the T bit MUST NOT be set".
	if answers[0].header.Tag != scriptTag || answers[0].chunks[0].Flags != 0 || s.State() != StateClosed || len(s.got) != 3 {
		t.Errorf("%v, %d messages", s.State(), len(s.got))
	}
}

// RFC 9260 section 9.2 and section 4, 5 to 7: after the peer's SHUTDOWN nothing new is
// taken to be sent or received, what is outstanding goes on, and SHUTDOWN says what has
// arrived, which is no renege of the rest (3.3.8).
func TestShutdownOfThePeer(t *testing.T) {
	s := openScript(t, peerInit())
	if err := s.Open(1, reliable); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if err := s.Send(s.now, 1, PPIDBinary, make([]byte, 1000)); err != nil {
			t.Fatal(err)
		}
	}
	s.want("DATA, DATA, DATA", s.drain())
	s.chunks(chunk.AppendSACK(nil, s.localTSN-1, 1<<20, []chunk.Gap{{First: 3, Last: 3}}, nil))
	s.want("", s.chunks(chunk.AppendShutdown(nil, s.localTSN)))
	if s.State() != StateShutdownReceived || s.Send(s.now, 1, PPIDBinary, []byte{1}) == nil {
		t.Errorf("%v", s.State())
	}
	s.Shutdown(s.now)                                                              // ignored
	s.want("", s.chunks(chunk.AppendRaw(nil, chunk.TypeShutdownComplete, 0, nil))) // 8.5.1 C: not in this state
	s.want("", s.chunks(peerData(0, 1, 0)))
	for _, a := range s.wait(2 * time.Second) {
		for _, c := range a.chunks {
			if d, err := chunk.ParseData(c); c.Type != chunk.TypeData || err != nil || d.TSN != s.localTSN+1 {
				t.Errorf("sent %v %+v, want the second chunk alone", c.Type, d)
			}
		}
	}
	s.want("SHUTDOWN ACK", s.chunks(chunk.AppendShutdown(nil, s.localTSN+2)))
	s.want("", s.chunks(peerData(0, 1, 0)))
	if len(s.got) != 0 {
		t.Errorf("%d messages after SHUTDOWN", len(s.got))
	}
	s.want("SHUTDOWN ACK", s.wait(s.rto())) // T2
	// "If an endpoint is in the SHUTDOWN-ACK-SENT state and receives a SHUTDOWN ACK".
	s.want("SHUTDOWN COMPLETE", s.chunks(chunk.AppendRaw(nil, chunk.TypeShutdownAck, 0, nil)))
	if !slices.Contains(s.events, Event(Closed{nil})) {
		t.Errorf("%v", s.events)
	}
}

// RFC 8260 section 2.3.1: FORWARD-TSN does not go with I-DATA. A peer that has I-DATA and
// no I-FORWARD-TSN gets no partial reliability; one that sends the other kind is aborted.
func TestInterleavingHasItsOwnForwardTSN(t *testing.T) {
	for _, forward := range []bool{false, true} {
		s := openScript(t, changed(func(i *chunk.Init) {
			i.Extensions = append(i.Extensions, byte(chunk.TypeIData))
			if forward {
				i.Extensions = append(i.Extensions, byte(chunk.TypeIForwardTSN))
			}
		}))
		if err := s.Open(1, transmit.StreamParams{Lifetime: -1}); err != nil {
			t.Fatal(err)
		}
		if err := s.Send(s.now, 1, PPIDBinary, []byte{1}); err != nil {
			t.Fatal(err)
		}
		s.want("I-DATA", s.drain())
		answers := s.wait(time.Second)
		_, gave := find(answers, chunk.TypeIForwardTSN)
		_, again := find(answers, chunk.TypeIData)
		if gave != forward || again == forward {
			t.Errorf("I-FORWARD-TSN: %t, sent %q", forward, kinds(answers))
		}
		answers = s.chunks(chunk.AppendForwardTSN(nil, scriptTSN, nil))
		if s.want("ABORT", answers); cause(answers) != chunk.CauseProtocolViolation {
			t.Error(cause(answers))
		}
	}
	s := openScript(t, peerInit())
	answers := s.chunks(chunk.AppendIForwardTSN(nil, scriptTSN, nil))
	if s.want("ABORT", answers); cause(answers) != chunk.CauseProtocolViolation {
		t.Error(cause(answers))
	}
}
