package rtpsession

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/pion/rtcp"
)

// told is what feedback says of one packet.
type told struct {
	seq      uint16
	received bool
	arrival  time.Duration
}

func readFeedback(t testing.TB, r *FeedbackReader, packet []byte) []told {
	t.Helper()
	var all []told
	if err := r.Read(packet, func(seq uint16, received bool, arrival time.Duration) {
		all = append(all, told{seq, received, arrival})
	}); err != nil {
		t.Fatalf("%x: %v", packet, err)
	}
	return all
}

// pionFeedback reads with pion/rtcp, which leaves putting it together to others.
func pionFeedback(packet []byte) (all []told, err error) {
	var cc rtcp.TransportLayerCC
	if err := cc.Unmarshal(packet); err != nil {
		return nil, err
	}
	var symbols []uint16
	for _, c := range cc.PacketChunks {
		switch c := c.(type) {
		case *rtcp.RunLengthChunk:
			for range c.RunLength {
				symbols = append(symbols, c.PacketStatusSymbol)
			}
		case *rtcp.StatusVectorChunk:
			symbols = append(symbols, c.SymbolList...)
		}
	}
	clock := time.Duration(int32(cc.ReferenceTime<<8)>>8) * 64 * time.Millisecond
	seq, deltas := cc.BaseSequenceNumber, cc.RecvDeltas
	for _, s := range symbols[:cc.PacketStatusCount] {
		switch s {
		case rtcp.TypeTCCPacketReceivedSmallDelta, rtcp.TypeTCCPacketReceivedLargeDelta:
			clock += time.Duration(deltas[0].Delta) * time.Microsecond
			deltas = deltas[1:]
			all = append(all, told{seq, true, clock})
		case rtcp.TypeTCCPacketNotReceived:
			all = append(all, told{seq, false, 0})
		default:
			return nil, fmt.Errorf("status %d", s)
		}
		seq++
	}
	return all, nil
}

func same(a, b []told) error {
	if len(a) != len(b) {
		return fmt.Errorf("%d and %d packets", len(a), len(b))
	}
	for i := range a {
		if a[i] != b[i] {
			return fmt.Errorf("%+v and %+v", a[i], b[i])
		}
	}
	return nil
}

// Sections 3.1.1 to 3.1.5 of the draft: what comes out says what went in, both
// to this reader and to pion/rtcp.
func TestFeedbackTellsEveryArrival(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	for round := range 15 {
		loss, shuffle, gap := r.Float64()*[...]float64{0, 0.1, 1}[round%3], r.IntN(3) == 0, time.Duration(1+r.IntN(20_000))*time.Microsecond
		var rec ArrivalRecorder
		var reader FeedbackReader
		now, base := epoch, uint16(r.Uint32())
		expect := map[uint16]time.Time{}
		got := map[uint16]time.Duration{}
		lost := map[uint16]bool{}
		var zero time.Duration
		for i := range 3000 {
			now = now.Add(time.Duration(r.Int64N(int64(gap))))
			seq := base + uint16(i)
			if shuffle {
				seq = base + uint16(i^3)
			}
			if i <= 3 || r.Float64() >= loss {
				rec.Record(now, seq)
				expect[seq] = now
			}
			if r.IntN(100) != 0 && i < 2999 {
				continue
			}
			for {
				packet, ok := rec.AppendFeedback([]byte("x"), now, 1, 2)
				if !ok {
					break
				}
				packet = packet[1:]
				if len(packet) > maxFeedback || len(packet)%4 != 0 {
					t.Fatalf("%d octets", len(packet))
				}
				ours := readFeedback(t, &reader, packet)
				theirs, err := pionFeedback(packet)
				if err != nil {
					t.Fatalf("%x: pion: %v", packet, err)
				}
				if err := same(ours, theirs); err != nil {
					t.Fatalf("%x: ours and pion's: %v", packet, err)
				}
				for _, p := range ours {
					if p.received {
						got[p.seq] = p.arrival
						delete(lost, p.seq)
					} else {
						lost[p.seq] = true
					}
				}
			}
		}
		zero = got[base] - expect[base].Sub(epoch)
		for seq, at := range expect {
			arrival, ok := got[seq]
			if off := arrival - zero - at.Sub(epoch); !ok || off < -deltaTick || off > deltaTick {
				t.Fatalf("round %d: packet %d came at %v, told %v (%t)", round, seq-base, at.Sub(epoch), arrival, ok)
			}
		}
		for seq := range lost {
			if _, ok := expect[seq]; ok {
				t.Fatalf("round %d: packet %d came and was told to be lost", round, seq-base)
			}
		}
	}
}

// Section 3.1: the fields of the packet, by hand.
func TestFeedbackFormat(t *testing.T) {
	var rec ArrivalRecorder
	rec.Record(ms(0), 65534)
	rec.Record(ms(10), 65535)
	rec.Record(ms(100), 1)
	packet, ok := rec.AppendFeedback(nil, ms(100), 0x01020304, 0x05060708)
	// One chunk of two-bit symbols (1, 1, 0, 2), deltas of 0, 40 and 360 ticks.
	want := octets(t, "af cd 0006 01020304 05060708 fffe 0004 000000 00 d480 00 28 0168 0002")
	if !ok || !bytes.Equal(packet, want) {
		t.Errorf("%x\nwant %x", packet, want)
	}
	if _, ok := rec.AppendFeedback(nil, ms(100), 1, 2); ok || !rec.Deadline().IsZero() {
		t.Error("there is more to tell")
	}
	// The next packet of feedback: counted, and with what was lost between.
	rec.Record(ms(130), 3)
	packet, _ = rec.AppendFeedback(nil, ms(130), 0x01020304, 0x05060708)
	want = octets(t, "af cd 0005 01020304 05060708 0002 0002 000002 01 c400 08 01")
	if !bytes.Equal(packet, want) {
		t.Errorf("%x\nwant %x", packet, want)
	}
}

func TestALatePacketIsToldAfterAll(t *testing.T) {
	var rec ArrivalRecorder
	rec.Record(ms(0), 10)
	rec.Record(ms(1), 12)
	rec.AppendFeedback(nil, ms(1), 1, 2)
	rec.Record(ms(2), 11)
	packet, ok := rec.AppendFeedback(nil, ms(2), 1, 2)
	if !ok {
		t.Fatal("nothing to tell")
	}
	got := readFeedback(t, new(FeedbackReader), packet)
	if len(got) != 2 || got[0].seq != 11 || got[0].arrival-got[1].arrival != time.Millisecond {
		t.Errorf("%+v", got)
	}
	rec.Record(ms(3), 11) // once more: known
	if _, ok := rec.AppendFeedback(nil, ms(3), 1, 2); ok {
		t.Error("a duplicate is news")
	}
}

// A delta has 16 bits, 8 s: what is further apart has a reference of its own.
func TestAPauseBeginsAnotherFeedbackPacket(t *testing.T) {
	var rec ArrivalRecorder
	var reader FeedbackReader
	rec.Record(ms(0), 1)
	rec.Record(ms(8300), 2)
	var got []told
	for range 2 {
		packet, ok := rec.AppendFeedback(nil, ms(8300), 1, 2)
		if !ok {
			t.Fatal("nothing to tell")
		}
		got = append(got, readFeedback(t, &reader, packet)...)
	}
	if len(got) != 2 || got[1].arrival-got[0].arrival != 8300*time.Millisecond {
		t.Errorf("%+v", got)
	}
}

// The 24 bits of the reference time wrap after 12 days.
func TestReferenceTimesWrap(t *testing.T) {
	var rec ArrivalRecorder
	var reader FeedbackReader
	var previous time.Duration
	for i := range 30 {
		now := epoch.Add(time.Duration(i) * 24 * time.Hour)
		rec.Record(now, uint16(i))
		packet, ok := rec.AppendFeedback(nil, now, 1, 2)
		if !ok {
			t.Fatal("nothing to tell")
		}
		got := readFeedback(t, &reader, packet)
		if last := got[len(got)-1].arrival; i > 0 && last-previous != 24*time.Hour {
			t.Fatalf("day %d is %v long", i, last-previous)
		} else {
			previous = last
		}
	}
}

func TestFeedbackGoesAtTheRateItIsWorth(t *testing.T) {
	for bps, want := range map[int64]time.Duration{
		0: 100 * time.Millisecond, 10_000: 250 * time.Millisecond, 100_000: 108800 * time.Microsecond, 5_000_000: 50 * time.Millisecond,
	} {
		var rec ArrivalRecorder
		if !rec.Deadline().IsZero() {
			t.Error("due before a packet")
		}
		rec.SetBitrate(bps)
		rec.Record(ms(0), 1)
		if got := rec.Deadline().Sub(epoch); got.Round(time.Microsecond) != want {
			t.Errorf("%d b/s: %v, want %v", bps, got, want)
		}
		rec.AppendFeedback(nil, ms(300), 1, 2)
		rec.Record(ms(301), 2)
		if got := rec.Deadline().Sub(ms(300)); got.Round(time.Microsecond) != want {
			t.Errorf("%d b/s: %v, want %v", bps, got, want)
		}
	}
	var rec ArrivalRecorder
	rec.Record(ms(0), 1)
	if got := rec.Deadline(); !got.Equal(ms(100)) {
		t.Errorf("default is %v", got.Sub(epoch))
	}
}

