package transmit

import (
	"bytes"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// start is when every script begins.
var start = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

// script drives a Queue by hand, in virtual time, and checks the invariants after
// each input.
type script struct {
	t   *testing.T
	q   *Queue
	now time.Time
}

const testTSN = chunk.TSN(0xfffffff0) // wraps early

// begin makes a Queue with an MTU of 1200 and a large window.
func begin(t *testing.T, change func(*Config)) *script {
	t.Helper()
	cfg := Config{InitialTSN: testTSN, PeerWindow: 1 << 20, MTU: 1200, PartialReliability: true}
	if change != nil {
		change(&cfg)
	}
	return &script{t: t, q: New(start, cfg), now: start}
}

func (s *script) check() {
	s.t.Helper()
	if err := s.q.CheckInvariants(); err != nil {
		s.t.Fatalf("at %v: %v", s.now.Sub(start), err)
	}
}

var reliable = StreamParams{MaxRetransmits: -1, Lifetime: -1}

// open opens streams, reliable and ordered.
func (s *script) open(ids ...chunk.StreamID) {
	for _, id := range ids {
		s.q.Open(id, reliable)
	}
}

func (s *script) send(id chunk.StreamID, n int) {
	s.t.Helper()
	s.q.Send(s.now, id, 53, make([]byte, n))
	s.check()
}

// wait lets time pass, and Advance do what is due on the way.
func (s *script) wait(d time.Duration) {
	s.t.Helper()
	end := s.now.Add(d)
	for {
		due := s.q.Deadline()
		if due.IsZero() || due.After(end) {
			break
		}
		if due.After(s.now) {
			s.now = due
		}
		s.q.Advance(s.now)
		s.check()
		if due = s.q.Deadline(); !due.After(s.now) && !due.IsZero() {
			break // something is to be sent first
		}
		if s.q.tail.wanted || s.q.windowProbe || s.q.out.lost.head != none && s.q.out.flight == 0 || s.q.blocked == byPacer || s.q.forward.wanted {
			return
		}
	}
	s.now = end
	s.q.Advance(s.now)
	s.check()
}

// run lets time pass and sends what may be sent on the way.
func (s *script) run(d time.Duration) []*wirePacket {
	s.t.Helper()
	list := s.drain()
	for end := s.now.Add(d); s.now.Before(end); list = append(list, s.drain()...) {
		s.wait(end.Sub(s.now))
	}
	return list
}

// wirePacket is what Append has made, read again.
type wirePacket struct {
	size     int
	data     []chunk.Data
	idata    []chunk.IData
	forward  []chunk.ForwardTSN
	iforward []chunk.IForwardTSN
}

// next returns the next packet; nil: nothing may be sent.
func (s *script) next() *wirePacket {
	s.t.Helper()
	b := make([]byte, chunk.PacketHeaderSize, 2000)
	b = bytes.Clone(s.q.AppendInPlace(s.now, b))
	s.check()
	if len(b) == chunk.PacketHeaderSize {
		return nil
	}
	if len(b) > s.q.MTU() {
		s.t.Fatalf("a packet of %d bytes, MTU %d", len(b), s.q.MTU())
	}
	p := &wirePacket{size: len(b)}
	_, chunks, err := chunk.ParsePacket(b)
	if err != nil {
		s.t.Fatal(err)
	}
	for {
		c, ok := chunks.Next()
		if !ok {
			break
		}
		switch c.Type {
		case chunk.TypeData:
			d, err := chunk.ParseData(c)
			must(s.t, err)
			p.data = append(p.data, d)
		case chunk.TypeIData:
			d, err := chunk.ParseIData(c)
			must(s.t, err)
			p.idata = append(p.idata, d)
		case chunk.TypeForwardTSN:
			f, err := chunk.ParseForwardTSN(c.Value)
			must(s.t, err)
			p.forward = append(p.forward, f)
		case chunk.TypeIForwardTSN:
			f, err := chunk.ParseIForwardTSN(c.Value)
			must(s.t, err)
			p.iforward = append(p.iforward, f)
		}
	}
	must(s.t, chunks.Err())
	return p
}

// drain returns all packets that may be sent now.
func (s *script) drain() []*wirePacket {
	s.t.Helper()
	var list []*wirePacket
	for p := s.next(); p != nil; p = s.next() {
		list = append(list, p)
		if len(list) > 10000 {
			s.t.Fatal("Append does not end")
		}
	}
	if due := s.q.Deadline(); !due.IsZero() && !due.After(s.now) {
		s.t.Fatalf("nothing to send at %v, and the deadline is %v", s.now.Sub(start), due.Sub(start))
	}
	return list
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// number is the TSN at a distance from the first.
func number(n int) chunk.TSN { return testTSN + chunk.TSN(n) }

// sack acknowledges everything before number(n), and gaps of numbers from and to.
func (s *script) sack(n int, gaps ...[2]int) {
	s.t.Helper()
	s.sackWindow(n, 1<<20, gaps...)
}

func (s *script) sackWindow(n int, window uint32, gaps ...[2]int) {
	s.t.Helper()
	must(s.t, s.tryWindow(n, window, nil, gaps...))
}

func (s *script) sackDuplicates(n int, duplicates []int, gaps ...[2]int) {
	s.t.Helper()
	var list []chunk.TSN
	for _, d := range duplicates {
		list = append(list, number(d))
	}
	must(s.t, s.tryWindow(n, 1<<20, list, gaps...))
}

func (s *script) tryWindow(n int, window uint32, duplicates []chunk.TSN, gaps ...[2]int) error {
	s.t.Helper()
	var list []chunk.Gap
	for _, g := range gaps {
		list = append(list, chunk.Gap{First: uint16(g[0] - n + 1), Last: uint16(g[1] - n + 1)})
	}
	b := chunk.AppendSACK(nil, number(n-1), window, list, duplicates)
	v, err := chunk.ParseSACK(b[chunk.HeaderSize:])
	must(s.t, err)
	err = s.q.HandleSACK(s.now, v)
	s.check()
	return err
}

// tsns lists the distances of the TSNs of the chunks of packets.
func tsns(list ...*wirePacket) []int {
	var n []int
	for _, p := range list {
		for _, d := range p.data {
			n = append(n, int(int32(d.TSN-testTSN)))
		}
		for _, d := range p.idata {
			n = append(n, int(int32(d.TSN-testTSN)))
		}
	}
	return n
}

// waiting is BufferedAmount of all streams together.
func (q *Queue) waiting() (n uint64) {
	for _, s := range q.streams {
		n += s.buffered
	}
	return n
}
