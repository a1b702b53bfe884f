package pathmtu

import (
	"testing"
	"time"
)

// search runs a Prober on a path that carries limit bytes, and counts probes.
func search(p *Prober, limit int, now *time.Duration) int {
	probes := 0
	for p.Searching() {
		size, number, ok := p.Next(*now, 500*time.Millisecond)
		if !ok {
			*now = p.Deadline()
			p.Advance(*now)
			continue
		}
		probes++
		if size <= limit {
			p.Acknowledged(*now, number)
		}
	}
	return probes
}

// RFC 8899 section 5.3: the search ends at the largest size that passes.
func TestTheSearchFindsTheLargestSize(t *testing.T) {
	for limit := 1160; limit < 1450; limit++ {
		p := New(1160, 1432)
		now := time.Duration(0)
		probes := search(&p, limit, &now)
		if p.Size() > limit && p.Size() != 1160 || p.Size() < min(limit, 1432)-step-3 || p.Size()%4 != 0 {
			t.Errorf("limit %d: found %d", limit, p.Size())
		}
		if probes > 20 {
			t.Errorf("limit %d: %d probes", limit, probes)
		}
		if limit >= 1432 && probes != 1 {
			t.Errorf("limit %d: %d probes for the largest", limit, probes)
		}
	}
}

// Section 5.1.2: MAX_PROBES losses in a row, not one, are no for an answer; section
// 5.1.1: PROBE_TIMER is a second or more.
func TestOneLostProbeIsNoAnswer(t *testing.T) {
	p := New(1160, 1432)
	now := time.Duration(0)
	for n := range maxProbes {
		size, number, ok := p.Next(now, time.Millisecond)
		if !ok || size != 1432 {
			t.Fatalf("probe %d: %d %t", n, size, ok)
		}
		if _, _, ok = p.Next(now, time.Millisecond); ok {
			t.Fatal("two probes under way")
		}
		if d := p.Deadline() - now; d != time.Second {
			t.Fatalf("PROBE_TIMER %v", d)
		}
		if n == maxProbes-1 {
			p.Acknowledged(now, number-1) // of another
			if p.Size() != 1160 {
				t.Fatal("the answer to an older probe counts")
			}
			p.Acknowledged(now, number)
		}
		now = p.Deadline()
		p.Advance(now)
	}
	if p.Size() != 1432 || p.Searching() {
		t.Errorf("size %d", p.Size())
	}
}

// Section 5.1.1, PMTU_RAISE_TIMER: ten minutes later the path may carry more; section
// 4.3: it may also carry less.
func TestThePathMayChange(t *testing.T) {
	p := New(1160, 1432)
	now := time.Duration(0)
	search(&p, 1300, &now)
	found := p.Size()
	if d := p.Deadline() - now; d < 590*time.Second {
		t.Fatalf("search again after %v", d)
	}
	now = p.Deadline()
	p.Advance(now)
	search(&p, 1500, &now)
	if p.Size() != 1432 || found >= 1432 {
		t.Errorf("found %d, then %d", found, p.Size())
	}
	p.BlackHole(now)
	if p.Size() != 1160 || p.Searching() {
		t.Errorf("size %d after a black hole", p.Size())
	}
	now = p.Deadline()
	p.Advance(now)
	if search(&p, 1200, &now); p.Size() < 1188 || p.Size() > 1200 {
		t.Errorf("size %d on the narrower path", p.Size())
	}
}

// A largest size that is no larger than the base leaves nothing to do.
func TestNothingToSearchIsNoSearch(t *testing.T) {
	for _, most := range []int{0, 1160, 1164} {
		p := New(1160, most)
		if _, _, ok := p.Next(0, 0); ok || p.Searching() || p.Deadline() != never {
			t.Errorf("most %d: searches", most)
		}
		p.Advance(time.Hour)
		p.BlackHole(0)
	}
}

// Another path is searched from the base, up to its own limit, and what answers a probe of the former path says nothing
// about it.
func TestAnotherPathIsSearchedFromTheBase(t *testing.T) {
	p := New(1160, 1432)
	now := time.Duration(0)
	search(&p, 1300, &now)
	p.Restart(1412)
	if p.Size() != 1160 || !p.Searching() {
		t.Fatalf("size %d, searching %t", p.Size(), p.Searching())
	}
	_, old, _ := p.Next(now, time.Second)
	p.Restart(1432)
	size, _, ok := p.Next(now, time.Second)
	p.Acknowledged(now, old)
	if !ok || size != 1432 || p.Size() != 1160 {
		t.Errorf("probe of %d, %t; size %d after an answer of the former path", size, ok, p.Size())
	}
	p.Restart(0)
	if _, _, ok := p.Next(now, time.Second); ok || p.Searching() {
		t.Error("a path without a search is probed")
	}
	if d := p.Deadline(); d != never {
		t.Errorf("a path without a search has the deadline %v", d)
	}
}
