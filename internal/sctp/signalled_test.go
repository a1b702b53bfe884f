package sctp

import (
	"encoding/base64"
	"errors"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// begun is a rig whose ends know each other's INIT chunks.
func begun(t testing.TB, configure ...func(*Config)) *rig {
	t.Helper()
	r := newRig(t, path{delay: delay}, 1, configure...)
	r.a.keep, r.b.keep = true, true
	ofA, ofB := r.a.SignalledInit(), r.b.SignalledInit()
	if err := r.a.Begin(r.now, ofB); err != nil {
		t.Fatal(err)
	}
	if err := r.b.Begin(r.now, ofA); err != nil {
		t.Fatal(err)
	}
	return r
}

// draft-hancke-tsvwg-snap-00, SCTP considerations: "both endpoints SHOULD consider the
// SCTP association to be in the ESTABLISHED state [...] once the DTLS handshake
// finishes. The steps A-E described in Section 5.1 of RFC9260 can be skipped."
func TestSignalledInitsNeedNoHandshake(t *testing.T) {
	r := begun(t)
	if !established(r)() {
		t.Fatalf("%v", r)
	}
	begin := r.now
	r.open(0, reliable)
	r.message(r.a, 0, []byte("x"))
	r.message(r.b, 0, []byte("y"))
	r.until("messages", time.Second, func() bool { return len(r.a.got) == 1 && len(r.b.got) == 1 })
	if took := r.now.Sub(begin); took != delay {
		t.Errorf("messages after %v, want one way", took)
	}
	for _, p := range append(r.a.sent, r.b.sent...) {
		for _, kind := range types(p) {
			switch kind {
			case chunk.TypeInit, chunk.TypeInitAck, chunk.TypeCookieEcho, chunk.TypeCookieAck:
				t.Errorf("%v was sent", kind)
			}
		}
	}
	if s := r.a.Stats(); !s.Interleaving || !s.ZeroChecksum || s.MaxStreams != MaxStreams || !r.a.has(Established{}) {
		t.Errorf("negotiated: %+v, events %v", s, r.a.events)
	}
}

// What one end does not offer in its INIT chunk is off, as in a handshake.
func TestSignalledInitsNegotiateExtensions(t *testing.T) {
	r := newRig(t, path{delay: delay}, 1)
	plain := Config{NoInterleaving: true}
	plain.Seed[0] = 9
	other := New(plain)
	if err := r.a.Begin(r.now, other.SignalledInit()); err != nil {
		t.Fatal(err)
	}
	if s := r.a.Stats(); s.Interleaving || s.ZeroChecksum {
		t.Errorf("%+v", s)
	}
}

// "The creation of the sctp-init attribute SHOULD NOT change the state of the SCTP
// association into the COOKIE-WAIT state", and Connect sends the same chunk.
func TestSignalledInitIsWhatConnectSends(t *testing.T) {
	r := one(t)
	signalled := r.a.SignalledInit()
	if r.a.State() != StateClosed || !r.a.Deadline().IsZero() {
		t.Errorf("%v, deadline %v", r.a, r.a.Deadline())
	}
	r.a.Connect(r.now)
	r.drain(r.a)
	if got := r.a.sent[0][chunk.PacketHeaderSize:]; string(got[:len(signalled)]) != string(signalled) {
		t.Errorf("sent %x, signalled %x", got, signalled)
	}
}

// A peer that begins the usual way after all, as one does whose association is lost,
// restarts this end (RFC 9260 section 5.2.4.1).
func TestAHandshakeRestartsWhatBeganWithSignalledInits(t *testing.T) {
	r := begun(t)
	cfg := Config{ZeroChecksum: true}
	cfg.Seed[0], cfg.Secret[0] = 42, 42
	r.b.Association = New(cfg)
	r.b.Connect(r.now)
	r.until("the restart", 10*time.Second, func() bool { return r.a.has(Restarted{}) && established(r)() })
	r.open(0, reliable)
	r.message(r.a, 0, []byte("x"))
	r.until("a message", time.Second, func() bool { return len(r.b.got) == 1 })
}

// draftInit is the example of draft-hancke-tsvwg-snap-00: chunk length 30, without padding.
const draftInit = "AQAAHols3R0AUAAA/////+B5ZR3AAAAEgAgABoLA"

func TestTheDraftsExampleIsValid(t *testing.T) {
	b, err := base64.StdEncoding.DecodeString(draftInit)
	if err != nil {
		t.Fatal(err)
	}
	for range 4 { // with the padding, which some write, too
		a := New(Config{})
		if err := a.Begin(time.Unix(1, 0), b); err != nil || a.remoteTag != 0x896cdd1d || a.remoteTSN != 0xe079651d || a.peer.window != 0x500000 {
			t.Errorf("%d bytes: %v, %v, TSN %x, window %x", len(b), err, a, a.remoteTSN, a.peer.window)
		}
		b = append(b, 0)
	}
}

// "If the series of bytes is not a valid SCTP INIT chunk this results in an error."
func TestInvalidSignalledInitsAreRefused(t *testing.T) {
	valid := New(Config{}).SignalledInit()
	with := func(at int, b ...byte) []byte {
		c := append([]byte(nil), valid...)
		copy(c[at:], b)
		return c
	}
	for name, b := range map[string][]byte{
		"empty":              {},
		"cut":                valid[:len(valid)-1],
		"no fields":          {1, 0, 0, 4},
		"INIT ACK":           with(0, 2),
		"length too small":   with(2, 0, 3),
		"length of a header": with(2, 0, 4),
		"tag 0":              with(4, 0, 0, 0, 0),
		"window":             with(8, 0, 0, 5, 0xdb),
		"outbound streams":   with(12, 0, 0),
		"inbound streams":    with(14, 0, 0),
		"parameter":          with(22, 0, 3),
		"more behind it":     append(with(0), 0, 0, 0, 0),
		"host name":          append(with(3, byte(len(valid)+8)), 0, 11, 0, 8, 'a', 'b', 'c', 0),
	} {
		a := New(Config{})
		if err := a.Begin(time.Unix(1, 0), b); !errors.Is(err, ErrInvalidInit) || a.State() != StateClosed {
			t.Errorf("%s: %v, %v", name, err, a)
		}
		if err := CheckInit(b); !errors.Is(err, ErrInvalidInit) {
			t.Errorf("%s: CheckInit: %v", name, err)
		}
	}
}

// FuzzSignalledInit: no chunk panics, and one that is taken begins an association whose
// invariants hold.
func FuzzSignalledInit(f *testing.F) {
	f.Add(New(Config{}).SignalledInit())
	f.Add(New(Config{NoInterleaving: true, ZeroChecksum: true}).SignalledInit())
	if b, err := base64.StdEncoding.DecodeString(draftInit); err == nil {
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		a := New(Config{})
		now := time.Unix(1, 0)
		err := a.Begin(now, b)
		if (err == nil) != (a.State() == StateEstablished) || (CheckInit(b) == nil) != (err == nil) {
			t.Fatalf("%v, %v", err, a)
		}
		if err == nil {
			if err := a.Open(1, reliable); err == nil {
				_ = a.Send(now, 1, PPIDBinary, make([]byte, 3000))
			}
			for _, ok := a.NextPacket(now, nil); ok; _, ok = a.NextPacket(now, nil) {
			}
		}
		if err := a.CheckInvariants(); err != nil {
			t.Fatal(err)
		}
	})
}
