package sctp

import (
	"bytes"
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
	"github.com/passerelle-rtc/webrtc/internal/sctp/receive"
)

// script plays the peer of one association by hand, packet by packet and in virtual
// time, and checks the invariants after each input.
type script struct {
	t testing.TB
	*Association
	now    time.Time
	events []Event
	got    []receive.Message
	hold   bool // take nothing
}

const (
	scriptTag = uint32(0x11223344) // of the peer
	scriptTSN = chunk.TSN(1000)    // its first
)

// answer is a packet that the association has sent.
type answer struct {
	header chunk.Header
	chunks []chunk.Chunk
}

// closedScript begins before any handshake.
func closedScript(t testing.TB, configure ...func(*Config)) *script {
	cfg := Config{}
	cfg.Seed[0], cfg.Secret[0] = 1, 2
	for _, f := range configure {
		f(&cfg)
	}
	return &script{t: t, Association: New(cfg), now: time.Unix(1_000_000, 0)}
}

// peerInit is the INIT or INIT ACK of a peer with all extensions.
func peerInit() *chunk.Init {
	return &chunk.Init{
		Tag: scriptTag, Window: 1 << 20, OutboundStreams: 100, InboundStreams: 200, InitialTSN: scriptTSN, ForwardTSN: true,
		Extensions: []byte{byte(chunk.TypeReconfig), byte(chunk.TypeForwardTSN)},
	}
}

// openScript begins when the peer's INIT and COOKIE ECHO are answered.
func openScript(t testing.TB, i *chunk.Init, configure ...func(*Config)) *script {
	t.Helper()
	s := closedScript(t, configure...)
	cookie := s.cookieFor(i)
	s.want("COOKIE ACK", s.packet(s.localTag, chunk.AppendRaw(nil, chunk.TypeCookieEcho, 0, cookie)))
	s.events = nil
	return s
}

// cookieFor sends INIT and returns the cookie in the answer.
func (s *script) cookieFor(i *chunk.Init) []byte {
	s.t.Helper()
	answers := s.packet(0, chunk.AppendInit(nil, chunk.TypeInit, i))
	s.want("INIT ACK", answers)
	ack, err := chunk.ParseInit(answers[0].chunks[0].Value)
	if err != nil || answers[0].header.Tag != i.Tag {
		s.t.Fatalf("INIT ACK: %v, tag %08x", err, answers[0].header.Tag)
	}
	return ack.Cookie
}

// packet brings a packet in and returns what is sent at once.
func (s *script) packet(tag uint32, chunks ...[]byte) []answer {
	s.t.Helper()
	p := chunk.AppendHeader(nil, chunk.Header{SourcePort: 5000, DestinationPort: 5000, Tag: tag})
	for _, c := range chunks {
		p = append(p, c...)
	}
	chunk.Seal(p)
	s.HandlePacket(s.now, p)
	return s.drain()
}

// chunks brings chunks with the right tag in.
func (s *script) chunks(chunks ...[]byte) []answer {
	s.t.Helper()
	return s.packet(s.localTag, chunks...)
}

// wait lets time pass and returns what is sent meanwhile.
func (s *script) wait(d time.Duration) (all []answer) {
	s.t.Helper()
	all = s.drain()
	for end := s.now.Add(d); ; {
		due := s.Deadline()
		if due.IsZero() || due.After(end) {
			s.now = end
			return all
		}
		s.now = maxTime(s.now, due)
		s.Advance(s.now)
		all = append(all, s.drain()...)
	}
}

// drain takes everything that there is to say.
func (s *script) drain() (all []answer) {
	s.t.Helper()
	for took := true; took; {
		took = false
		for p, ok := s.LendPacket(s.now); ok; p, ok = s.LendPacket(s.now) {
			p = bytes.Clone(p)
			if len(all) > 1000 {
				s.t.Fatal("it does not stop sending")
			}
			header, chunks, err := chunk.ParsePacket(p)
			a := answer{header: header}
			for c, ok := chunks.Next(); ok; c, ok = chunks.Next() {
				a.chunks = append(a.chunks, c)
			}
			if err != nil || chunks.Err() != nil || len(a.chunks) == 0 {
				s.t.Fatalf("sent % x: %v, %v", p, err, chunks.Err())
			}
			all = append(all, a)
		}
		for id, ok := s.NextReadable(); ok && !s.hold; id, ok = s.NextReadable() {
			for m, ok := s.Take(s.now, id); ok; m, ok = s.Take(s.now, id) {
				s.got = append(s.got, m)
				took = true
			}
		}
	}
	for e, ok := s.NextEvent(); ok; e, ok = s.NextEvent() {
		s.events = append(s.events, e)
	}
	if err := s.CheckInvariants(); err != nil {
		s.t.Fatal(err)
	}
	return all
}

// kinds names the chunks of packets: "SACK DATA, DATA".
func kinds(answers []answer) string {
	var packets []string
	for _, a := range answers {
		var names []string
		for _, c := range a.chunks {
			names = append(names, c.Type.String())
		}
		packets = append(packets, strings.Join(names, " "))
	}
	return strings.Join(packets, ", ")
}

func (s *script) want(want string, answers []answer) {
	s.t.Helper()
	if got := kinds(answers); got != want {
		s.t.Fatalf("%v sent %q, want %q", s.state, got, want)
	}
}

// find returns the first chunk of a type.
func find(answers []answer, t chunk.Type) (chunk.Chunk, bool) {
	for _, a := range answers {
		for _, c := range a.chunks {
			if c.Type == t {
				return c, true
			}
		}
	}
	return chunk.Chunk{}, false
}

// cause returns the code of the first error cause of ABORT or ERROR; 0: there is none.
func cause(answers []answer) chunk.CauseCode {
	for _, t := range []chunk.Type{chunk.TypeAbort, chunk.TypeError} {
		if c, ok := find(answers, t); ok {
			causes := chunk.ParseCauses(c.Value)
			first, _ := causes.Next()
			return first.Code
		}
	}
	return 0
}

// peerData is a message of one chunk on a stream, n-th of the peer's.
func peerData(n int, id StreamID, ssn int) []byte {
	return chunk.AppendData(nil, &chunk.Data{
		Flags: chunk.FlagBegin | chunk.FlagEnd, TSN: scriptTSN + chunk.TSN(n), Stream: id, SSN: chunk.SSN(ssn), PPID: PPIDBinary, Payload: []byte{byte(n)},
	})
}

// sackAll acknowledges everything that was sent.
func (s *script) sackAll() []byte {
	return chunk.AppendSACK(nil, s.out.NextTSN()-1, 1<<20, nil, nil)
}

func word(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }
