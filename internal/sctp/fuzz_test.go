package sctp

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// hostile drives an established association by the bytes of a fuzzer: each packet is
// valid in form and tag, its chunks and their numbers near those that matter.
func hostile(t *testing.T, script []byte, wide bool) {
	r := connected(t, path{delay: time.Millisecond}, 1, func(c *Config) {
		c.NoInterleaving = !wide
		c.Window, c.MaxWindow = 64<<10, 128<<10
	})
	r.open(0, reliable)
	a := r.a
	for len(script) >= 4 {
		op := script[:4]
		script = script[4:]
		p := chunk.AppendHeader(nil, chunk.Header{SourcePort: 5000, DestinationPort: 5000, Tag: a.localTag})
		p = hostileChunk(a, p, op, wide)
		if op[0] >= 0xf0 {
			r.now = r.now.Add(time.Duration(op[1]) * 20 * time.Millisecond)
			a.Advance(r.now)
		} else {
			a.HandlePacket(r.now, p)
		}
		if op[3]&1 != 0 && a.State() == StateEstablished {
			_ = a.Send(r.now, StreamID(op[2]%2), PPIDBinary, make([]byte, 1+int(op[1])*20))
		}
		if op[3]&0x0e == 0x0e {
			a.Reset(r.now, StreamID(op[2]%4))
		}
		for n := 0; ; n++ {
			if n > 1000 {
				t.Fatal("it does not stop sending")
			}
			if op[3]&0x10 != 0 && n == 1 {
				break // with a packet lent
			}
			if _, ok := a.LendPacket(r.now); !ok {
				break
			}
		}
		for _, ok := a.NextEvent(); ok; _, ok = a.NextEvent() {
		}
		if op[3]&2 != 0 {
			for id, ok := a.NextReadable(); ok; id, ok = a.NextReadable() {
				for _, ok := a.Take(r.now, id); ok; _, ok = a.Take(r.now, id) {
				}
			}
		}
		if err := a.CheckInvariants(); err != nil {
			t.Fatalf("%v after % x", err, op)
		}
		if a.in != nil && a.in.Held() > 2*128<<10+2000 {
			t.Fatalf("%d bytes held", a.in.Held())
		}
	}
}

// hostileChunk appends the chunk that op names.
func hostileChunk(a *end, p []byte, op []byte, wide bool) []byte {
	tsn := a.remoteTSN + chunk.TSN(op[1])
	id := StreamID(op[2] % 4)
	flags := chunk.DataFlags(op[3] & 0x0f)
	switch op[0] % 12 {
	case 0, 1, 2, 3:
		payload := make([]byte, 1+int(op[2])*4)
		if wide {
			return chunk.AppendIData(p, &chunk.IData{Flags: flags, TSN: tsn, Stream: id, MID: chunk.MID(op[2] / 8), FSN: uint32(op[3] >> 4), Payload: payload})
		}
		return chunk.AppendData(p, &chunk.Data{Flags: flags, TSN: tsn, Stream: id, SSN: chunk.SSN(op[2] / 8), Payload: payload})
	case 4:
		gap := uint16(op[2])
		return chunk.AppendSACK(p, a.localTSN+chunk.TSN(op[1])-1, uint32(op[3])<<8, []chunk.Gap{{First: gap % 7, Last: gap % 11}}, nil)
	case 5:
		if wide {
			return chunk.AppendIForwardTSN(p, tsn, []chunk.SkippedMessage{{Stream: id, Unordered: op[3]&4 != 0, MID: chunk.MID(op[2])}})
		}
		return chunk.AppendForwardTSN(p, tsn, []chunk.SkippedStream{{Stream: id, SSN: chunk.SSN(op[2])}})
	case 6:
		return chunk.AppendReconfig(p, hostileRequest(a, op, tsn, id))
	case 7:
		return chunk.AppendReconfig(p, chunk.AppendReconfigResponse(nil, uint32(a.localTSN)+uint32(op[1]), chunk.ReconfigResult(op[2]%8)))
	case 8:
		return chunk.AppendHeartbeat(p, op)
	case 9:
		return chunk.AppendRaw(p, chunk.Type(op[1]), op[2], op)
	case 10:
		if op[1] < 250 {
			return chunk.AppendRaw(p, chunk.TypeError, 0, chunk.AppendCause(nil, chunk.CauseCode(op[2]), op))
		}
		return chunk.AppendShutdown(p, a.localTSN-1)
	}
	return chunk.AppendHeartbeat(p, nil)
}

