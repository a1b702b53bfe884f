package transmit

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// ops is a fuzzer's input, read as operations on a Queue and what its peer answers.
type ops struct {
	t     testing.TB
	in    []byte
	q     *Queue
	p     *peer
	now   time.Time
	held  [][]byte // packets that the network has
	model map[chunk.StreamID]*modelStream
	inter bool
}

// modelStream is what the model knows of a stream: what is queued, and the order in
// which numbers may come.
type modelStream struct {
	sent     int // messages
	reliable bool
	closed   bool
}

func (o *ops) byte() int {
	if len(o.in) == 0 {
		return 0
	}
	b := o.in[0]
	o.in = o.in[1:]
	return int(b)
}

// fuzzOps runs an input, checks the invariants after each step, and at the end lets a
// good path deliver the rest.
func fuzzOps(t testing.TB, in []byte) {
	o := &ops{t: t, in: in, now: start, model: map[chunk.StreamID]*modelStream{}}
	mode := o.byte()
	o.inter = mode&1 != 0
	cfg := Config{
		InitialTSN: testTSN, PeerWindow: 20000, MTU: 200 + 40*(mode>>4), Interleaving: o.inter,
		PartialReliability: mode&2 != 0, Scheduler: Scheduler(mode >> 2 & 1), Congestion: Congestion(mode >> 3 & 1),
		RTT: time.Duration(mode&6) * ms,
	}
	o.q, o.p = New(o.now, cfg), newPeer(testTSN, 20000)
	for len(o.in) > 0 {
		o.step()
		if err := o.q.CheckInvariants(); err != nil {
			t.Fatal(err)
		}
	}
	o.finish()
}

func (o *ops) step() {
	op := o.byte()
	id := chunk.StreamID(op >> 4 & 3)
	switch op & 15 {
	case 0, 1, 2:
		o.send(id, 1+o.byte()*(1+op>>4))
	case 3:
		o.q.Open(id, StreamParams{Unordered: op&0x40 != 0, MaxRetransmits: o.byte()%4 - 1, Lifetime: time.Duration(o.byte()%4-1) * 20 * ms, Priority: uint16(o.byte())})
		if m := o.model[id]; m == nil {
			o.model[id] = &modelStream{}
		}
		o.model[id].reliable = false
	case 4, 5:
		o.fill(1 + op>>4)
	case 6, 7:
		o.deliver(op >> 4)
	case 8:
		if len(o.held) > 0 {
			o.held = o.held[1:]
		}
	case 9, 10:
		o.answer()
	case 11:
		o.forge()
	case 12:
		o.now = o.now.Add(time.Duration(o.byte()*o.byte()) * ms / 8)
		o.q.Advance(o.now)
	case 13:
		if due := o.q.Deadline(); due.After(o.now) {
			o.now = due
			o.q.Advance(o.now)
		}
	case 14:
		if op >= 0xc0 {
			o.q.PathChanged(o.now, o.byte()*8)
			return
		}
		o.p.window = uint32(o.byte() * 100)
	case 15:
		if m := o.model[id]; m != nil && op&0x80 != 0 {
			m.closed = true
			o.q.Close(id)
		}
		o.q.HandleProbeAck(o.now, []byte{ProbeMark, 0, 0, 0, 0, 0, 0, byte(op)})
	}
}

func (o *ops) send(id chunk.StreamID, n int) {
	m := o.model[id]
	if m == nil {
		m = &modelStream{reliable: true}
		o.model[id] = m
		o.q.Open(id, reliable)
	}
	if m.closed || o.q.waiting() > 1<<17 {
		return
	}
	before := o.q.BufferedAmount(id)
	o.q.Send(o.now, id, chunk.PPID(m.sent), make([]byte, n))
	if after := o.q.BufferedAmount(id); after != before+uint64(n) && m.reliable {
		o.t.Fatalf("%d bytes buffered, %d sent, %d buffered", before, n, after)
	}
	m.sent++
}

func (o *ops) fill(n int) {
	for range n {
		b := bytes.Clone(o.q.AppendInPlace(o.now, make([]byte, chunk.PacketHeaderSize, 1500)))
		if len(b) == chunk.PacketHeaderSize {
			if due := o.q.Deadline(); !due.IsZero() && o.q.blocked != byNothing && due.Before(o.now) {
				o.t.Fatalf("the deadline is %v ago", o.now.Sub(due))
			}
			return
		}
		if len(b) > o.q.MTU() {
			o.t.Fatalf("a packet of %d bytes, MTU %d", len(b), o.q.MTU())
		}
		if len(o.held) < 64 {
			o.held = append(o.held, b)
		}
	}
}

// deliver takes a packet out of the middle, and leaves it there at times.
func (o *ops) deliver(which int) {
	if len(o.held) == 0 {
		return
	}
	i := which % len(o.held)
	must(o.t, o.p.receive(o.now.Sub(start), o.held[i], true))
	if which != 15 {
		o.held = append(o.held[:i], o.held[i+1:]...)
	}
}

