package simnet

import (
	"math"
	"reflect"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
)

// pair is two public hosts with a socket each, at port 1000.
func pair(t *testing.T, n *Net, l Link) (a, b *sink) {
	t.Helper()
	ha, hb := n.Host("a", "192.0.2.1"), n.Host("b", "192.0.2.2")
	n.SetLink(ha, hb, l)
	return listen(t, ha, "192.0.2.1:1000"), listen(t, hb, "192.0.2.2:1000")
}

func TestADatagramArrivesExactlyAfterTheDelay(t *testing.T) {
	for _, delay := range []time.Duration{0, 1, time.Millisecond, 200 * time.Millisecond, time.Hour} {
		bubble(t, 1, func(t *testing.T, n *Net) {
			a, b := pair(t, n, Link{Delay: delay})
			a.send(b.LocalAddr(), "hello")
			pass(delay)
			got := b.take()
			want := []arrival{{delay, a.LocalAddr(), "hello"}}
			if !slices.Equal(got, want) {
				t.Errorf("delay %v: got %v, want %v", delay, got, want)
			}
		})
	}
}

func TestDirectionsAndPairsHaveTheirOwnLinks(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		n.SetDefaultLink(Link{Delay: 7 * time.Millisecond})
		a, b := pair(t, n, Link{Delay: 20 * time.Millisecond})
		hc := n.Host("c", "192.0.2.3")
		c := listen(t, hc, "192.0.2.3:1000")
		n.SetLinkOneWay(n.hosts[1], n.hosts[0], Link{Delay: 30 * time.Millisecond})
		a.send(b.LocalAddr(), "a to b")
		b.send(a.LocalAddr(), "b to a")
		a.send(c.LocalAddr(), "a to c")
		pass(time.Second)
		for _, c := range []struct {
			at   *sink
			want time.Duration
		}{{b, 20 * time.Millisecond}, {a, 30 * time.Millisecond}, {c, 7 * time.Millisecond}} {
			if got := c.at.take(); len(got) != 1 || got[0].after != c.want {
				t.Errorf("at %v: %v, want one after %v", c.at.LocalAddr(), got, c.want)
			}
		}
	})
}

func TestABurstKeepsItsOrder(t *testing.T) {
	for _, l := range []Link{
		{}, {Delay: time.Millisecond}, {Delay: 20 * time.Millisecond, Jitter: 50 * time.Millisecond},
		{Bandwidth: 1_000_000, Queue: time.Hour}, {Bandwidth: 1_000_000, Queue: time.Hour, Jitter: time.Second},
	} {
		bubble(t, 1, func(t *testing.T, n *Net) {
			a, b := pair(t, n, l)
			for _, s := range numbered(300) {
				a.send(b.LocalAddr(), s)
			}
			pass(time.Minute)
			b.want(numbered(300)...)
		})
	}
}

func TestJitterSpreadsArrivalsWithinItsRange(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		const delay, jitter = 50 * time.Millisecond, 20 * time.Millisecond
		a, b := pair(t, n, Link{Delay: delay, Jitter: jitter})
		seen := map[time.Duration]bool{}
		for range 200 {
			b.start = time.Now()
			a.send(b.LocalAddr(), "x")
			pass(time.Second)
			got := b.take()
			if len(got) != 1 || got[0].after < delay || got[0].after > delay+jitter {
				t.Fatalf("got %v", got)
			}
			seen[got[0].after] = true
		}
		if len(seen) < 150 {
			t.Errorf("only %d different delays in 200", len(seen))
		}
	})
}

func TestChancesAreMetOverManyDatagrams(t *testing.T) {
	const count = 20_000
	for _, c := range []struct {
		name string
		link Link
		of   func(Stats) uint64
		want float64
	}{
		{"loss", Link{Loss: 0.1}, func(s Stats) uint64 { return s.Drops.Loss }, 0.1},
		{"duplicate", Link{Duplicate: 0.25}, func(s Stats) uint64 { return s.Duplicated }, 0.25},
		{"certain loss", Link{Loss: 1}, func(s Stats) uint64 { return s.Lost }, 1},
		{"no loss", Link{Jitter: 1}, func(s Stats) uint64 { return s.Lost + s.Duplicated }, 0},
	} {
		bubble(t, 42, func(t *testing.T, n *Net) {
			a, b := pair(t, n, c.link)
			for i := range count {
				a.send(b.LocalAddr(), "x")
				if i%1000 == 0 {
					pass(time.Second)
				}
			}
			pass(time.Second)
			got := float64(c.of(n.Stats())) / count
			if sigma := math.Sqrt(c.want * (1 - c.want) / count); math.Abs(got-c.want) > 4*sigma {
				t.Errorf("%s: %.4f of the datagrams, want %.4f", c.name, got, c.want)
			}
		})
	}
}

