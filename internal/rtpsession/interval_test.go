package rtpsession

import (
	"testing"
	"time"
)

// report runs the schedule for a time and returns when reports went.
func report(i *Interval, from time.Time, d time.Duration, size int) []time.Time {
	var at []time.Time
	for {
		now := i.Deadline()
		if now.Sub(from) > d {
			return at
		}
		if i.Due(now) {
			at = append(at, now)
			i.Sent(now, size)
		}
	}
}

// RFC 4585 section 3.5.3: T_rr_interval, times 0.5 to 1.5, is the least time
// between regular reports.
func TestRegularReportsKeepTheirLeastTime(t *testing.T) {
	for _, regular := range []time.Duration{VideoReportInterval, AudioReportInterval} {
		i := NewInterval(regular, 1)
		if !i.Deadline().IsZero() || i.Due(epoch) {
			t.Error("due before it starts")
		}
		i.SetBandwidth(5_000_000)
		i.SetMembers(epoch, 2, 2, true)
		i.Start(epoch)
		at := report(i, epoch, 1000*regular, 140)
		if first := at[0].Sub(epoch); first > 100*time.Millisecond {
			t.Errorf("first report after %v", first)
		}
		if n := len(at); n < 930 || n > 1070 {
			t.Errorf("%d reports in 1000 intervals", n)
		}
		var shortest, longest time.Duration = time.Hour, 0
		for k := range at[1:] {
			d := at[k+1].Sub(at[k])
			shortest, longest = min(shortest, d), max(longest, d)
		}
		if shortest < regular/2 || shortest > regular*6/10 || longest > regular*3/2 || longest < regular*14/10 {
			t.Errorf("between %v and %v", shortest, longest)
		}
	}
}

// RFC 3550 section 6.2: RTCP has 5 % of the session bandwidth.
func TestReportsKeepToFivePercent(t *testing.T) {
	for _, c := range []struct {
		bps              int64
		members, senders int
		weSent           bool
		share            float64 // of RTCP that is this end's
	}{
		{8000, 2, 2, true, 0.5},
		{8000, 2, 1, true, 0.5},    // one of two is more than a quarter
		{8000, 10, 2, true, 0.125}, // a quarter for senders
		{8000, 10, 2, false, 0.75 / 8},
	} {
		i := NewInterval(time.Millisecond, 2)
		i.SetBandwidth(c.bps)
		i.SetMembers(epoch, c.members, c.senders, c.weSent)
		i.Start(epoch)
		const hours = 2
		at := report(i, epoch, hours*time.Hour, 140)
		rate := float64(len(at)*140*8) / (hours * 3600)
		want := float64(c.bps) * 0.05 * c.share
		if rate < 0.93*want || rate > 1.07*want {
			t.Errorf("%+v: %.1f b/s, want %.1f", c, rate, want)
		}
	}
}

// RFC 3550 section 6.3.6: at the deadline the interval is computed anew.
func TestReconsiderationWaitsForNewMembers(t *testing.T) {
	i := NewInterval(0, 3)
	i.SetBandwidth(8000)
	i.SetMembers(epoch, 2, 2, true)
	i.Start(epoch)
	was := i.Deadline()
	i.SetMembers(epoch, 1000, 1000, true)
	if i.Due(was) || !i.Deadline().After(was.Add(time.Minute)) {
		t.Errorf("at %v: next at %v", was.Sub(epoch), i.Deadline().Sub(epoch))
	}
}

// RFC 3550 section 6.3.4: when members leave, tn and tp move towards now.
func TestReverseReconsiderationComesSooner(t *testing.T) {
	i := NewInterval(0, 4)
	i.SetBandwidth(8000)
	i.SetMembers(epoch, 1000, 1000, true)
	i.Start(epoch)
	was := i.Deadline().Sub(epoch)
	now := epoch.Add(was / 2)
	i.SetMembers(now, 100, 100, true)
	if got, want := i.Deadline().Sub(now), (was-was/2)/10; (got - want).Abs() > time.Microsecond {
		t.Errorf("after %v, want %v", got, want)
	}
	if got, want := now.Sub(i.previous), was/2/10; (got - want).Abs() > time.Microsecond {
		t.Errorf("tp is %v ago, want %v", got, want)
	}
}

// RFC 3550 section 6.3.3: avg_rtcp_size is 1/16 of the new and 15/16 of the old.
func TestTheAverageSizeFollowsTheTraffic(t *testing.T) {
	i := NewInterval(0, 5)
	i.average = 160
	i.Received(320)
	if i.average != 170 {
		t.Errorf("average %v", i.average)
	}
	i.SetBandwidth(80_000) // 500 octets/s of RTCP
	i.SetMembers(epoch, 2, 2, true)
	if got := i.deterministic(true); got != 2*170*time.Second/500 {
		t.Errorf("interval %v", got)
	}
}

// RFC 4585 section 3.5.2: after early feedback the next report waits longer.
func TestEarlyFeedbackDelaysTheReport(t *testing.T) {
	i := NewInterval(0, 6)
	i.SetBandwidth(8000)
	i.Start(epoch)
	was := i.Deadline()
	for range 3 {
		i.Early(140)
	}
	if !i.Deadline().After(was) {
		t.Error("the report comes no later")
	}
}

// RFC 3550 section 6.3.5, RFC 4585 section 3.5.4.
func TestMembersTimeOut(t *testing.T) {
	i := NewInterval(time.Second, 7)
	if got := i.Timeout(); got != 5*time.Second {
		t.Errorf("%v without a bandwidth", got)
	}
	i.SetBandwidth(800) // 5 octets/s of RTCP, of which receivers have three quarters
	if got, want := i.Timeout(), 5*2*firstRTCPSize*time.Second/5*4/3; (got - want).Abs() > time.Microsecond {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestIntervalsDoNotAllocate(t *testing.T) {
	i := NewInterval(time.Second, 8)
	i.SetBandwidth(1e6)
	i.Start(epoch)
	if a := testing.AllocsPerRun(100, func() {
		i.Early(100)
		now := i.Deadline()
		i.SetMembers(now, 2, 1, true)
		if i.Due(now) {
			i.Sent(now, 140)
		}
	}); a != 0 {
		t.Errorf("%v allocations", a)
	}
}