func (o *ops) answer() {
	o.p.at = true
	value, _ := o.p.sack(o.now.Sub(start))
	s, err := chunk.ParseSACK(value)
	must(o.t, err)
	must(o.t, o.q.HandleSACK(o.now, s))
}

// forge is a SACK that the peer did not mean: old, wrong, contradictory. Only one that
// lies below what was received so far leaves the association usable, so the others are
// those that the Queue has to refuse or to survive.
func (o *ops) forge() {
	cumulative := o.p.cumulative - chunk.TSN(o.byte()%4)
	var gaps []chunk.Gap
	for range o.byte() % 5 {
		first := uint16(o.byte())
		gaps = append(gaps, chunk.Gap{First: first, Last: first + uint16(o.byte()%8) - 2})
	}
	// What the peer does not have must not be acknowledged, or it never comes.
	kept := gaps[:0]
	for _, g := range gaps {
		all := g.First > 0
		for n := int(g.First); n <= int(g.Last); n++ {
			tsn := cumulative + chunk.TSN(n)
			all = all && (o.p.ahead[tsn] || !o.p.cumulative.Less(tsn))
		}
		if all || g.Last < g.First || !(cumulative + chunk.TSN(g.Last)).Less(o.q.NextTSN()) {
			kept = append(kept, g)
		}
	}
	value := chunk.AppendSACK(nil, cumulative, uint32(o.byte()*100), kept, []chunk.TSN{cumulative, cumulative + chunk.TSN(o.byte())})
	s, err := chunk.ParseSACK(value[chunk.HeaderSize:])
	must(o.t, err)
	_ = o.q.HandleSACK(o.now, s)
	far := chunk.AppendSACK(nil, o.q.NextTSN()+chunk.TSN(o.byte()), 0, nil, nil)
	s, err = chunk.ParseSACK(far[chunk.HeaderSize:])
	must(o.t, err)
	if o.q.HandleSACK(o.now, s) == nil {
		o.t.Fatal("a TSN that was never sent was acknowledged")
	}
}

// finish delivers everything, on a path that loses nothing any more, and checks what
// came. The peer answers what it receives and nothing else, and time passes from
// Deadline to Deadline: a Queue that waits for nothing is caught.
func (o *ops) finish() {
	o.p.window = 1 << 20
	o.answer() // tells that the window is open
	for began := o.now; !o.q.Empty(); {
		if err := o.q.CheckInvariants(); err != nil {
			o.t.Fatal(err)
		}
		o.fill(1000)
		heard := len(o.held) > 0
		for len(o.held) > 0 {
			o.deliver(0)
		}
		if heard {
			o.now = o.now.Add(20 * ms)
			o.answer()
		} else if due := o.q.Deadline(); due.IsZero() || due.Sub(began) > 5*time.Minute {
			break
		} else if due.After(o.now) {
			o.now = due
		}
		o.q.Advance(o.now)
	}
	if !o.q.Empty() || o.q.waiting() != 0 || o.q.Outstanding() != 0 {
		o.t.Fatalf("not empty: %d buffered, %d under way, due %v, %+v", o.q.waiting(), o.q.Outstanding(), o.q.Deadline(), o.q.Stats())
	}
	list, err := o.p.messages(o.inter)
	must(o.t, err)
	count := map[chunk.StreamID]int{}
	next := map[chunk.StreamID]chunk.PPID{}
	for _, m := range list {
		if !m.loose && m.ppid < next[m.stream] {
			o.t.Fatalf("stream %d: message %d after %d", m.stream, m.ppid, next[m.stream])
		}
		next[m.stream] = m.ppid
		count[m.stream]++
	}
	for id, m := range o.model {
		if m.reliable && count[id] != m.sent {
			o.t.Fatalf("stream %d: %d messages of %d", id, count[id], m.sent)
		}
	}
}

func FuzzQueue(f *testing.F) {
	f.Add([]byte{0x35, 0, 200, 4, 6, 9, 12, 10, 10})
	f.Add([]byte{0xf7, 0x13, 1, 2, 3, 0x12, 255, 0x54, 8, 0x36, 9, 13, 0x74, 9, 11, 3, 2, 5, 6, 7, 8, 9})
	f.Add([]byte("\xcb7770\x127c010$9a0C02000A0777\x9301077777\xef77A0C0007777\xff0000007900000000$00000000,00700800900000000$0000000000,0077C000900A000$800000000000000+"))
	r := rand.New(rand.NewPCG(1, 2))
	for range 40 {
		b := make([]byte, 400)
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, in []byte) { fuzzOps(t, in[:min(len(in), 2000)]) })
}

// The same with many random inputs: a model test of the whole Queue.
func TestRandomOperationsKeepTheInvariants(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 150 {
		b := make([]byte, 100+r.IntN(700))
		for i := range b {
			b[i] = byte(r.Uint32())
		}
		fuzzOps(t, b)
	}
}