func TestReorderedDatagramsAreOvertaken(t *testing.T) {
	bubble(t, 3, func(t *testing.T, n *Net) {
		a, b := pair(t, n, Link{Delay: 10 * time.Millisecond, Reorder: 0.2})
		for _, s := range numbered(500) {
			a.send(b.LocalAddr(), s)
			time.Sleep(time.Millisecond)
		}
		pass(time.Second)
		got := b.payloads()
		if slices.Equal(got, numbered(500)) {
			t.Error("everything arrived in order")
		}
		if slices.Sort(got); len(slices.Compact(got)) != 500 {
			t.Errorf("%d of 500 arrived", len(got))
		}
	})
}

func TestBandwidthSerialises(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		// 972 bytes of payload are 1000 on the wire: 8 ms at 1 Mbit/s.
		a, b := pair(t, n, Link{Bandwidth: 1_000_000, Delay: 100 * time.Millisecond, Queue: time.Hour})
		payload := strings.Repeat("x", 972)
		for range 3 {
			a.send(b.LocalAddr(), payload)
		}
		pass(time.Second)
		a.send(b.LocalAddr(), payload) // the link has become idle
		pass(time.Second)
		var at []time.Duration
		for _, g := range b.take() {
			at = append(at, g.after)
		}
		ms := time.Millisecond
		if want := []time.Duration{108 * ms, 116 * ms, 124 * ms, 1108 * ms}; !slices.Equal(at, want) {
			t.Errorf("arrived at %v, want %v", at, want)
		}
	})
}

func TestTheQueueBeforeTheBottleneckIsBoundedInTime(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		a, b := pair(t, n, Link{Bandwidth: 1_000_000, Queue: 20 * time.Millisecond})
		payload := strings.Repeat("x", 972) // 8 ms each
		for range 10 {
			a.send(b.LocalAddr(), payload)
		}
		pass(time.Second)
		// They wait 0, 8 and 16 ms; the next would wait 24.
		if got := len(b.take()); got != 3 {
			t.Errorf("%d arrived, want 3", got)
		}
		if got := n.Stats().Drops.Queue; got != 7 {
			t.Errorf("%d dropped by the queue, want 7", got)
		}
	})
}

func TestDatagramsLongerThanTheMTUAreDropped(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		ha, hb := n.Host("a", "192.0.2.1", "2001:db8::1"), n.Host("b", "192.0.2.2", "2001:db8::2")
		listen(t, hb, "192.0.2.2:1")
		listen(t, hb, "[2001:db8::2]:1")
		a4, a6 := listen(t, ha, "192.0.2.1:1"), listen(t, ha, "[2001:db8::1]:1")
		for _, c := range []struct {
			from  *sink
			dst   string
			mtu   int
			limit int
		}{
			{a4, "192.0.2.2:1", 0, 1500 - 20 - 8},
			{a6, "[2001:db8::2]:1", 0, 1500 - 40 - 8},
			{a4, "192.0.2.2:1", 1280, 1280 - 20 - 8},
			{a6, "[2001:db8::2]:1", 1280, 1280 - 40 - 8},
		} {
			n.SetLink(ha, hb, Link{MTU: c.mtu})
			before := n.Stats()
			c.from.send(ap(c.dst), strings.Repeat("x", c.limit))
			c.from.send(ap(c.dst), strings.Repeat("x", c.limit+1))
			after := n.Stats()
			if after.Delivered-before.Delivered != 1 || after.Drops.TooBig-before.Drops.TooBig != 1 {
				t.Errorf("mtu %d to %s: the limit is not %d bytes", c.mtu, c.dst, c.limit)
			}
		}
	})
}

