package ice

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/pion/stun"
)

// gathering drives a gatherer in virtual time.
type gathering struct {
	t      *testing.T
	g      *Gatherer
	now    time.Time
	sent   []sentQuery
	events []GatherEvent
}

type sentQuery struct {
	at time.Duration
	d  Datagram
}

func newGathering(t *testing.T, cfg GathererConfig) *gathering {
	return &gathering{t: t, g: NewGatherer(cfg), now: epoch}
}

func (x *gathering) drain() {
	for {
		d, ok := x.g.NextDatagram()
		if !ok {
			break
		}
		x.sent = append(x.sent, sentQuery{x.now.Sub(epoch), d})
	}
	for {
		e, ok := x.g.NextEvent()
		if !ok {
			break
		}
		x.events = append(x.events, e)
	}
}

func (x *gathering) socket(id LocalID, addr string) {
	x.g.AddSocket(x.now, LocalSocket{ID: id, Addr: netip.MustParseAddrPort(addr)})
	x.drain()
}

func (x *gathering) server(url, addr string) {
	x.g.AddServer(x.now, url, netip.MustParseAddrPort(addr))
	x.drain()
}

func (x *gathering) run(until time.Duration) {
	x.t.Helper()
	for {
		d := x.g.Deadline()
		if d.IsZero() || d.After(epoch.Add(until)) {
			break
		}
		if d.Before(x.now) {
			x.t.Fatalf("deadline %v is in the past", d.Sub(epoch))
		}
		x.now = d
		x.g.Advance(x.now)
		x.drain()
	}
	x.now = epoch.Add(until)
}

// answer lets the server of a query see it as coming from mapped.
func (x *gathering) answer(q sentQuery, setters ...stun.Setter) bool {
	m := &stun.Message{Raw: q.d.Data}
	if err := m.Decode(); err != nil {
		x.t.Fatal(err)
	}
	all := append([]stun.Setter{stun.NewTransactionIDSetter(m.TransactionID)}, setters...)
	ok := x.g.HandleDatagram(x.now, Datagram{Local: q.d.Local, Remote: q.d.Remote, Data: stun.MustBuild(all...).Raw})
	x.drain()
	return ok
}

func mapped(addr string) stun.Setter {
	a := netip.MustParseAddrPort(addr)
	return &stun.XORMappedAddress{IP: a.Addr().AsSlice(), Port: int(a.Port())}
}

func (x *gathering) candidates() (all []LocalCandidate) {
	for _, e := range x.events {
		if c, ok := e.(*GatherCandidate); ok {
			all = append(all, c.Candidate)
		}
	}
	return all
}

func (x *gathering) errors() (all []GatherError) {
	for _, e := range x.events {
		if c, ok := e.(*GatherError); ok {
			all = append(all, *c)
		}
	}
	return all
}

func (x *gathering) done() bool {
	return slices.ContainsFunc(x.events, func(e GatherEvent) bool { _, ok := e.(*GatherDone); return ok })
}

// RFC 8445 section 5.1.1.
func TestGathersHostAndReflexiveCandidates(t *testing.T) {
	x := newGathering(t, GathererConfig{Credentials: Credentials{Ufrag: "frag"}})
	x.socket(1, "10.0.0.1:1000")
	x.socket(2, "[2001:db8::1]:1001")
	x.server("stun:s", "192.0.2.100:3478")
	x.socket(3, "10.1.0.1:1002") // later than the server
	x.server("stun:s", "[2001:db8::100]:3478")
	x.g.Complete(x.now)
	x.run(200 * ms)
	if len(x.sent) != 3 {
		t.Fatalf("%d queries", len(x.sent))
	}
	if !x.answer(x.sent[0], stun.BindingSuccess, mapped("198.51.100.1:5000"), stun.Fingerprint) ||
		!x.answer(x.sent[1], stun.BindingSuccess, mapped("198.51.100.2:5001")) {
		t.Error("answer not recognised")
	}
	if x.done() {
		t.Error("done before the last answer")
	}
	x.answer(x.sent[2], stun.BindingSuccess, mapped("[2001:db8::1]:1001")) // no NAT: redundant
	if x.g.Conclude(); !x.done() || !x.g.Deadline().IsZero() {
		t.Error("not done")
	}
	all := x.candidates()
	var text []string
	for _, c := range all {
		text = append(text, c.String())
	}
	want := []string{
		"candidate:1 1 udp 2130706175 10.0.0.1 1000 typ host ufrag frag",
		"candidate:2 1 udp 2130706431 2001:db8::1 1001 typ host ufrag frag",
		"candidate:3 1 udp 2130705663 10.1.0.1 1002 typ host ufrag frag",
		"candidate:4 1 udp 1694498559 198.51.100.1 5000 typ srflx raddr 10.0.0.1 rport 1000 ufrag frag",
		"candidate:5 1 udp 1694498047 198.51.100.2 5001 typ srflx raddr 10.1.0.1 rport 1002 ufrag frag",
	}
	if !slices.Equal(text, want) {
		t.Errorf("got %q\nwant %q", text, want)
	}
	if all[3].URL != "stun:s" || all[3].Base != all[0].Addr || all[3].ID != 1 || all[0].URL != "" {
		t.Errorf("%+v", all[3])
	}
}

