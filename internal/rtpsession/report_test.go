package rtpsession

import (
	"slices"
	"strings"
	"testing"
	"time"
)

// reports drains what is due and names it.
func (x *tx) reports(now time.Time, in Received) (all []string) {
	x.Helper()
	x.s.Report(now, 1, in)
	for {
		packet := x.s.NextReport(now, nil)
		x.s.checkInvariants(x)
		if len(packet) == 0 {
			return all
		}
		if len(packet) > 1200 {
			x.Errorf("report of %d octets", len(packet))
		}
		parsed, err := ParseCompound(packet)
		if err != nil {
			x.Fatal(err)
		}
		var names []string
		for _, p := range parsed {
			names = append(names, nameOf(p))
		}
		all = append(all, strings.Join(names, "+"))
	}
}

// RFC 3550 section 6.4: SR of what has sent since the report before the last, RR otherwise, with blocks on what came; section
// 6.4.2: an RR without blocks while there is nothing to say.
func TestReportsSayWhatWasSentAndWhatCame(t *testing.T) {
	x := newTx(t)
	s, silent := x.add(10, 20, "", videoFormat()), x.add(11, 21, "", videoFormat())
	if !x.s.Deadline().IsZero() {
		t.Error("reports before there is anything")
	}
	x.write(0, s, 1, 5000)
	x.s.ReportFrom(ms(0))
	for i, want := range []string{"sr2 10+sdes", "sr2 10+sdes", "rr2+sdes"} {
		if got := x.reports(x.s.Deadline(), Received{Blocks: make([]ReportBlock, 2), Streams: true}); !slices.Equal(got, []string{want}) {
			t.Errorf("report %d: %q", i, got)
		}
	}
	if got := x.reports(x.s.Deadline(), Received{}); !slices.Equal(got, []string{"rr0+sdes"}) {
		t.Errorf("nothing to say: %q", got)
	}
	x.write(100, silent, 1, 1)
	if got := x.reports(x.s.Deadline().Add(-1), Received{}); got != nil {
		t.Errorf("before the time: %q", got)
	}
	blocks := make([]ReportBlock, 70)
	if got := x.reports(x.s.Deadline(), Received{Blocks: blocks, Streams: true}); !slices.Equal(got, []string{"sr31 11+sdes", "rr31+sdes", "rr8+sdes"}) {
		t.Errorf("70 blocks: %q", got)
	}
	x.s.SetCNAME(strings.Repeat("n", 300))
	x.reports(x.s.Deadline(), Received{Blocks: blocks}) // none above 1200
	x.s.Remove(s, nil)
	x.s.Remove(silent, nil)
	if got := x.reports(x.s.Deadline(), Received{}); got != nil || !x.s.Deadline().IsZero() {
		t.Errorf("without streams: %q", got)
	}
	x.s.ReportFrom(ms(1e6))
	if x.s.Deadline().IsZero() {
		t.Error("does not begin again")
	}
}

// A receive-only end whose peer pauses goes on to report.
func TestReportsGoOnAfterAPause(t *testing.T) {
	x := newTx(t)
	x.s.ReportFrom(ms(0))
	for i := range 5 {
		in := Received{Streams: true}
		if i%2 == 0 {
			in.Blocks = make([]ReportBlock, 1)
		}
		if got := x.reports(x.s.Deadline(), in); len(got) != 1 {
			t.Errorf("report %d: %q", i, got)
		}
	}
}

// RFC 3550 section 6.4.1: the two clocks of an SR name one moment; counters are of the media.
func TestSenderReportsTellTheClock(t *testing.T) {
	x := newTx(t)
	s := x.add(10, 20, "", videoFormat())
	x.write(0, s, 1, 5000)
	x.rtcp(1, nackOf(10, 1))
	x.resends(1)
	info := s.senderInfo(ms(50))
	if info.NTP != NTPTime(ms(50)) || info.RTP != 5000+4500 || info.Packets != 1 || info.Octets != 7 {
		t.Errorf("%+v", info)
	}
}

// RFC 4585 section 3.5.3: about each second with video, five seconds without, drawn from half to one and a half.
func TestReportTimesAreDrawn(t *testing.T) {
	for _, c := range []struct {
		rate  uint32
		least time.Duration
	}{{90000, VideoReportInterval}, {48000, AudioReportInterval}} {
		x := newTx(t)
		f := videoFormat()
		f.ClockRate = c.rate
		s := x.add(10, 20, "", f)
		x.s.ReportFrom(ms(0))
		at := x.s.Deadline()
		if d := at.Sub(epoch); d < 250*time.Millisecond || d > 750*time.Millisecond {
			t.Errorf("first after %v", d)
		}
		seen, sum := make(map[time.Duration]bool), time.Duration(0)
		for i := range 200 {
			x.write(float64(at.Sub(epoch).Milliseconds()), s, uint16(i), 0)
			x.reports(at, Received{})
			d := x.s.Deadline().Sub(at)
			if d < c.least/2 || d > c.least*3/2 {
				t.Fatalf("after %v", d)
			}
			seen[d], sum, at = true, sum+d, x.s.Deadline()
		}
		if mean := sum / 200; len(seen) < 190 || mean < c.least*9/10 || mean > c.least*11/10 {
			t.Errorf("%d times, on average %v", len(seen), mean)
		}
	}
}
