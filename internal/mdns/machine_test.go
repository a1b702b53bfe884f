package mdns

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
)

var (
	epoch = time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	from  = netip.MustParseAddrPort("192.0.2.9:5353")
	one   = netip.MustParseAddr("192.0.2.1")
	six   = netip.MustParseAddr("2001:db8::1")
)

const name = "1f4712db-ea17-4bcf-a596-105139dfd8bf.local"

// drain returns the messages that a machine sends.
func drain(m *Machine) (all [][]byte) {
	for {
		b, ok := m.NextMessage()
		if !ok {
			return all
		}
		all = append(all, b)
	}
}

func answers(m *Machine) (all []Answer) {
	for {
		a, ok := m.NextAnswer()
		if !ok {
			return all
		}
		all = append(all, a)
	}
}

// One machine's question, another's answer.
func TestANameIsFound(t *testing.T) {
	var asks, owns Machine
	if !owns.Publish(name, one) || !owns.Publish(name, six) {
		t.Fatal("not published")
	}
	now := epoch.Add(5 * time.Second)
	if !asks.Query(now, strings.ToUpper(name)) {
		t.Fatal("not asked")
	}
	for _, b := range drain(&asks) {
		owns.HandleMessage(now, from, b)
	}
	for _, b := range drain(&owns) {
		asks.HandleMessage(now, from, b)
	}
	got := answers(&asks)
	if len(got) != 2 || got[0] != (Answer{name, one}) || got[1] != (Answer{name, six}) {
		t.Fatalf("found %v", got)
	}
}

// RFC 6762 section 10.1: a name that is withdrawn is said goodbye to, which is no
// answer, and answered for no longer.
func TestANameIsWithdrawn(t *testing.T) {
	var asks, owns Machine
	asks.Query(epoch, name)
	owns.Publish(name, one)
	owns.Withdraw(name, one)
	sent := drain(&owns)
	for _, b := range sent {
		asks.HandleMessage(epoch, from, b)
	}
	if got := answers(&asks); len(sent) != 1 || len(got) != 0 {
		t.Errorf("found %v by a goodbye (%d messages)", got, len(sent))
	}
	owns.HandleMessage(epoch.Add(time.Minute), from, question(name))
	if got := drain(&owns); len(got) != 0 {
		t.Error("a name that was withdrawn is answered for")
	}
}

// Two owners of a name for one address: it is answered for until both have withdrawn
// it, and only then said goodbye to (RFC 6762 section 10.1).
func TestANameIsKeptForItsOtherOwner(t *testing.T) {
	var m Machine
	m.Publish(name, one)
	m.Publish(strings.ToUpper(name), one)
	m.Publish(name, six)
	m.Withdraw(name, one)
	if got := drain(&m); len(got) != 0 {
		t.Errorf("%d messages while one owner is left", len(got))
	}
	m.Query(epoch, name)
	if got := answers(&m); len(got) != 2 {
		t.Errorf("stands for %v", got)
	}
	drain(&m)
	m.Withdraw(name, one)
	m.Withdraw(name, one) // once too often
	if got := drain(&m); len(got) != 1 {
		t.Errorf("%d goodbyes", len(got))
	}
	m.Withdraw(name, six)
	if len(m.own) != 0 {
		t.Error("a name without owners is kept")
	}
}

// RFC 6762 section 5.2: "the interval between the first two queries MUST be at
// least one second", and then at least twice as long each time.
func TestQueriesAreRepeatedMoreAndMoreSlowly(t *testing.T) {
	var m Machine
	m.Query(epoch, name)
	var at []time.Duration
	now := epoch
	for range 4 {
		if len(drain(&m)) != 1 {
			t.Fatalf("at %v: no query", now.Sub(epoch))
		}
		at = append(at, now.Sub(epoch))
		now = m.Deadline()
		m.Advance(now)
	}
	if at[1] != time.Second || at[2] != 3*time.Second || at[3] != 7*time.Second {
		t.Errorf("queries at %v", at)
	}
	drain(&m)
	m.Forget(name)
	if !m.Deadline().IsZero() {
		t.Error("asks on for a name that nobody wants")
	}
}

// RFC 6762 section 6: a record is not multicast again within a second.
func TestAnswersAreLimited(t *testing.T) {
	var m Machine
	m.Publish(name, one)
	drain(&m)
	sent := 0
	for i := range 10_000 {
		m.HandleMessage(epoch.Add(time.Duration(i)*time.Millisecond), from, question(name))
		sent += len(drain(&m))
	}
	if sent > 10 {
		t.Errorf("%d answers in 10 s", sent)
	}
}

// RFC 6762 sections 6, 11, 18.3, 18.11, and what attackers may try.
func TestForeignMessagesChangeNothing(t *testing.T) {
	forged := response(name, []netip.Addr{one}, 120)
	unspecified := response(name, []netip.Addr{netip.IPv4Unspecified()}, 120)
	group := response(name, []netip.Addr{Group4}, 120)
	other := response("another.local", []netip.Addr{one}, 120)
	failed := append([]byte(nil), forged...)
	failed[3] |= 3
	for what, in := range map[string]struct {
		from netip.AddrPort
		data []byte
	}{
		"another port":     {netip.MustParseAddrPort("192.0.2.9:5354"), forged},
		"unspecified":      {from, unspecified},
		"multicast":        {from, group},
		"another name":     {from, other},
		"response code":    {from, failed},
		"cut":              {from, forged[:len(forged)-3]},
		"empty":            {from, nil},
		"longer than 9000": {from, append(append([]byte(nil), forged...), make([]byte, 9000)...)},
	} {
		var m Machine
		m.Query(epoch, name)
		drain(&m)
		m.HandleMessage(epoch, in.from, in.data)
		if got := answers(&m); len(got) != 0 {
			t.Errorf("%s: found %v", what, got)
		}
	}
	var m Machine
	m.Publish(name, one)
	drain(&m)
	m.HandleMessage(epoch.Add(time.Minute), netip.MustParseAddrPort("192.0.2.9:40000"), question(name))
	if len(drain(&m)) != 0 {
		t.Error("a simple resolver is answered")
	}
}

func TestNamesOfICE(t *testing.T) {
	for name, want := range map[string]bool{
		name: true, "a.local": true, "A-1.LOCAL": true,
		"local": false, ".local": false, "a.b.local": false, "a.local.": false, "a b.local": false,
		"ä.local": false, "a.example": false, strings.Repeat("a", 64) + ".local": false,
	} {
		if IsName(name) != want {
			t.Errorf("%q: %v", name, !want)
		}
	}
}

func TestBoundsHold(t *testing.T) {
	var m Machine
	for i := range 2 * maxNames {
		label := strings.Repeat("a", i%50+1) + "-" + strings.Repeat("b", i/50%50+1) + "-" + strings.Repeat("c", i/2500+1) + suffix
		m.Query(epoch, label)
		m.Publish(label, one)
	}
	if len(m.queries) > maxQueries || len(m.own) > maxNames {
		t.Errorf("%d queries, %d names", len(m.queries), len(m.own))
	}
}

// Whatever comes in, nothing panics, and what comes out is a message with our
// names only.
func FuzzHandleMessage(f *testing.F) {
	f.Add(uint16(5353), question(name))
	f.Add(uint16(5353), response(name, []netip.Addr{one, six}, 120))
	f.Add(uint16(5353), response(name, []netip.Addr{one}, 0))
	f.Add(uint16(1), []byte{0, 0, 0x84, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0xc0, 12})
	f.Fuzz(func(t *testing.T, port uint16, data []byte) {
		var m Machine
		m.Query(epoch, "asked.local")
		m.Query(epoch, name)
		m.Publish("mine.local", six)
		drain(&m)
		m.HandleMessage(epoch.Add(time.Minute), netip.AddrPortFrom(one, port), data)
		for _, a := range answers(&m) {
			if m.queries[a.Name] == nil || !usable(a.Addr) || port != Port {
				t.Errorf("found %v", a)
			}
		}
		for _, b := range drain(&m) {
			var reply dnsmessage.Message
			if err := reply.Unpack(b); err != nil || !reply.Response {
				t.Errorf("sends %x: %v", b, err)
			}
			for _, r := range reply.Answers {
				if nameOf(r.Header.Name) != "mine.local" {
					t.Errorf("answers for %v", r.Header.Name)
				}
			}
		}
	})
}

func FuzzIsName(f *testing.F) {
	for _, s := range []string{name, "a.local", "..local", "a..local", "\x00.local", "a.local."} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if !IsName(s) {
			return
		}
		if question(s) == nil || response(s, []netip.Addr{one}, 1) == nil {
			t.Errorf("%q cannot be asked for", s)
		}
		if strings.Count(s, ".") != 1 {
			t.Errorf("%q has several labels", s)
		}
	})
}