// RFC 8445 section 14.2 and RFC 8489 section 6.2.1: new transactions Ta apart;
// each is repeated after 500 ms, 1 s and 2 s, until STUNTimeout.
func TestQueriesArePacedAndRepeated(t *testing.T) {
	x := newGathering(t, GathererConfig{})
	x.socket(1, "10.0.0.1:1000")
	x.socket(2, "10.0.0.2:1000")
	x.server("stun:s", "192.0.2.100:3478")
	x.g.Complete(x.now)
	x.run(time.Minute)
	var times [3][]time.Duration
	for _, q := range x.sent {
		times[q.d.Local] = append(times[q.d.Local], q.at)
	}
	want := []time.Duration{0, 500 * ms, 1500 * ms, 3500 * ms}
	later := []time.Duration{50 * ms, 550 * ms, 1550 * ms, 3550 * ms}
	if !slices.Equal(times[1], want) || !slices.Equal(times[2], later) {
		t.Errorf("sent at %v and %v", times[1], times[2])
	}
	errs := x.errors()
	if len(errs) != 2 || errs[0].Code != 701 || errs[0].URL != "stun:s" || errs[0].Addr.String() != "10.0.0.1:1000" || errs[0].Text == "" {
		t.Errorf("errors %+v", errs)
	}
	if !x.done() {
		t.Error("not done")
	}
}

func TestServersThatFailAreReported(t *testing.T) {
	x := newGathering(t, GathererConfig{})
	x.socket(1, "10.0.0.1:1000")
	x.server("stun:s", "192.0.2.100:3478")
	x.answer(x.sent[0], stun.BindingError, stun.ErrorCodeAttribute{Code: 420, Reason: []byte("un\x1bknown\xff")})
	errs := x.errors()
	want := []GatherError{
		{URL: "stun:s", Addr: netip.MustParseAddrPort("10.0.0.1:1000"), Code: 420, Text: "unknown"},
	}
	if !slices.Equal(errs, want) {
		t.Errorf("%+v", errs)
	}
}

// Only the server that was asked can answer, and only well-formed: the empty
// XOR-MAPPED-ADDRESS would make pion/stun panic.
func TestFalseAnswersChangeNothing(t *testing.T) {
	x := newGathering(t, GathererConfig{})
	x.socket(1, "10.0.0.1:1000")
	x.server("stun:s", "192.0.2.100:3478")
	q := x.sent[0]
	other := q
	other.d.Remote = netip.MustParseAddrPort("192.0.2.100:9999")
	if x.answer(other, stun.BindingSuccess, mapped("198.51.100.6:6")) {
		t.Error("took an answer from another address")
	}
	other = q
	other.d.Local = 2
	if x.answer(other, stun.BindingSuccess, mapped("198.51.100.6:6")) {
		t.Error("took an answer from another socket")
	}
	raw := func(v ...byte) stun.Setter { return stun.RawAttribute{Type: stun.AttrXORMappedAddress, Value: v} }
	for _, setters := range [][]stun.Setter{
		{stun.BindingSuccess}, {stun.BindingSuccess, raw()}, {stun.BindingSuccess, raw(0)}, {stun.BindingSuccess, raw(0, 1)},
		{stun.BindingSuccess, raw(0, 1, 2, 3)}, {stun.BindingSuccess, raw(0, 1, 2, 3, 4)}, {stun.BindingSuccess, raw(0, 2, 2, 3, 4, 5, 6, 7)},
		{stun.BindingSuccess, mapped("0.0.0.0:6")}, {stun.BindingError}, {stun.BindingRequest, mapped("198.51.100.6:6")},
		{stun.BindingSuccess, mapped("198.51.100.6:6"), stun.RawAttribute{Type: stun.AttrFingerprint, Value: []byte{1, 2, 3, 4}}},
		{stun.BindingSuccess, stun.RawAttribute{Type: stun.AttrMappedAddress, Value: []byte{0, 1, 2, 3, 4}}},
	} {
		x.answer(q, setters...)
	}
	if len(x.events) != 1 {
		t.Errorf("%d events", len(x.events))
	}
	// The true answer still counts; that of an RFC 3489 server, too.
	x.answer(q, stun.BindingSuccess, &stun.MappedAddress{IP: []byte{198, 51, 100, 7}, Port: 7})
	if all := x.candidates(); len(all) != 2 || all[1].Addr.String() != "198.51.100.7:7" {
		t.Errorf("%+v", all)
	}
	if x.answer(q, stun.BindingSuccess, mapped("198.51.100.6:6")) {
		t.Error("took a second answer")
	}
}

