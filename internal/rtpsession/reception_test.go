package rtpsession

import (
	"testing"
	"time"
)

var epoch = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// receive feeds packets of 20 octets of header and 80 of payload, 20 ms and 160
// ticks of 8 kHz apart.
func receive(r *Reception, seqs ...uint16) {
	for _, seq := range seqs {
		h := Header{SequenceNumber: seq, Timestamp: uint32(seq) * 160, PayloadOffset: 20}
		r.Received(epoch.Add(time.Duration(seq)*20*time.Millisecond), &h, 100)
	}
}

// RFC 3550 section 6.4.1 and appendix A.3.
func TestLossIsExpectedLessReceived(t *testing.T) {
	for name, c := range map[string]struct {
		seqs     []uint16
		total    int32
		fraction uint8
		highest  uint32
		dup, re  int64
	}{
		"all there":                   {[]uint16{1, 2, 3, 4}, 0, 0, 4, 0, 0},
		"one of four":                 {[]uint16{1, 2, 4}, 1, 64, 4, 0, 0},
		"late is not lost":            {[]uint16{1, 2, 4, 3}, 0, 0, 4, 0, 1},
		"a duplicate hides a loss":    {[]uint16{1, 2, 2, 4}, 0, 0, 4, 1, 0},
		"duplicates make it negative": {[]uint16{1, 2, 2, 1, 3}, -2, 0, 3, 2, 0},
		"over the wrap":               {[]uint16{65534, 65535, 1, 2}, 1, 51, 1<<16 | 2, 0, 0},
		"late over the wrap":          {[]uint16{65534, 0, 65535}, 0, 0, 1 << 16, 0, 1},
		"before the first one":        {[]uint16{5, 4}, -1, 0, 5, 0, 1},
		"nearly all lost":             {[]uint16{0, 2999}, 2998, 255, 2999, 0, 0},
	} {
		r := NewReception(7, 8000)
		receive(r, c.seqs...)
		b := r.Block(epoch)
		s := r.Stats()
		if b.SSRC != 7 || b.TotalLost != c.total || b.FractionLost != c.fraction || b.HighestSeq != c.highest {
			t.Errorf("%s: %+v", name, b)
		}
		if s.Duplicates != c.dup || s.Reordered != c.re || s.PacketsLost != int64(c.total) {
			t.Errorf("%s: %+v", name, s)
		}
		if n := int64(len(c.seqs)); s.Packets != n || s.HeaderBytes != 20*n || s.PayloadBytes != 80*n {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

// RFC 3550 appendix A.3: fraction lost is that since the previous report.
func TestFractionLostIsThatOfTheInterval(t *testing.T) {
	r := NewReception(1, 8000)
	receive(r, 1, 2, 3, 5)
	if b := r.Block(epoch); b.FractionLost != 51 || b.TotalLost != 1 || r.HasNews() {
		t.Errorf("first: %+v", b)
	}
	receive(r, 6, 8)
	if !r.HasNews() {
		t.Error("no news")
	}
	if b := r.Block(epoch); b.FractionLost != 85 || b.TotalLost != 2 {
		t.Errorf("second: %+v", b)
	}
	receive(r, 7, 9) // one comes late: less than nothing was lost
	if b := r.Block(epoch); b.FractionLost != 0 || b.TotalLost != 1 {
		t.Errorf("third: %+v", b)
	}
	if b := r.Block(epoch); b.FractionLost != 0 {
		t.Errorf("nothing came: %+v", b)
	}
	if b := NewReception(1, 8000).Block(epoch); b != (ReportBlock{SSRC: 1}) {
		t.Errorf("before the first packet: %+v", b)
	}
}

// RFC 3550 section 6.4.1: cumulative loss has 24 bits and a sign; appendix A.3
// clamps it.
func TestCumulativeLossIsClamped(t *testing.T) {
	r := NewReception(1, 0)
	for i := range 3000 {
		receive(r, uint16(i*2990))
	}
	if b := r.Block(epoch); b.TotalLost != 0x7FFFFF {
		t.Errorf("%d lost", b.TotalLost)
	}
	if s := r.Stats(); s.PacketsLost != 2999*2989 {
		t.Errorf("%d lost", s.PacketsLost)
	}
}

// RFC 3550 appendix A.1: a jump of MAX_DROPOUT and more is a restart if the next
// packet follows it, a stray if not.
func TestAJumpIsARestartAndNoLoss(t *testing.T) {
	r := NewReception(1, 8000)
	receive(r, 1, 3, 30000)
	if b := r.Block(epoch); b.TotalLost != 1 || b.HighestSeq != 3 {
		t.Errorf("a stray: %+v", b)
	}
	receive(r, 4, 40000, 40001, 40003)
	b := r.Block(epoch)
	if b.HighestSeq != 40003 || b.TotalLost != 2 {
		t.Errorf("restarted: %+v", b)
	}
	if s := r.Stats(); s.Restarts != 1 || s.Packets != 7 {
		t.Errorf("%+v", s)
	}
	// Retransmissions that are seconds late are no restart.
	receive(r, 40003-2900, 40003-2899)
	if s := r.Stats(); s.Restarts != 1 || s.Reordered != 2 {
		t.Errorf("late ones: %+v", s)
	}
}

// RFC 3550 appendix A.8, computed by hand: transit differs by 0, 80, 80 ticks.
func TestJitter(t *testing.T) {
	r := NewReception(1, 8000)
	at := func(ms int, seq uint16) {
		h := Header{SequenceNumber: seq, Timestamp: 4294967200 + uint32(seq)*160}
		r.Received(epoch.Add(time.Duration(ms)*time.Millisecond), &h, 12)
	}
	at(0, 0)
	at(20, 1)
	if b := r.Block(epoch); b.Jitter != 0 {
		t.Errorf("regular packets have jitter %d", b.Jitter)
	}
	at(50, 2) // J = 80/16 = 5
	if b := r.Block(epoch); b.Jitter != 5 {
		t.Errorf("jitter %d", b.Jitter)
	}
	at(60, 3) // J = 5 + (80-5)/16 = 9.69
	if b := r.Block(epoch); b.Jitter != 9 {
		t.Errorf("jitter %d", b.Jitter)
	}
	if s := r.Stats(); s.Jitter < 1200*time.Microsecond || s.Jitter > 1225*time.Microsecond {
		t.Errorf("jitter %v", s.Jitter)
	}
	// A sender that switches its source has a new timeline, and no jitter of hours.
	h := Header{SequenceNumber: 4, Timestamp: 1 << 31}
	r.Received(epoch.Add(80*time.Millisecond), &h, 12)
	if b := r.Block(epoch); b.Jitter != 9 {
		t.Errorf("jitter %d after a jump", b.Jitter)
	}
	r.SetClockRate(48000)
	if b := r.Block(epoch); b.Jitter != 0 || r.ClockRate() != 48000 {
		t.Errorf("jitter %d of another clock", b.Jitter)
	}
	// Arrival in timestamp units wraps as timestamps do, after 13 hours at 90 kHz.
	r = NewReception(1, 90000)
	for i := range 200 {
		h := Header{SequenceNumber: uint16(i), Timestamp: uint32(i) * 90000 * 1800}
		r.Received(epoch.Add(time.Duration(i)*1800*time.Second), &h, 12)
	}
	if b := r.Block(epoch); b.Jitter != 0 {
		t.Errorf("jitter %d in 100 hours", b.Jitter)
	}
}

// RFC 3550 section 6.4.1: LSR is the middle 32 bits of the report's NTP
// timestamp, DLSR the time since in units of 1/65536 s.
func TestBlocksNameTheLastSenderReport(t *testing.T) {
	r := NewReception(1, 90000)
	receive(r, 1)
	if b := r.Block(epoch); b.LastSR != 0 || b.DelaySinceLast != 0 {
		t.Errorf("without a report: %+v", b)
	}
	r.SenderReport(epoch, 0xb44db705_20000000, 1000, 10, 800)
	b := r.Block(epoch.Add(5250 * time.Millisecond))
	if b.LastSR != 0xb7052000 || b.DelaySinceLast != 0x00054000 {
		t.Errorf("%08x %08x", b.LastSR, b.DelaySinceLast)
	}
	// Figure 2 of section 6.4.1.
	arrival := TimeOfNTP(0xb44db710_80000000)
	if rtt, ok := RoundTrip(arrival, 0xb7052000, 0x00054000); !ok || rtt != 6125*time.Millisecond {
		t.Errorf("round trip %v %t", rtt, ok)
	}
	r.SenderReport(epoch.Add(time.Second), 0xb44db705_20000000, 2000, 11, 900) // repeated
	r.SenderReport(epoch.Add(time.Second), 0xb44db704_20000000, 2000, 11, 900) // late
	if s := r.Stats(); s.SenderReports != 1 || s.RemotePackets != 10 || s.RemoteOctets != 800 ||
		!s.ReportArrival.Equal(epoch) || !s.RemoteTime.Equal(TimeOfNTP(0xb44db705_20000000)) {
		t.Errorf("%+v", s)
	}
}

// RFC 3550 section 6.4.1: the NTP and RTP timestamps of a report are of one
// instant, which is what synchronises streams.
func TestTimestampsMapToTheSendersClock(t *testing.T) {
	r := NewReception(1, 90000)
	if _, ok := r.CaptureTime(0); ok {
		t.Error("a time without a report")
	}
	if _, ok := r.Timestamp(epoch); ok {
		t.Error("a timestamp without a report")
	}
	r.SenderReport(epoch, NTPTime(epoch), 4294967295-44999, 0, 0)
	for _, d := range []time.Duration{0, time.Second, -time.Second, 10 * time.Minute, 90 * time.Millisecond} {
		ts, ok := r.Timestamp(epoch.Add(d))
		want := uint32(4294967295-44999) + uint32(int64(d/time.Millisecond)*90)
		if !ok || ts != want {
			t.Errorf("timestamp after %v is %d, want %d", d, ts, want)
		}
		at, ok := r.CaptureTime(want)
		if off := at.Sub(epoch) - d; !ok || off > time.Microsecond || off < -time.Microsecond {
			t.Errorf("time after %v is off by %v", d, off)
		}
	}
}

// RFC 3550 section 4, and RFC 4330 section 3 for the era after 2036.
func TestNTPTimestamps(t *testing.T) {
	for _, at := range []time.Time{
		epoch, time.Unix(0, 999_999_999), time.Date(2036, 2, 7, 6, 28, 15, 0, time.UTC),
		time.Date(2036, 2, 7, 6, 28, 16, 1, time.UTC), time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC),
	} {
		if got := TimeOfNTP(NTPTime(at)); !got.Equal(at) {
			t.Errorf("%v became %v", at, got)
		}
	}
	if NTPTime(time.Unix(0, 0)) != 2_208_988_800<<32 || !TimeOfNTP(0).IsZero() {
		t.Error("epochs")
	}
	if CompactDuration(-1) != 0 || CompactDuration(1<<62) != 1<<32-1 || CompactDuration(5250*time.Millisecond) != 0x54000 {
		t.Error("compact durations")
	}
}

func TestRoundTripsThatCannotBeAreNone(t *testing.T) {
	lsr := CompactNTP(NTPTime(epoch))
	for name, c := range map[string]struct {
		after     time.Duration
		lsr, dlsr uint32
		rtt       time.Duration
		ok        bool
	}{
		"no sender report yet": {time.Second, 0, 0, 0, false},
		"half a second":        {time.Second, lsr, 1 << 15, 500 * time.Millisecond, true},
		"a tick too much":      {time.Second, lsr, 1<<16 + 20, 0, true},
		"more delay than time": {time.Second, lsr, 1 << 17, 0, false},
	} {
		rtt, ok := RoundTrip(epoch.Add(c.after), c.lsr, c.dlsr)
		if ok != c.ok || (rtt-c.rtt).Abs() > 20*time.Microsecond {
			t.Errorf("%s: %v %t", name, rtt, ok)
		}
	}
}

func TestReceptionDoesNotAllocate(t *testing.T) {
	r := NewReception(1, 90000)
	seq := uint16(0)
	if a := testing.AllocsPerRun(1000, func() {
		seq++
		receive(r, seq)
		r.SenderReport(epoch, uint64(seq)<<32, 0, 0, 0)
		r.Block(epoch)
		r.Stats()
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}

func BenchmarkReception(b *testing.B) {
	b.ReportAllocs()
	r := NewReception(1, 90000)
	h := Header{PayloadOffset: 20}
	for i := range b.N {
		h.SequenceNumber, h.Timestamp = uint16(i), uint32(i)*90
		r.Received(epoch.Add(time.Duration(i)*time.Millisecond), &h, 1200)
	}
}

// RFC 3550 section 6.4.1: lost are packets of this SSRC. A retransmission has another one (RFC 4588 section 4).
func TestARecoveredPacketIsDeliveredOnceAndStaysLost(t *testing.T) {
	start := time.Unix(1000, 0)
	r := NewReception(1, 90000)
	receive := func(seq uint16) bool {
		return r.Received(start, &Header{SequenceNumber: seq, PayloadOffset: 12}, 20)
	}
	receive(65534)
	receive(1)
	if !r.Repaired(65535) || r.Repaired(65535) || r.Repaired(1) {
		t.Error("a recovered packet is there once, and one that came is there")
	}
	if s := r.Stats(); s.PacketsLost != 2 || s.Packets != 2 {
		t.Errorf("%+v", s)
	}
	if receive(65535) {
		t.Error("what was recovered is delivered again")
	}
	if s := r.Stats(); s.PacketsLost != 1 {
		t.Errorf("the original came late, and %d are lost", s.PacketsLost)
	}
	if !r.Repaired(2) || receive(2) || !receive(3) {
		t.Error("a packet that was sent again before it came")
	}
	if s := r.Stats(); s.PacketsLost != 1 {
		t.Errorf("%+v", s)
	}
	for range 1000 { // the newest again and again, as probes are
		r.Repaired(3)
	}
	if s := r.Stats(); s.PacketsLost != 1 || s.Packets != 5 {
		t.Errorf("%+v", s)
	}
}

// webrtc-stats section 8.1, on totals: a sender report's counters have 32 bits.
func TestTheCountersOfSenderReportsGoOnWhenTheyWrap(t *testing.T) {
	now := time.Unix(1000, 0)
	r := NewReception(1, 90000)
	r.SenderReport(now, 1<<32, 0, 7, 1<<32-10)
	r.SenderReport(now, 2<<32, 0, 8, 90)
	if s := r.Stats(); s.RemotePackets != 8 || s.RemoteOctets != 1<<32+90 {
		t.Errorf("%+v", s)
	}
	r.SenderReport(now, 3<<32, 0, 2, 40) // counts anew
	if s := r.Stats(); s.RemotePackets != 2 || s.RemoteOctets != 1<<32+40 {
		t.Errorf("%+v", s)
	}
}
