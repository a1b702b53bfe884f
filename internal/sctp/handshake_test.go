package sctp

import (
	"errors"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

const delay = 10 * time.Millisecond

// one makes a rig of which only a connects.
func one(t testing.TB, configure ...func(*Config)) *rig {
	r := newRig(t, path{delay: delay}, 1, configure...)
	r.a.keep, r.b.keep = true, true
	return r
}

func established(r *rig) func() bool {
	return func() bool { return r.a.State() == StateEstablished && r.b.State() == StateEstablished }
}

// RFC 9260 section 5.1: INIT, INIT ACK, COOKIE ECHO, COOKIE ACK; the end that answers
// keeps nothing before COOKIE ECHO.
func TestHandshakeTakesTwoRoundTrips(t *testing.T) {
	r := one(t)
	begin := r.now
	r.a.Connect(r.now)
	r.run(delay, func() bool { return false })
	if r.b.State() != StateClosed || r.b.in != nil {
		t.Errorf("the end that answered INIT is %v", r.b)
	}
	r.until("the handshake", time.Second, established(r))
	if took := r.now.Sub(begin); took != 4*delay {
		t.Errorf("%v, want two round trips", took)
	}
	for i, want := range [][]chunk.Type{{chunk.TypeInit}, {chunk.TypeCookieEcho}} {
		if got := types(r.a.sent[i]); len(got) != 1 || got[0] != want[0] {
			t.Errorf("packet %d has %v, want %v", i, got, want)
		}
	}
	for i, want := range []chunk.Type{chunk.TypeInitAck, chunk.TypeCookieAck} {
		if got := types(r.b.sent[i]); got[0] != want {
			t.Errorf("answer %d has %v, want %v", i, got, want)
		}
	}
	if !r.a.has(Established{}) || !r.b.has(Established{}) {
		t.Errorf("events %v, %v", r.a.events, r.b.events)
	}
}

// RFC 9260 section 8.5.1 A: "the sender MUST set the Verification Tag to 0" in INIT,
// which section 6.10 allows no other chunk beside.
func TestInitHasTagZeroAndIsAlone(t *testing.T) {
	r := one(t)
	r.a.Connect(r.now)
	r.until("the handshake", time.Second, established(r))
	header, _, _ := chunk.ParsePacket(r.a.sent[0])
	if header.Tag != 0 || header.Checksum == 0 {
		t.Errorf("header of INIT: %+v", header)
	}
	// RFC 9653 section 5.2: INIT and COOKIE ECHO have a checksum, what follows has none.
	for i, p := range r.a.sent {
		if h, _, _ := chunk.ParsePacket(p); i > 0 && h.Tag != r.b.localTag || (h.Checksum != 0) != (i < 2) {
			t.Errorf("header of packet %d: %+v", i, h)
		}
	}
}

// RFC 9260 section 5.2.4 B and D: both ends began, one association comes of it.
func TestBothEndsMayBeginAtOnce(t *testing.T) {
	for _, lag := range []time.Duration{0, delay / 2, delay, delay * 3 / 2, 2 * delay, 3 * delay} {
		r := one(t)
		r.a.Connect(r.now)
		r.run(lag, func() bool { return false })
		r.b.Connect(r.now)
		r.until("the handshake", time.Second, established(r))
		if r.a.localTag != r.b.remoteTag || r.b.localTag != r.a.remoteTag {
			t.Errorf("after %v: tags %v, %v", lag, r.a, r.b)
		}
		r.open(0, reliable)
		r.message(r.a, 0, []byte("x"))
		r.message(r.b, 0, []byte("y"))
		r.until("messages", time.Second, func() bool { return len(r.a.got) == 1 && len(r.b.got) == 1 })
	}
}

// RFC 9260 section 5.1, T1-init and T1-cookie: what is lost is repeated.
func TestLostHandshakePacketsAreRepeated(t *testing.T) {
	for _, c := range []struct {
		kind  chunk.Type
		fromB bool
	}{{chunk.TypeInit, false}, {chunk.TypeInitAck, true}, {chunk.TypeCookieEcho, false}, {chunk.TypeCookieAck, true}} {
		r := one(t)
		e := r.a
		if c.fromB {
			e = r.b
		}
		e.filter = dropFirst(c.kind, 2)
		begin := r.now
		r.a.Connect(r.now)
		r.until("the handshake", time.Minute, established(r))
		if took := r.now.Sub(begin); took != 3*time.Second+4*delay {
			t.Errorf("%v lost twice: %v, want two round trips and 1 s and 2 s", c.kind, took)
		}
	}
}

// RFC 9260 section 5.1: after Max.Init.Retransmits the endpoint gives up.
func TestASilentPeerFailsTheHandshake(t *testing.T) {
	r := one(t)
	r.a.filter = func([]byte) bool { return false }
	r.a.Connect(r.now)
	begin := r.now
	r.until("the end", time.Minute, func() bool { _, ok := r.a.closed(); return ok })
	if c, _ := r.a.closed(); !errors.Is(c.Err, ErrHandshake) || len(r.a.sent) != 1+maxInitRetransmits {
		t.Errorf("%v after %d packets", c.Err, len(r.a.sent))
	}
	if took := r.now.Sub(begin); took != 24*time.Second {
		t.Errorf("gave up after %v", took)
	}
}

// RFC 9260 section 5.1.5, step 4 and section 5.2.6: a cookie that is too old is
// answered by ERROR, and the handshake begins anew.
func TestAStaleCookieBeginsTheHandshakeAnew(t *testing.T) {
	r := one(t)
	r.path.delay = 0
	var late []byte
	r.a.filter = func(p []byte) bool {
		if late == nil && contains(p, chunk.TypeCookieEcho) {
			late = p
			return false
		}
		return !contains(p, chunk.TypeCookieEcho) || len(late) == 0
	}
	r.a.Connect(r.now)
	r.until("COOKIE ECHO", time.Second, func() bool { return late != nil })
	r.now = r.now.Add(cookieLifetime + time.Second)
	r.a.t1.start(r.now, time.Second)
	r.b.HandlePacket(r.now, late)
	late = []byte{}
	r.until("the handshake", time.Minute, established(r))
	if !contains(r.b.sent[1], chunk.TypeError) {
		t.Errorf("the stale cookie was answered by %v", types(r.b.sent[1]))
	}
}

// RFC 9260 section 5.1.5, steps 1 to 3: a cookie that is not ours changes nothing.
func TestAForgedCookieChangesNothing(t *testing.T) {
	r := one(t)
	r.a.Connect(r.now)
	r.until("COOKIE ECHO", time.Second, func() bool { return len(r.a.sent) == 2 })
	echo := r.a.sent[1]
	for i := chunk.PacketHeaderSize + chunk.HeaderSize; i < chunk.PacketHeaderSize+chunk.HeaderSize+cookieSize; i++ {
		forged := append([]byte(nil), echo...)
		forged[i] ^= 1
		chunk.Seal(forged)
		r.b.HandlePacket(r.now, forged)
		if _, ok := r.b.NextPacket(r.now, nil); ok || r.b.State() != StateClosed {
			t.Fatalf("byte %d: %v", i, r.b)
		}
	}
}

// RFC 9260 sections 5.2.2 and 5.2.4.1: a peer that lost its state begins anew, with
// new tags and numbers; the old streams are gone.
func TestAPeerMayRestart(t *testing.T) {
	r := connected(t, path{delay: delay}, 1)
	r.open(3, reliable)
	r.message(r.a, 3, []byte("before"))
	r.until("the message", time.Second, func() bool { return len(r.b.got) == 1 })
	old := r.a.localTag
	cfg := r.b.config
	cfg.Seed[5] = 99
	r.b.Association = New(cfg)
	r.b.events, r.b.got = nil, nil
	r.b.Connect(r.now)
	r.until("the restart", time.Second, func() bool { return r.a.has(Restarted{}) && r.b.State() == StateEstablished })
	if r.a.localTag == old || r.a.localTag != r.b.remoteTag || r.a.Stats().Streams != 0 {
		t.Errorf("%v, %v, %d streams", r.a, r.b, r.a.Stats().Streams)
	}
	r.open(3, reliable)
	r.message(r.a, 3, []byte("after"))
	r.message(r.b, 3, []byte("after"))
	r.until("messages", time.Second, func() bool { return len(r.a.got) == 1 && len(r.b.got) == 1 })
}

// RFC 9260 section 8.5: a packet with a wrong tag is discarded; section 6.8: so is one
// with a wrong checksum.
func TestForgedPacketsChangeNothing(t *testing.T) {
	r := connected(t, path{delay: delay}, 1)
	forge := func(tag uint32, chunks []byte) []byte {
		p := append(chunk.AppendHeader(nil, chunk.Header{SourcePort: 5000, DestinationPort: 5000, Tag: tag}), chunks...)
		chunk.Seal(p)
		return p
	}
	abort := chunk.AppendRaw(nil, chunk.TypeAbort, 0, nil)
	reflected := chunk.AppendRaw(nil, chunk.TypeAbort, chunk.FlagT, nil)
	broken := forge(r.a.localTag, abort)
	broken[8] ^= 1
	for name, p := range map[string][]byte{
		"wrong tag":           forge(r.a.localTag+1, abort),
		"own tag reflected":   forge(r.a.localTag, reflected),
		"wrong checksum":      broken,
		"shutdown, wrong tag": forge(0, chunk.AppendShutdown(nil, 0)),
		"data, wrong tag":     forge(1, chunk.AppendData(nil, &chunk.Data{TSN: r.a.remoteTSN, Payload: []byte{1}})),
		"other port":          append([]byte{0, 1}, forge(r.a.localTag, abort)[2:]...),
		"two INITs":           forge(0, append(chunk.AppendInit(nil, chunk.TypeInit, &chunk.Init{Tag: 1}), abort...)),
	} {
		before := r.a.in.CumulativeTSN()
		r.a.HandlePacket(r.now, p)
		r.drain(r.a)
		if r.a.State() != StateEstablished || r.a.in.CumulativeTSN() != before {
			t.Errorf("%s: %v", name, r.a)
		}
	}
	r.a.HandlePacket(r.now, forge(r.a.remoteTag, reflected)) // section 8.5.1 B: this one counts
	r.drain(r.a)
	var abortError *AbortError
	if c, ok := r.a.closed(); !ok || !errors.As(c.Err, &abortError) {
		t.Errorf("%v, %v", r.a, r.a.events)
	}
}

// RFC 9260 section 3.2: what is unknown is skipped or stops the packet, and is
// reported where its type says so.
func TestUnknownChunksAreTreatedAsTheirTypeSays(t *testing.T) {
	for _, c := range []struct {
		kind           byte
		follows, error bool
	}{{0x3f, false, false}, {0x7f, false, true}, {0xbf, true, false}, {0xff, true, true}} {
		r := connected(t, path{delay: delay}, 1)
		r.run(time.Second, func() bool { return false })
		p := chunk.AppendHeader(nil, chunk.Header{SourcePort: 5000, DestinationPort: 5000, Tag: r.a.localTag})
		p = chunk.AppendRaw(p, chunk.Type(c.kind), 0, []byte{1, 2, 3})
		p = chunk.AppendHeartbeat(p, []byte("hello"))
		chunk.Seal(p)
		r.a.keep, r.a.sent = true, nil
		r.a.HandlePacket(r.now, p)
		r.drain(r.a)
		var got []chunk.Type
		for _, p := range r.a.sent {
			got = append(got, types(p)...)
		}
		var want []chunk.Type
		if c.error {
			want = append(want, chunk.TypeError)
		}
		if c.follows {
			want = append(want, chunk.TypeHeartbeatAck)
		}
		if len(got) != len(want) || len(got) > 0 && got[0] != want[0] {
			t.Errorf("type %02x: answered %v, want %v", c.kind, got, want)
		}
	}
}

// RFC 9260 section 8.4: packets of no association.
func TestPacketsOutOfTheBlueAreAnsweredAsTheRFCSays(t *testing.T) {
	for _, c := range []struct {
		chunks []byte
		want   chunk.Type // 0xff: nothing
	}{
		{chunk.AppendRaw(nil, chunk.TypeAbort, 0, nil), 0xff},
		{chunk.AppendRaw(nil, chunk.TypeShutdownAck, 0, nil), chunk.TypeShutdownComplete},
		{chunk.AppendRaw(nil, chunk.TypeShutdownComplete, 0, nil), 0xff},
		{chunk.AppendRaw(nil, chunk.TypeCookieAck, 0, nil), 0xff},
		{chunk.AppendRaw(nil, chunk.TypeError, 0, chunk.AppendCause(nil, chunk.CauseStaleCookie, nil)), 0xff},
		{chunk.AppendHeartbeat(nil, []byte{1}), chunk.TypeAbort},
	} {
		a := New(Config{})
		p := append(chunk.AppendHeader(nil, chunk.Header{SourcePort: 5000, DestinationPort: 5000, Tag: 77}), c.chunks...)
		chunk.Seal(p)
		a.HandlePacket(time.Unix(1, 0), p)
		answer, ok := a.NextPacket(time.Unix(1, 0), nil)
		if ok != (c.want != 0xff) {
			t.Errorf("% x: answered % x", c.chunks, answer)
			continue
		}
		if !ok {
			continue
		}
		h, chunks, _ := chunk.ParsePacket(answer)
		if got, _ := chunks.Next(); got.Type != c.want || got.Flags != chunk.FlagT || h.Tag != 77 {
			t.Errorf("% x: answered %v with flags %x and tag %d", c.chunks, got.Type, got.Flags, h.Tag)
		}
	}
}