func TestRelayPolicyGathersNothingElse(t *testing.T) {
	x := newGathering(t, GathererConfig{Relay: true})
	x.socket(1, "10.0.0.1:1000")
	x.server("stun:s", "192.0.2.100:3478")
	x.g.Complete(x.now)
	x.drain()
	if len(x.sent) != 0 || len(x.candidates()) != 0 || !x.done() {
		t.Errorf("%d sent, events %v", len(x.sent), x.events)
	}
}

func TestServersAreAskedWhereTheyCanBeReached(t *testing.T) {
	x := newGathering(t, GathererConfig{})
	x.socket(1, "127.0.0.1:1000")
	x.socket(2, "[fe80::1%eth0]:1000")
	x.socket(3, "[2001:db8::1]:1000")
	x.server("stun:s", "192.0.2.100:3478")
	x.server("stun:s", "[2001:db8::100]:3478")
	x.server("stun:l", "127.0.0.1:3478")
	x.run(time.Second / 4)
	var got []LocalID
	for _, q := range x.sent {
		got = append(got, q.d.Local)
	}
	if !slices.Equal(got, []LocalID{3, 1}) {
		t.Errorf("asked from %v", got)
	}
	// Closing a socket ends its queries without an error.
	x.g.RemoveSocket(x.now, 1)
	x.g.RemoveSocket(x.now, 3)
	x.g.Complete(x.now)
	x.drain()
	if !x.done() || len(x.errors()) != 0 {
		t.Errorf("done %v, errors %v", x.done(), x.errors())
	}
}

// RFC 8445 section 5.1.2.1: unique local preferences; RFC 8421: families take
// turns, loopback and link-local last.
func TestPrioritiesAreUniqueAndOrdered(t *testing.T) {
	x := newGathering(t, GathererConfig{})
	order := []string{"127.0.0.1:1", "10.0.0.1:1", "10.0.0.2:1", "[2001:db8::1]:1", "[fe80::1%e]:1", "[2001:db8::2]:1"}
	for i, a := range order {
		x.socket(LocalID(i+1), a)
	}
	all := x.candidates()
	slices.SortFunc(all, func(a, b LocalCandidate) int { return int(b.Priority) - int(a.Priority) })
	var got []LocalID
	for i, c := range all {
		got = append(got, c.ID)
		if i > 0 && all[i-1].Priority == c.Priority {
			t.Errorf("priority %d twice", c.Priority)
		}
	}
	if want := []LocalID{4, 2, 6, 3, 1, 5}; !slices.Equal(got, want) {
		t.Errorf("order %v, want %v", got, want)
	}
}

func TestGathererIsBounded(t *testing.T) {
	x := newGathering(t, GathererConfig{})
	for i := range 500 {
		x.socket(LocalID(i), netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, 1}), uint16(i+1)).String())
		x.server("stun:s", netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, 1}), uint16(i+1)).String())
	}
	if len(x.g.sockets) != maxSockets || len(x.g.servers) != maxServers || len(x.g.waiting) > maxSockets*maxServers {
		t.Errorf("%d sockets, %d servers, %d queries", len(x.g.sockets), len(x.g.servers), len(x.g.waiting))
	}
}