// A link with fragments carries what is longer than its MTU, unless the sender forbids that, and the pieces take their time
// and are lost together: RFC 791 section 3.2, RFC 8200 section 4.5.
func TestLongDatagramsPassInPieces(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		ha, hb := n.Host("a", "192.0.2.1", "2001:db8::1"), n.Host("b", "192.0.2.2", "2001:db8::2")
		for _, c := range []struct {
			from, to string
			bytes    int // of 1400 bytes of payload in two packets
		}{
			{"192.0.2.1:1", "192.0.2.2:1", 1400 + 8 + 2*20},
			{"[2001:db8::1]:1", "[2001:db8::2]:1", 1400 + 8 + 2*48},
		} {
			a, b := listen(t, ha, c.from), listen(t, hb, c.to)
			n.SetLink(ha, hb, Link{MTU: 1280, Fragments: true, Bandwidth: 8000}) // a byte each millisecond
			long := strings.Repeat("x", 1400)
			a.send(ap(c.to), long)
			pass(time.Minute)
			if got := b.take(); len(got) != 1 || got[0].data != long || got[0].after != time.Duration(c.bytes)*time.Millisecond {
				t.Errorf("%s: %d arrived, not one after %d ms", c.to, len(got), c.bytes)
			}
			whole := netio.GetBuffer()
			whole.SetLen(copy(whole.Cap(), long))
			whole.KeepWhole()
			_, err := a.WriteBatch([]netio.Datagram{{Buffer: whole, Addr: ap(c.to)}})
			whole.Release()
			if err != nil {
				t.Fatal(err)
			}
			pass(time.Minute)
			b.want()

			n.SetLink(ha, hb, Link{MTU: 1280, Fragments: true, Loss: 0.3})
			for range 1000 {
				a.send(ap(c.to), long)
			}
			pass(time.Second)
			if got := len(b.take()); got < 440 || got > 540 { // 0.7 * 0.7 of them
				t.Errorf("%d of 1000 have lost no piece", got)
			}
		}
		if got := n.Stats().Drops.TooBig; got != 2 {
			t.Errorf("%d dropped for their length", got)
		}
	})
}

func TestALinkThatIsDownDropsAndComesBack(t *testing.T) {
	bubble(t, 1, func(t *testing.T, n *Net) {
		a, b := pair(t, n, Link{Delay: 10 * time.Millisecond})
		a.send(b.LocalAddr(), "in flight")
		n.SetLink(n.hosts[0], n.hosts[1], Link{Down: true})
		a.send(b.LocalAddr(), "lost")
		b.send(a.LocalAddr(), "lost")
		pass(time.Second)
		b.want("in flight")
		n.SetLink(n.hosts[0], n.hosts[1], Link{})
		a.send(b.LocalAddr(), "back")
		b.want("back")
		a.want()
		if got := n.Stats().Drops.Down; got != 2 {
			t.Errorf("%d dropped, want 2", got)
		}
	})
}

// trace is what arrives at two receivers from one sender over a bad link, with
// or without others' traffic beside it.
func trace(t *testing.T, seed uint64, noise bool) [][]arrival {
	var got [][]arrival
	bubble(t, seed, func(t *testing.T, n *Net) {
		a, b := pair(t, n, Link{Delay: 20 * time.Millisecond, Jitter: 5 * time.Millisecond, Loss: 0.1, Duplicate: 0.1, Reorder: 0.1})
		for _, s := range numbered(200) {
			a.send(b.LocalAddr(), s)
			if noise {
				b.send(a.LocalAddr(), s)
			}
			time.Sleep(time.Millisecond)
		}
		pass(time.Second)
		got = append(got, b.take())
	})
	return got
}

func TestTheSeedAndTheOrderOfADirectionDecideItsFate(t *testing.T) {
	first := trace(t, 7, false)
	if !reflect.DeepEqual(first, trace(t, 7, false)) {
		t.Error("the same seed gave another result")
	}
	if !reflect.DeepEqual(first, trace(t, 7, true)) {
		t.Error("traffic in the other direction changed the result")
	}
	if reflect.DeepEqual(first, trace(t, 8, false)) {
		t.Error("another seed gave the same result")
	}
}

func TestNothingRunsWhileNothingIsInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := New(1)
		ha, hb := n.Host("a", "192.0.2.1"), n.Host("b", "192.0.2.2")
		n.SetLink(ha, hb, Link{Delay: time.Second})
		a, b := listen(t, ha, "192.0.2.1:1"), listen(t, hb, "192.0.2.2:1")
		a.send(b.LocalAddr(), "x")
		pass(time.Second)
		b.want("x")
		a.Close()
		b.Close()
		// The bubble ends here: it fails if a goroutine of the network is left.
	})
}
