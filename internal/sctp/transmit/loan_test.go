package transmit

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// twins are two Queues that get the same inputs: one copies into each packet, the
// other builds packets in place where it can.
type twins struct {
	t          testing.TB
	copying    *Queue
	lending    *Queue
	peer       *peer
	now        time.Time
	random     *rand.Rand
	prefix     int                 // bytes of control chunks in front of the data
	sent       map[*message][]byte // what each message of lending was sent as
	lent, made int                 // packets
	payload    int                 // bytes of lending's packets
	copied     int                 // those that were copied into one
}

func newTwins(t testing.TB, cfg Config, seed uint64) *twins {
	return &twins{
		t: t, copying: New(start, cfg), lending: New(start, cfg), peer: newPeer(cfg.InitialTSN, cfg.PeerWindow), now: start,
		random: rand.New(rand.NewPCG(seed, 9)), sent: map[*message][]byte{},
	}
}

func (w *twins) both(f func(q *Queue)) { f(w.copying); f(w.lending) }

// send queues a random message. The caller's memory is overwritten after it.
func (w *twins) send(id chunk.StreamID, n int) {
	payload := make([]byte, n)
	for i := range payload {
		payload[i] = byte(w.random.Uint32())
	}
	want := bytes.Clone(payload)
	w.both(func(q *Queue) { q.Send(w.now, id, 53, payload) })
	clear(payload)
	if s := w.lending.streams[id]; s.tail != nil {
		w.sent[s.tail] = want
	}
}

// next makes a packet with both, compares, and returns it without the control chunks;
// nil: there is none.
func (w *twins) next() []byte {
	w.t.Helper()
	b := make([]byte, chunk.PacketHeaderSize+w.prefix, 2000)
	for i := range b {
		b[i] = byte(w.random.Uint32())
	}
	want := w.copying.Append(w.now, bytes.Clone(b))
	got := w.lending.AppendInPlace(w.now, b)
	if !bytes.Equal(got, want) {
		w.t.Fatalf("in place:\n% x\ncopied:\n% x", got, want)
	}
	if err := w.lending.CheckInvariants(); err != nil {
		w.t.Fatal(err)
	}
	if len(got) == len(b) {
		return nil
	}
	w.made++
	w.payload += len(got) - len(b) - w.lending.header
	packet := append(bytes.Clone(got[:chunk.PacketHeaderSize]), got[len(b):]...)
	if w.lending.Lent() {
		w.lent++
		if cap(got) != len(got) {
			w.t.Fatal("what is appended to the packet would be written behind the fragment")
		}
	} else {
		w.copied += len(got) - len(b) - w.lending.header
	}
	return packet
}

// unchanged compares the memory of each message that is still of use with what was
// sent, once the loan has ended.
func (w *twins) unchanged() {
	w.t.Helper()
	q := w.lending
	q.giveBack()
	check := func(m *message) {
		if want, ok := w.sent[m]; ok && !bytes.Equal(m.payload, want) {
			w.t.Fatalf("a message of %d bytes was changed", len(want))
		}
	}
	for s := q.out.base; s < q.out.next; s++ {
		check(q.out.at(s).message)
	}
	for _, s := range q.streams {
		for m := s.head; m != nil; m = m.next {
			check(m)
		}
	}
}

// answer lets the peer acknowledge what it has, to both.
func (w *twins) answer() {
	w.peer.at = true
	value, _ := w.peer.sack(w.now.Sub(start))
	s, err := chunk.ParseSACK(value)
	must(w.t, err)
	w.both(func(q *Queue) { must(w.t, q.HandleSACK(w.now, s)) })
}

func (w *twins) advance(d time.Duration) {
	w.now = w.now.Add(d)
	w.both(func(q *Queue) { q.Advance(w.now) })
}