// Feedback that comes in another order, or around the wrap, keeps its times.
func TestReorderedFeedbackKeepsItsTimes(t *testing.T) {
	var rec ArrivalRecorder
	var reader FeedbackReader
	var packets [][]byte
	for i := range 3 {
		rec.Record(ms(float64(i)*1000), uint16(i))
		packet, ok := rec.AppendFeedback(nil, ms(float64(i)*1000), 1, 2)
		if !ok {
			t.Fatal("nothing to tell")
		}
		packets = append(packets, packet)
	}
	at := map[uint16]time.Duration{}
	for _, i := range []int{1, 0, 2} {
		for _, p := range readFeedback(t, &reader, packets[i]) {
			at[p.seq] = p.arrival
		}
	}
	if at[1]-at[0] != time.Second || at[2]-at[0] != 2*time.Second {
		t.Errorf("%v", at)
	}
}

func TestFeedbackIsSplitAtTheSizeOfADatagram(t *testing.T) {
	var rec ArrivalRecorder
	var reader FeedbackReader
	for i := range 2000 {
		rec.Record(ms(float64(i)*70), uint16(i)) // a delta of two octets each
	}
	told := 0
	for {
		packet, ok := rec.AppendFeedback(nil, epoch, 1, 2)
		if !ok {
			break
		}
		if len(packet) > maxFeedback || len(packet) < maxFeedback/2 && told < 1500 {
			t.Fatalf("%d octets", len(packet))
		}
		for _, p := range readFeedback(t, &reader, packet) {
			if int(p.seq) != told || !p.received {
				t.Fatalf("packet %d, want %d", p.seq, told)
			}
			told++
		}
	}
	if told != 2000 {
		t.Errorf("%d told", told)
	}
}

// Numbers that jump ahead cost neither memory nor packets without bound.
func TestHostileSequenceNumbersAreBounded(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	var rec ArrivalRecorder
	var reader FeedbackReader
	buffer := make([]byte, 0, maxFeedback)
	for i := range 5000 {
		now := ms(float64(i))
		rec.Record(now, uint16(r.Uint32()))
		if i%100 == 0 {
			packets := 0
			for packet, ok := rec.AppendFeedback(buffer, now, 1, 2); ok; packet, ok = rec.AppendFeedback(buffer, now, 1, 2) {
				readFeedback(t, &reader, packet)
				if packets++; packets > 30 {
					t.Fatal("more than 30 packets of feedback for 100")
				}
			}
		}
	}
	if len(rec.arrivals) > feedbackSpan {
		t.Errorf("%d arrivals", len(rec.arrivals))
	}
}

func TestFeedbackDoesNotAllocate(t *testing.T) {
	var rec ArrivalRecorder
	var reader FeedbackReader
	buffer := make([]byte, 0, maxFeedback)
	now, seq, count := epoch, uint16(0), 0
	step := func() {
		for range 50 {
			now = now.Add(time.Millisecond)
			if seq++; seq%10 != 0 {
				rec.Record(now, seq)
			}
		}
		for packet, ok := rec.AppendFeedback(buffer, now, 1, 2); ok; packet, ok = rec.AppendFeedback(buffer, now, 1, 2) {
			if err := reader.Read(packet, func(uint16, bool, time.Duration) { count++ }); err != nil {
				t.Fatal(err)
			}
		}
	}
	for range 100 {
		step()
	}
	if a := testing.AllocsPerRun(100, step); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

func BenchmarkArrivals(b *testing.B) {
	b.ReportAllocs()
	var rec ArrivalRecorder
	buffer := make([]byte, 0, maxFeedback)
	now := epoch
	for i := range b.N {
		now = now.Add(time.Millisecond)
		if i%20 != 0 {
			rec.Record(now, uint16(i))
		}
		if i%100 == 99 {
			for _, ok := rec.AppendFeedback(buffer, now, 1, 2); ok; _, ok = rec.AppendFeedback(buffer, now, 1, 2) {
			}
		}
	}
}