// hostileRequest is a request of RFC 6525 with the number that is expected, or near it.
func hostileRequest(a *end, op []byte, tsn chunk.TSN, id StreamID) []byte {
	if !a.live() {
		return nil
	}
	number := a.reset.expected + uint32(op[2]%8/6) - uint32(op[2]/64%2)
	switch op[3] % 8 {
	case 0:
		return chunk.AppendIncomingReset(nil, number, []StreamID{id})
	case 1:
		return chunk.AppendParameter(nil, chunk.ParameterTSNReset, word(number))
	case 2:
		return chunk.AppendParameter(nil, chunk.ParameterAddOutgoing, append(word(number), op...))
	case 3:
		return append(chunk.AppendOutgoingReset(nil, number, 0, tsn, nil), chunk.AppendIncomingReset(nil, number+1, nil)...)
	}
	return chunk.AppendOutgoingReset(nil, number, 0, tsn, []StreamID{id})
}

// snapshot is what a forged packet must leave as it is.
type snapshot struct {
	stats               Stats
	deadline            time.Time
	state               State
	localTag, remoteTag uint32
	cumulative          chunk.TSN
	events              int
	expected            uint32
}

func snap(a *end) snapshot {
	s := snapshot{
		stats: a.Stats(), deadline: a.Deadline(), state: a.State(), localTag: a.localTag, remoteTag: a.remoteTag,
		events: len(a.Association.events), expected: a.reset.expected,
	}
	s.stats.PacketsReceived, s.stats.BytesReceived, s.stats.PacketsDropped = 0, 0, 0
	if a.in != nil {
		s.cumulative = a.in.CumulativeTSN()
	}
	return s
}

// FuzzSequences: valid packets in any order never panic, keep the invariants, and hold
// memory within its bound.
func FuzzSequences(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		script := make([]byte, 400)
		for i := range script {
			script[i] = byte(r.Uint32())
		}
		for i := 1; i < len(script); i += 4 { // most numbers are near
			script[i] %= byte(1 + r.IntN(40))
		}
		f.Add(script, r.IntN(2) == 0)
	}
	f.Fuzz(func(t *testing.T, script []byte, wide bool) { hostile(t, script[:min(len(script), 4000)], wide) })
}

// FuzzPackets: no packet, with our tag or without, makes an association panic or breaks
// an invariant, and one without our tag, or the peer's for the T bit, changes nothing
// (RFC 9260 section 8.5).
func FuzzPackets(f *testing.F) {
	r := newRig(f, path{delay: time.Millisecond}, 1)
	r.a.keep, r.b.keep = true, true
	r.a.Connect(r.now)
	r.until("the handshake", time.Minute, established(r))
	r.open(0, reliable)
	r.message(r.a, 0, []byte("x"))
	r.run(time.Second, func() bool { return false })
	for _, p := range append(r.a.sent, r.b.sent...) {
		f.Add(p, true)
		f.Add(p, false)
	}
	f.Fuzz(func(t *testing.T, p []byte, tagged bool) {
		for _, state := range []State{StateClosed, StateCookieWait, StateEstablished} {
			r := newRig(t, path{delay: time.Millisecond}, 1)
			switch state {
			case StateCookieWait:
				r.a.Connect(r.now)
			case StateEstablished:
				r = connected(t, path{delay: time.Millisecond}, 1)
			}
			p := append([]byte(nil), p...)
			if tagged && len(p) >= chunk.PacketHeaderSize {
				copy(p, []byte{0x13, 0x88, 0x13, 0x88, byte(r.a.localTag >> 24), byte(r.a.localTag >> 16), byte(r.a.localTag >> 8), byte(r.a.localTag), 0, 0, 0, 0})
			}
			before := snap(r.a)
			r.a.HandlePacket(r.now, p)
			if header, _, err := chunk.ParsePacket(p); err == nil && header.Tag != before.localTag && header.Tag != before.remoteTag {
				if after := snap(r.a); after != before {
					t.Fatalf("a packet with a foreign tag made %+v of %+v", after, before)
				}
				// Out of the blue there are answers, and INIT has one.
				if _, ok := r.a.NextPacket(r.now, nil); ok && state == StateEstablished && header.Tag != 0 {
					t.Fatal("a packet with a foreign tag is answered")
				}
			}
			r.drain(r.a)
			r.now = r.now.Add(time.Minute)
			r.a.Advance(r.now)
			r.drain(r.a)
		}
	})
}
