package transmit

import (
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

func limited(n int) StreamParams { return StreamParams{MaxRetransmits: n, Lifetime: -1} }

func timed(d time.Duration) StreamParams { return StreamParams{MaxRetransmits: -1, Lifetime: d} }

func loose(p StreamParams) StreamParams {
	p.Unordered = true
	return p
}

// A message is cut to fill packets, and the next one fills what its end leaves: the
// packets of a burst have one size, so that one system call sends them.
func TestPacketsOfABurstHaveOneSize(t *testing.T) {
	for _, interleaving := range []bool{false, true} {
		s := begin(t, func(c *Config) { c.Interleaving = interleaving; c.RTT = 100 * ms })
		s.open(1)
		for range 20 {
			s.send(1, 16<<10)
		}
		sent := 0
		for _, p := range s.drain() {
			if p.size < 1200-leastFragment-s.q.header || p.size > 1200 {
				t.Errorf("a packet of %d bytes", p.size)
			}
			if p.size == 1200 {
				sent++
			}
		}
		if sent < 9 {
			t.Errorf("%d full packets of an initial window of 10", sent)
		}
	}
}

// RFC 9260 section 6.10: small messages share a packet, and none is cut for that.
func TestSmallMessagesShareAPacket(t *testing.T) {
	s := begin(t, nil)
	s.open(1, 2)
	for i := range 24 {
		s.send(chunk.StreamID(1+i%2), 100)
	}
	list := s.drain()
	if len(list) != 3 || len(list[0].data) != 10 || len(list[1].data) != 10 {
		t.Fatalf("%d packets", len(list))
	}
	for _, p := range list {
		for _, d := range p.data {
			if len(d.Payload) != 100 || d.Flags&^chunk.FlagImmediate != chunk.FlagBegin|chunk.FlagEnd {
				t.Errorf("a chunk of %d bytes with flags %x", len(d.Payload), d.Flags)
			}
		}
	}
}

// RFC 9260 section 6.9: fragments of a message have consecutive TSNs and one SSN,
// B on the first and E on the last; section 6.5: SSNs count up from 0. RFC 7053: the
// last chunk asks for a SACK.
func TestFragmentsAreNumbered(t *testing.T) {
	s := begin(t, nil)
	s.open(7)
	s.send(7, 2*full+1)
	s.send(7, 1)
	var all []chunk.Data
	for _, p := range s.drain() {
		all = append(all, p.data...)
	}
	flags := []chunk.DataFlags{chunk.FlagBegin, 0, chunk.FlagEnd, chunk.FlagBegin | chunk.FlagEnd | chunk.FlagImmediate}
	for i, d := range all {
		if d.TSN != number(i) || d.Flags != flags[i] || int(d.SSN) != i/3 || d.Stream != 7 || d.PPID != 53 {
			t.Errorf("chunk %d: %+v", i, d)
		}
	}
	if len(all) != 4 {
		t.Fatalf("%d chunks", len(all))
	}
}

// RFC 8260 section 2.1: with I-DATA messages have MIDs, ordered and unordered ones
// counted apart, and fragments FSNs; the PPID is in the first.
func TestInterleavedFragmentsAreNumbered(t *testing.T) {
	s := begin(t, func(c *Config) { c.Interleaving = true })
	s.open(3)
	s.q.Open(4, loose(reliable))
	s.send(3, 2500)
	s.send(4, 2500)
	s.send(4, 10)
	seen := map[chunk.StreamID][]chunk.IData{}
	switched := 0
	last := chunk.StreamID(0)
	for _, p := range s.drain() {
		for _, d := range p.idata {
			seen[d.Stream] = append(seen[d.Stream], d)
			if last != 0 && d.Stream != last {
				switched++
			}
			last = d.Stream
		}
	}
	if switched < 3 {
		t.Errorf("the streams changed %d times: they were not interleaved", switched)
	}
	for id, list := range seen {
		for i, d := range list {
			first := d.Flags&chunk.FlagBegin != 0
			switch {
			case (d.Flags&chunk.FlagUnordered != 0) != (id == 4):
				t.Errorf("stream %d: flags %x", id, d.Flags)
			case first && d.PPID != 53, !first && int(d.FSN) != i:
				t.Errorf("stream %d, chunk %d: %+v", id, i, d)
			case i < 3 && d.MID != 0, i == 3 && d.MID != 1:
				t.Errorf("stream %d, chunk %d: MID %d", id, i, d.MID)
			}
		}
	}
	if len(seen[3]) != 3 || len(seen[4]) != 4 {
		t.Errorf("%d and %d chunks", len(seen[3]), len(seen[4]))
	}
}

// RFC 8260 section 3.2: a message of each stream in turn. Without interleaving a
// message is never interrupted (RFC 9260 section 6.9).
func TestRoundRobinTakesMessagesInTurn(t *testing.T) {
	s := begin(t, func(c *Config) { c.Scheduler = RoundRobin })
	s.open(1, 2, 3)
	for _, id := range []chunk.StreamID{1, 1, 1, 2, 2, 3} {
		s.send(id, 1500)
	}
	var order []int
	for _, p := range s.drain() {
		for _, d := range p.data {
			if d.Flags&chunk.FlagBegin != 0 {
				order = append(order, int(d.Stream))
			} else if int(d.Stream) != order[len(order)-1] {
				t.Fatal("a message was interrupted")
			}
		}
	}
	want(t, "streams", order, 1, 2, 3, 1, 2, 1)
}

// RFC 8260 section 3.6 and RFC 8831 section 6.4: shares in proportion to priority.
func TestPrioritiesShareThePath(t *testing.T) {
	for _, interleaving := range []bool{false, true} {
		s := begin(t, func(c *Config) { c.Interleaving = interleaving; c.PeerWindow = 1 << 24 })
		weights := map[chunk.StreamID]uint16{1: 128, 2: 256, 3: 512, 4: 1024}
		for id, w := range weights {
			s.q.Open(id, StreamParams{MaxRetransmits: -1, Lifetime: -1, Priority: w})
			for range 2000 {
				s.send2(id, 1000)
			}
		}
		bytes := map[chunk.StreamID]int{}
		total := 0
		for n := 0; total < 1500000; {
			for _, p := range s.drain() {
				for _, d := range p.data {
					bytes[d.Stream] += len(d.Payload)
					total += len(d.Payload)
					n = int(int32(d.TSN-testTSN)) + 1
				}
				for _, d := range p.idata {
					bytes[d.Stream] += len(d.Payload)
					total += len(d.Payload)
					n = int(int32(d.TSN-testTSN)) + 1
				}
			}
			s.now = s.now.Add(50 * ms)
			must(t, s.tryWindow(n, 1<<24, nil))
		}
		for id, w := range weights {
			share, fair := float64(bytes[id])/float64(total), float64(w)/1920
			if share < 0.97*fair || share > 1.03*fair {
				t.Errorf("interleaving %t, priority %d: %.3f of the bytes, want %.3f", interleaving, w, share, fair)
			}
		}
	}
}

// send2 sends without checking the invariants, which cost as much as is queued.
func (s *script) send2(id chunk.StreamID, n int) { s.q.Send(s.now, id, 53, make([]byte, n)) }

// A stream that comes late is served at once, and does not make up for what it did
// not want to send before.
func TestAStreamThatComesLateIsServedAtOnce(t *testing.T) {
	s := measured(t, 10, nil)
	s.open(2)
	for range 100 {
		s.send(1, full)
	}
	s.drain()
	s.send(2, full)
	s.send(2, full)
	s.wait(100 * ms)
	s.sack(int(s.q.out.next) - 8)
	var order []int
	for _, p := range s.drain() {
		order = append(order, int(p.data[0].Stream))
	}
	if len(order) < 4 || !slices.Contains(order[:2], 2) || !slices.Contains(order[1:4], 1) {
		t.Errorf("streams %v", order)
	}
}

// W3C bufferedAmount, and bufferedamountlow once for each fall.
func TestBufferedAmountFallsAsMessagesLeave(t *testing.T) {
	s := begin(t, nil)
	s.open(1, 2)
	s.q.SetLowThreshold(1, full)
	for range 3 {
		s.send(1, full)
	}
	s.send(2, 10)
	if s.q.BufferedAmount(1) != 3*full || s.q.waiting() != 3*full+10 {
		t.Errorf("%d, %d in all", s.q.BufferedAmount(1), s.q.waiting())
	}
	var low []int
	collect := func() {
		for id, ok := s.q.NextLow(); ok; id, ok = s.q.NextLow() {
			low = append(low, int(id))
		}
	}
	collect()
	want(t, "low before anything left", low)
	s.drain()
	collect()
	if s.q.waiting() != 0 {
		t.Errorf("%d left", s.q.waiting())
	}
	slices.Sort(low)
	want(t, "low", low, 1, 2)
}

// RFC 6525 section 5.1.2: a reset may be requested when nothing is outstanding. Then
// numbers begin anew.
func TestAClosedStreamIsDrainedOnce(t *testing.T) {
	s := begin(t, nil)
	s.open(1, 2)
	s.send(1, 100)
	s.q.Close(1)
	s.q.Send(s.now, 1, 53, []byte{1})
	s.drain()
	if id, ok := s.q.NextDrained(); ok {
		t.Fatalf("stream %d is drained with a chunk under way", id)
	}
	s.sack(1)
	if id, ok := s.q.NextDrained(); !ok || id != 1 {
		t.Fatalf("drained: %d %t", id, ok)
	}
	s.q.Close(1)
	s.q.Close(2)
	if id, ok := s.q.NextDrained(); !ok || id != 2 {
		t.Fatalf("drained: %d %t", id, ok)
	}
	if _, ok := s.q.NextDrained(); ok {
		t.Fatal("drained twice")
	}
	s.q.Forget(1)
	s.open(1)
	s.send(1, 100)
	if p := s.next(); p.data[0].SSN != 0 || p.data[0].TSN != number(1) {
		t.Errorf("after the reset: %+v", p.data[0])
	}
}

// RFC 7496 section 3.1 and RFC 3758 section 3.5: a chunk whose retransmissions are used up is
// not sent again; FORWARD-TSN names the stream and the last SSN, and is repeated until the peer has
// it.
func TestLimitedRetransmission(t *testing.T) {
	s := measured(t, 4, nil)
	s.q.Open(2, limited(0))
	s.send(2, full)
	for range 4 {
		s.send(1, full)
	}
	s.drain()
	s.wait(100 * ms)
	s.sack(4, [2]int{5, 8})
	list := s.drain()
	if len(list) != 1 || len(list[0].data) != 0 || len(list[0].forward) != 1 {
		t.Fatalf("%d packets: %+v", len(list), list)
	}
	check := func(p *wirePacket) {
		t.Helper()
		f := p.forward[0]
		if f.CumulativeTSN != number(4) || f.NumSkipped() != 1 || f.Skipped(0) != (chunk.SkippedStream{Stream: 2, SSN: 0}) {
			t.Errorf("FORWARD-TSN %d with %d streams", f.CumulativeTSN, f.NumSkipped())
		}
	}
	check(list[0])
	if s.q.Empty() || s.q.Stats().Abandoned != 1 {
		t.Errorf("empty %t, %+v", s.q.Empty(), s.q.Stats())
	}
	s.wait(3 * time.Second) // it was lost
	list = s.drain()
	if len(list) != 1 || len(list[0].forward) != 1 {
		t.Fatalf("%d packets after T3-rtx", len(list))
	}
	check(list[0])
	s.sack(9)
	if !s.q.Empty() || s.next() != nil {
		t.Error("not empty")
	}
}

// A limit of one is one retransmission.
func TestOneRetransmissionIsOne(t *testing.T) {
	s := begin(t, nil)
	s.q.Open(2, limited(1))
	s.send(2, full)
	want(t, "sent", tsns(s.drain()...), 0)
	s.wait(time.Second)
	want(t, "again", tsns(s.drain()...), 0)
	s.wait(2 * time.Second)
	if list := s.drain(); len(list) != 1 || len(list[0].data) != 0 || len(list[0].forward) != 1 {
		t.Fatalf("%+v", list)
	}
}

// RFC 3758 section 3.5: a message that is given up halfway has no end; the peer is
// taken over a TSN that is never sent, and so cannot wait for the rest.
func TestAMessageIsGivenUpHalfway(t *testing.T) {
	s := begin(t, nil)
	s.q.Open(2, timed(500*ms))
	s.send(2, 30*full) // the initial window takes 10
	s.open(3)
	s.send(3, 100)
	want(t, "sent", tsns(s.drain()...), 0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
	s.wait(600 * ms)
	s.sack(10) // all that was sent has arrived
	if s.q.BufferedAmount(2) != 20*full {
		t.Errorf("%d buffered", s.q.BufferedAmount(2))
	}
	list := s.drain()
	if len(list) == 0 || len(list[0].data) == 0 || list[0].data[0].Stream != 3 || list[0].data[0].TSN != number(11) {
		t.Fatalf("%+v", list)
	}
	if s.q.BufferedAmount(2) != 0 {
		t.Errorf("%d buffered after it was given up", s.q.BufferedAmount(2))
	}
	forward := chunk.TSN(0)
	for _, p := range list {
		for _, f := range p.forward {
			forward = f.CumulativeTSN
		}
	}
	if forward != number(10) {
		t.Errorf("FORWARD-TSN %d, want that of the end that was never sent, %d", forward, number(10))
	}
	s.sack(12)
	if !s.q.Empty() {
		t.Error("not empty")
	}
}

// RFC 3758 section 4.1: what waits longer than its lifetime is dropped and uses up no
// number.
func TestLateMessagesAreDroppedUnsent(t *testing.T) {
	s := begin(t, nil)
	s.open(1)
	s.q.Open(2, timed(100*ms))
	for range 20 {
		s.send(1, full)
	}
	s.drain()
	s.send(2, 1000)
	s.send(2, 1000)
	s.wait(200 * ms)
	s.send(2, 50) // Send drops what is late, even while nothing may leave
	if s.q.BufferedAmount(2) != 50 || s.q.Stats().Abandoned != 2 {
		t.Errorf("%d buffered, %+v", s.q.BufferedAmount(2), s.q.Stats())
	}
	s.sack(10)
	for _, p := range s.drain() {
		if len(p.forward) > 0 {
			t.Error("FORWARD-TSN for what was never sent")
		}
		for _, d := range p.data {
			if d.Stream == 2 && (len(d.Payload) != 50 || d.SSN != 0) {
				t.Errorf("%d bytes with SSN %d", len(d.Payload), d.SSN)
			}
		}
	}
}

// RFC 3758 section 3.3.1: without the peer's consent nothing is abandoned that was
// sent.
func TestNothingSentIsAbandonedWithoutThePeersConsent(t *testing.T) {
	s := begin(t, func(c *Config) { c.PartialReliability = false })
	s.q.Open(1, StreamParams{MaxRetransmits: 0, Lifetime: 10 * ms})
	s.send(1, 3*full)
	s.drain()
	for range 3 {
		s.wait(3 * time.Second)
		if list := s.drain(); len(list) != 1 || len(list[0].data) != 1 {
			t.Fatalf("%+v", list)
		}
	}
}

// RFC 8260 section 2.3.1: I-FORWARD-TSN names ordered and unordered messages apart, by
// MID. Section 2.3.1 of RFC 3758's names the ordered ones alone.
func TestIForwardTSNNamesMessages(t *testing.T) {
	s := begin(t, func(c *Config) { c.Interleaving = true })
	s.q.Open(1, limited(0))
	s.q.Open(2, loose(limited(0)))
	for range 2 {
		s.send(1, 100)
		s.send(2, 100)
	}
	s.drain()
	s.wait(time.Second)
	list := s.drain()
	if len(list) != 1 || len(list[0].iforward) != 1 {
		t.Fatalf("%+v", list)
	}
	f := list[0].iforward[0]
	var got []chunk.SkippedMessage
	for i := range f.NumSkipped() {
		got = append(got, f.Skipped(i))
	}
	if f.CumulativeTSN != number(3) || !slices.Contains(got, chunk.SkippedMessage{Stream: 1, MID: 1}) ||
		!slices.Contains(got, chunk.SkippedMessage{Stream: 2, Unordered: true, MID: 1}) || len(got) != 2 {
		t.Errorf("I-FORWARD-TSN %d: %+v", f.CumulativeTSN, got)
	}
}

// A FORWARD-TSN that names more streams than a packet holds takes several.
func TestForwardTSNOfManyStreams(t *testing.T) {
	s := begin(t, nil)
	for id := range chunk.StreamID(1000) {
		s.q.Open(id, limited(0))
	}
	sent := 0
	for id := range chunk.StreamID(1000) {
		s.send2(id, 4)
	}
	for _, p := range s.drain() {
		sent += len(p.data)
	}
	s.wait(time.Second)
	// The first brings the peer as far as a packet can name streams, the next to the end.
	for n := 0; n < sent; {
		list := s.drain()
		if len(list) == 0 || len(list[0].forward) != 1 {
			t.Fatalf("%d of %d: %d packets", n, sent, len(list))
		}
		f := list[0].forward[0]
		reached := int(int32(f.CumulativeTSN-testTSN)) + 1
		if reached-n != f.NumSkipped() || reached > sent {
			t.Fatalf("from %d to %d of %d, with %d streams", n, reached, sent, f.NumSkipped())
		}
		n = reached
		s.sack(n)
	}
}

// What a message costs does not depend on how many streams are open, and no packet
// allocates.
func TestCostOfAMessage(t *testing.T) {
	allocations := func(streams int, size int) float64 {
		s := begin(t, func(c *Config) { c.RTT = 20 * ms })
		for id := range streams {
			s.open(chunk.StreamID(id))
		}
		payload := make([]byte, size)
		buffer := make([]byte, chunk.PacketHeaderSize, 1500)
		value := chunk.AppendSACK(nil, 0, 1<<20, nil, nil)
		id := 0
		step := func() {
			s.q.Send(s.now, chunk.StreamID(id%streams), 53, payload)
			id += 7919
			for len(s.q.Append(s.now, buffer)) > chunk.PacketHeaderSize {
			}
			s.now = s.now.Add(20 * ms)
			value = chunk.AppendSACK(value[:0], s.q.NextTSN()-1, 1<<20, nil, nil)
			sack, err := chunk.ParseSACK(value[chunk.HeaderSize:])
			must(t, err)
			must(t, s.q.HandleSACK(s.now, sack))
			s.q.Advance(s.now)
			for _, ok := s.q.NextLow(); ok; _, ok = s.q.NextLow() {
			}
		}
		for range 2000 {
			step()
		}
		return testing.AllocsPerRun(2000, step)
	}
	for _, streams := range []int{1, 65535} {
		if n := allocations(streams, 16<<10); n > 1 {
			t.Errorf("%d streams: %v allocations for a message of 16 KiB", streams, n)
		}
		if n := allocations(streams, 100); n > 0 { // rounded down: a block of 4 KiB for 40
			t.Errorf("%d streams: %v allocations for a message of 100 bytes", streams, n)
		}
	}
}

// An open stream without data is its struct and its place in a map.
func TestAnIdleStreamIsSmall(t *testing.T) {
	const streams = 65535
	memory := func() uint64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	q := New(start, Config{MTU: 1200, PeerWindow: 1 << 20})
	before := memory()
	for id := range streams {
		q.Open(chunk.StreamID(id), reliable)
	}
	each := float64(memory()-before) / streams
	if each > 150 {
		t.Errorf("%.0f bytes", each)
	}
	t.Logf("%.0f bytes", each)
	if due := q.Deadline(); !due.IsZero() {
		t.Error("an idle queue has a deadline")
	}
}

// The path MTU is found while data flows, and a black hole afterwards is survived
// (RFC 8899 section 4.3).
func TestThePathMTUIsFoundAndLost(t *testing.T) {
	f := newFlow(t, Config{InitialTSN: testTSN, PeerWindow: 1 << 20, MTU: 1160, MaxMTU: 1432, RTT: 20 * ms},
		pipe{delay: 10 * ms, bandwidth: 5e6, queue: 100 * ms}, pipe{delay: 10 * ms}, 1)
	f.invariants = true
	f.mtu = 1400
	f.q.Open(1, reliable)
	message := make([]byte, 16<<10)
	f.saturate(64<<10, message)
	f.w.run(30*time.Second, nil)
	if f.q.MTU() > 1400 || f.q.MTU() < 1388 {
		t.Errorf("found %d on a path of 1400", f.q.MTU())
	}
	if f.q.Stats().Timeouts != 0 {
		t.Error("probes cost timeouts")
	}
	f.mtu = 1200
	f.w.run(45*time.Second, nil)
	if f.q.MTU() != 1160 {
		t.Errorf("%d on a path of 1200", f.q.MTU())
	}
}
