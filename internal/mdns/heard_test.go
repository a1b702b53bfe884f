package mdns

import (
	"fmt"
	"net/netip"
	"testing"
	"time"
)

// RFC 6762 section 6: what was told is not told again within a second, as whoever asks
// should have seen and cached it.
func TestANameThatWasHeardIsFoundAtOnce(t *testing.T) {
	var m Machine
	m.HandleMessage(epoch, from, response(name, []netip.Addr{one, six}, 120))
	if got := answers(&m); len(got) != 0 {
		t.Fatalf("found %v, which nobody wants", got)
	}
	now := epoch.Add(500 * time.Millisecond)
	m.Query(now, name)
	if got := answers(&m); len(got) != 2 || got[0] != (Answer{name, one}) || got[1] != (Answer{name, six}) {
		t.Errorf("found %v", got)
	}
	if got := drain(&m); len(got) != 0 {
		t.Error("asked for what is known")
	}
	if m.Advance(m.Deadline()); len(drain(&m)) != 1 {
		t.Error("not asked a second later, when what is known was not good enough")
	}
}

// RFC 6762 sections 10 and 10.1: not after its time, nor after a goodbye.
func TestANameThatWasHeardIsForgotten(t *testing.T) {
	for what, after := range map[string]func(m *Machine) time.Time{
		"its TTL":  func(*Machine) time.Time { return epoch.Add(10 * time.Second) },
		"the most": func(*Machine) time.Time { return epoch.Add(120 * time.Second) },
		"a goodbye": func(m *Machine) time.Time {
			m.HandleMessage(epoch, from, response(name, []netip.Addr{one}, 0))
			return epoch
		},
	} {
		var m Machine
		ttl := uint32(10)
		if what == "the most" {
			ttl = 1 << 31
		}
		m.HandleMessage(epoch, from, response(name, []netip.Addr{one}, ttl))
		m.Query(after(&m), name)
		if got := answers(&m); len(got) != 0 || len(drain(&m)) != 1 {
			t.Errorf("after %s: found %v, or not asked", what, got)
		}
	}
}

func TestWhatIsHeardIsBounded(t *testing.T) {
	var m Machine
	tell := func(now time.Time, i int) {
		m.HandleMessage(now, from, response(fmt.Sprintf("name-%d.local", i), []netip.Addr{one}, 120))
	}
	for i := range 2 * maxHeard {
		tell(epoch, i)
	}
	if len(m.heard) != maxHeard {
		t.Errorf("%d addresses are kept, want %d", len(m.heard), maxHeard)
	}
	if tell(epoch.Add(2*time.Minute), 0); len(m.heard) != 1 {
		t.Errorf("%d addresses are kept after their time, want the new one", len(m.heard))
	}
}