// A packet that is built in place around its payload has the same bytes as one that
// the payload is copied into, and the message is unchanged behind it: with losses and
// what is sent again, DATA and I-DATA, control chunks in the packet, and an MTU that
// moves.
func TestAPacketBuiltInPlaceIsTheSameAndLeavesTheMessageAlone(t *testing.T) {
	seeds := uint64(40)
	if raceEnabled {
		seeds = 10
	}
	lent, again := 0, uint64(0)
	for seed := range seeds {
		cfg := Config{
			InitialTSN: testTSN, PeerWindow: 1 << 18, MTU: 200 + 40*int(seed%26), Interleaving: seed%2 == 1,
			PartialReliability: seed%4 < 2, Scheduler: Scheduler(seed / 2 % 2), RTT: 20 * ms,
		}
		w := newTwins(t, cfg, seed)
		for id := range chunk.StreamID(4) {
			p := reliable
			p.Unordered = id == 3
			if id == 2 {
				p.MaxRetransmits = 1
			}
			w.both(func(q *Queue) { q.Open(id, p) })
		}
		w.traffic(200)
		lent += w.lent
		again += w.lending.Stats().Retransmitted
		if a, b := w.copying.Stats(), w.lending.Stats(); a != b {
			t.Errorf("seed %d: %+v, in place %+v", seed, a, b)
		}
	}
	if lent < 30*int(seeds) || again < 5*seeds {
		t.Errorf("%d packets in place, %d chunks sent again: that proves little", lent, again)
	}
}

// traffic is random steps.
func (w *twins) traffic(steps int) {
	r := w.random
	for range steps {
		switch r.IntN(8) {
		case 0, 1:
			if w.lending.waiting() < 1<<18 {
				w.send(chunk.StreamID(r.IntN(4)), 1+r.IntN([]int{100, 1200, 3000, 70000}[r.IntN(4)]))
			}
		case 2:
			w.answer() // while a loan is open
		case 3:
			w.advance(time.Duration(r.IntN(60)) * ms)
		case 4:
			size := (200 + r.IntN(1200)) &^ 3
			w.both(func(q *Queue) { q.setMTU(size) })
		case 5:
			w.prefix = []int{0, 16, 20, 60, 116, 120, 180}[r.IntN(7)]
		default:
			for range 1 + r.IntN(30) {
				packet := w.next()
				if packet == nil {
					break
				}
				if r.IntN(3) > 0 {
					w.unchanged()
				}
				if r.IntN(10) > 0 {
					must(w.t, w.peer.receive(w.now.Sub(start), packet, false))
				}
			}
		}
		if err := w.lending.CheckInvariants(); err != nil {
			w.t.Fatal(err)
		}
	}
	w.unchanged()
}

// A message's payload is copied once when it is sent, and hardly any of it again: only
// its last part, which fills no packet.
func TestPayloadIsCopiedOnce(t *testing.T) {
	for _, interleaving := range []bool{false, true} {
		for _, prefix := range []int{0, 16} { // a SACK goes along
			w := newTwins(t, Config{InitialTSN: testTSN, PeerWindow: 4 << 20, MTU: 1160, Interleaving: interleaving, RTT: 20 * ms}, 1)
			w.prefix = prefix
			w.both(func(q *Queue) { q.Open(1, reliable) })
			const total, size = 1 << 20, 64 << 10
			for range total / size {
				w.send(1, size)
			}
			for round := 0; round < 1000 && !w.lending.Empty(); round++ {
				for packet := w.next(); packet != nil; packet = w.next() {
					must(t, w.peer.receive(w.now.Sub(start), packet, false))
				}
				w.answer()
				w.advance(20 * ms)
			}
			if !w.lending.Empty() || w.peer.bytes != total {
				t.Fatalf("%d bytes arrived", w.peer.bytes)
			}
			copies := float64(total+w.copied) / total
			t.Logf("interleaving %t, prefix of %d: %.3f copies", interleaving, prefix, copies)
			if copies > 1.05 {
				t.Errorf("interleaving %t, prefix of %d: %.3f copies of each byte, %d of %d packets in place", interleaving, prefix, copies, w.lent, w.made)
			}
		}
	}
}

// What ends a message while a packet of it is lent puts its memory back before another
// message gets it.
func TestTheMemoryOfALoanIsPutBackBeforeItServesAgain(t *testing.T) {
	w := newTwins(t, Config{InitialTSN: testTSN, PeerWindow: 1 << 20, MTU: 1160, RTT: 20 * ms}, 1)
	w.both(func(q *Queue) { q.Open(1, reliable) })
	const size = 1160 - chunk.PacketHeaderSize - chunk.DataHeaderSize
	w.send(1, size)
	packet := w.next()
	if packet == nil || !w.lending.Lent() {
		t.Fatal("a packet that the message fills is not in its memory")
	}
	must(t, w.peer.receive(0, packet, false))
	w.answer() // it is over, and its memory free
	if w.lending.Lent() {
		t.Fatal("memory is lent that is free")
	}
	w.send(1, size-100)
	w.next()
	w.unchanged()
}
