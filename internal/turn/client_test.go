package turn

import (
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/pion/stun"
)

var (
	peer  = netip.MustParseAddrPort("192.0.2.7:7000")
	relay = netip.MustParseAddrPort("198.51.100.3:50000")
	home  = netip.MustParseAddrPort("203.0.113.5:4000")
)

const (
	ms    = time.Millisecond
	realm = "example.org"
)

// script drives a client on virtual time, as its server.
type script struct {
	t      *testing.T
	c      *Client
	now    time.Time
	begun  time.Time
	sent   []sentPacket
	events []Event
}

type sentPacket struct {
	at  time.Duration
	raw []byte
}

func newScript(t *testing.T, cfg Config) *script {
	start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	if cfg.Username == "" {
		cfg.Username, cfg.Password = "user", "pass"
	}
	s := &script{t: t, c: New(cfg), now: start, begun: start}
	s.c.Allocate(s.now)
	s.drain()
	return s
}

func (s *script) drain() {
	s.t.Helper()
	for {
		p, ok := s.c.NextPacket()
		if !ok {
			break
		}
		s.sent = append(s.sent, sentPacket{s.now.Sub(s.begun), p})
	}
	for {
		e, ok := s.c.NextEvent()
		if !ok {
			break
		}
		s.events = append(s.events, e)
	}
	s.c.checkInvariants(s.t)
}

// run lets d pass, from deadline to deadline.
func (s *script) run(d time.Duration) {
	s.t.Helper()
	end := s.now.Add(d)
	for steps := 0; ; steps++ {
		at := s.c.Deadline()
		if at.IsZero() || at.After(end) {
			break
		}
		if steps > 100_000 {
			s.t.Fatal("the deadline does not move")
		}
		if at.After(s.now) {
			s.now = at
		}
		s.c.Advance(s.now)
		s.drain()
	}
	s.now = end
}

// last decodes the newest packet, which must be a request or indication of a method.
func (s *script) last(method stun.Method) *stun.Message {
	s.t.Helper()
	for i := len(s.sent) - 1; i >= 0; i-- {
		m := &stun.Message{Raw: s.sent[i].raw}
		if m.Decode() == nil && m.Type.Method == method {
			return m
		}
	}
	s.t.Fatalf("no %v was sent", method)
	return nil
}

// count is how many packets of a method were sent.
func (s *script) count(method stun.Method) (n int) {
	for _, p := range s.sent {
		m := &stun.Message{Raw: p.raw}
		if m.Decode() == nil && m.Type.Method == method {
			n++
		}
	}
	return n
}

func key() stun.MessageIntegrity { return stun.NewLongTermIntegrity("user", realm, "pass") }

// answer builds a response to a request and hands it in.
func (s *script) answer(request *stun.Message, class stun.MessageClass, setters ...stun.Setter) error {
	s.t.Helper()
	all := append([]stun.Setter{stun.NewTransactionIDSetter(request.TransactionID), stun.NewType(request.Type.Method, class)}, setters...)
	_, _, err := s.c.HandlePacket(s.now, stun.MustBuild(all...).Raw)
	s.drain()
	return err
}

func (s *script) must(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func code(c int, reason string) stun.Setter {
	return stun.ErrorCodeAttribute{Code: stun.ErrorCode(c), Reason: []byte(reason)}
}

func xor(t stun.AttrType, a netip.AddrPort) stun.Setter { return xorSetter{t, a} }

type xorSetter struct {
	t stun.AttrType
	a netip.AddrPort
}

func (x xorSetter) AddTo(m *stun.Message) error {
	return stun.XORMappedAddress{IP: x.a.Addr().AsSlice(), Port: int(x.a.Port())}.AddToAs(m, x.t)
}

func lifetime(d time.Duration) stun.Setter {
	return stun.RawAttribute{Type: stun.AttrLifetime, Value: binary.BigEndian.AppendUint32(nil, uint32(d/time.Second))}
}

// challenge answers the first Allocate request with 401.
func (s *script) challenge() {
	s.t.Helper()
	s.must(s.answer(s.last(stun.MethodAllocate), stun.ClassErrorResponse, code(401, "Unauthorized"), stun.NewRealm(realm), stun.NewNonce("n1")))
}

// allocate carries an allocation through.
func (s *script) allocate(d time.Duration) {
	s.t.Helper()
	s.challenge()
	s.must(s.answer(s.last(stun.MethodAllocate), stun.ClassSuccessResponse,
		xor(stun.AttrXORRelayedAddress, relay), xor(stun.AttrXORMappedAddress, home), lifetime(d), key()))
	if len(s.events) == 0 {
		s.t.Fatal("not allocated")
	}
}

// permit carries the permission of peer through, which the first packet asks for.
func (s *script) permit() {
	s.t.Helper()
	if _, err := s.c.AppendPacket(nil, s.now, peer, []byte{0, 1}); !errors.Is(err, ErrHeld) {
		s.t.Fatal(err)
	}
	s.drain()
	s.must(s.answer(s.last(stun.MethodCreatePermission), stun.ClassSuccessResponse, key()))
}

// RFC 8656 section 7.1 and RFC 8489 section 9.2.3: the first request has no
// credentials, the second has them with what the server told.
func TestAllocatesAfterTheChallenge(t *testing.T) {
	s := newScript(t, Config{Family: DualStack})
	first := s.last(stun.MethodAllocate)
	transport, _ := first.Get(stun.AttrRequestedTransport)
	if first.Contains(stun.AttrUsername) || first.Contains(stun.AttrMessageIntegrity) || !slices.Equal(transport, []byte{17, 0, 0, 0}) {
		t.Errorf("first request %v", first)
	}
	if additional, err := first.Get(attrAdditional); err != nil || additional[0] != 2 || first.Contains(stun.AttrRequestedAddressFamily) {
		t.Errorf("families of %v", first) // RFC 8656 section 7.1: one or the other
	}
	s.challenge()
	second := s.last(stun.MethodAllocate)
	if second.TransactionID == first.TransactionID || key().Check(second) != nil {
		t.Error("the second request is not a signed one of its own")
	}
	var username stun.Username
	var nonce stun.Nonce
	if second.Parse(&username, &nonce) != nil || string(username) != "user" || string(nonce) != "n1" {
		t.Errorf("credentials %q %q", username, nonce)
	}
	s.must(s.answer(second, stun.ClassSuccessResponse, xor(stun.AttrXORRelayedAddress, relay),
		xor(stun.AttrXORRelayedAddress, netip.MustParseAddrPort("[2001:db8::3]:5")), xor(stun.AttrXORMappedAddress, home), lifetime(600*time.Second), key()))
	e, ok := s.events[0].(*Allocated)
	if !ok || len(e.Relayed) != 2 || e.Relayed[0] != relay || e.Mapped != home || len(s.events) != 1 {
		t.Fatalf("events %+v", s.events)
	}
	if got, ok := s.c.Relayed(netip.MustParseAddr("2001:db8::9")); !ok || got.Port() != 5 {
		t.Errorf("relayed from %v", got)
	}
}

// RFC 8489 section 6.2.1 over UDP, 6.2.2 over a stream.
func TestRequestsAreRepeatedOverUDPOnly(t *testing.T) {
	s := newScript(t, Config{AllocateTimeout: time.Minute})
	s.run(time.Minute)
	var at []time.Duration
	for _, p := range s.sent {
		at = append(at, p.at)
	}
	if want := []time.Duration{0, 500 * ms, 1500 * ms, 3500 * ms, 7500 * ms, 15500 * ms, 31500 * ms}; !slices.Equal(at, want) {
		t.Errorf("sent at %v, want %v", at, want)
	}
	stream := newScript(t, Config{Stream: true, AllocateTimeout: time.Minute})
	stream.run(39*time.Second + 499*ms)
	if len(stream.sent) != 1 || len(stream.events) != 0 {
		t.Errorf("%d packets, events %v", len(stream.sent), stream.events)
	}
	stream.run(time.Second)
	for _, x := range []*script{s, stream} {
		if e, ok := x.events[0].(*Failed); !ok || e.Err == nil || !x.c.Deadline().IsZero() {
			t.Errorf("events %+v", x.events)
		}
	}
	short := newScript(t, Config{})
	short.run(10 * time.Second)
	if len(short.events) != 1 || len(short.sent) != 5 {
		t.Errorf("%d packets, events %v", len(short.sent), short.events)
	}
}

// RFC 8656 section 19 and RFC 8489 section 14.8: what the server answers is told.
func TestRefusalsAreTyped(t *testing.T) {
	for _, want := range []int{300, 400, 403, 437, 440, 441, 442, 486, 508} {
		s := newScript(t, Config{})
		s.challenge()
		alternate := stun.RawAttribute{Type: stun.AttrAlternateServer, Value: []byte{0, 1, 0x0d, 0x96, 198, 51, 100, 9}}
		s.must(s.answer(s.last(stun.MethodAllocate), stun.ClassErrorResponse, code(want, "be\x1bcause"), alternate, key()))
		var e *ErrorResponse
		if len(s.events) != 1 || !errors.As(s.events[0].(*Failed).Err, &e) || e.Code != want || e.Reason != "because" || e.Method != "Allocate" {
			t.Errorf("%d: events %+v", want, s.events)
			continue
		}
		server, _, ok := Alternate(e)
		if ok != (want == 300) || ok && server.String() != "198.51.100.9:3478" {
			t.Errorf("%d: alternate %v %v", want, server, ok)
		}
	}
}

// RFC 8489 section 14.16: the name that the alternate server is verified by is taken
// to the octet, or the server is not.
func TestTheAlternateDomainIsNotAltered(t *testing.T) {
	long := strings.Repeat("a.", 120) + "example"
	for domain, want := range map[string]bool{
		long: true, "xn--bcher-kva.example": true, "": true,
		strings.Repeat("a", 256): false, "turn\x00.example": false, "b\u00fccher.example": false, "turn.example\n": false,
	} {
		s := newScript(t, Config{})
		s.challenge()
		s.must(s.answer(s.last(stun.MethodAllocate), stun.ClassErrorResponse, code(300, ""),
			stun.RawAttribute{Type: stun.AttrAlternateServer, Value: []byte{0, 1, 0x0d, 0x96, 198, 51, 100, 9}},
			stun.RawAttribute{Type: stun.AttrAlternateDomain, Value: []byte(domain)}, key()))
		_, got, ok := Alternate(s.events[0].(*Failed).Err)
		if ok != want || ok && got != domain {
			t.Errorf("%q: %q %v", domain, got, ok)
		}
	}
}

// RFC 8656 section 7.4: a server without IPv4 is asked for IPv6.
func TestAServerWithoutIPv4IsAskedForIPv6(t *testing.T) {
	s := newScript(t, Config{Family: DualStack})
	s.challenge()
	s.must(s.answer(s.last(stun.MethodAllocate), stun.ClassErrorResponse, code(440, ""), key()))
	m := s.last(stun.MethodAllocate)
	if family, err := m.Get(stun.AttrRequestedAddressFamily); err != nil || family[0] != 2 || m.Contains(attrAdditional) {
		t.Errorf("asked %v", m)
	}
}

// RFC 8489 section 9.2.5: 401 a second time is final, a stale nonce is replaced, but
// not for ever.
func TestChallengesEnd(t *testing.T) {
	s := newScript(t, Config{})
	s.challenge()
	s.challenge()
	var e *ErrorResponse
	if len(s.events) != 1 || !errors.As(s.events[0].(*Failed).Err, &e) || e.Code != 401 {
		t.Errorf("events %+v", s.events)
	}
	s = newScript(t, Config{})
	s.challenge()
	for n := 0; len(s.events) == 0; n++ {
		if n > 10 {
			t.Fatal("asks without end")
		}
		s.must(s.answer(s.last(stun.MethodAllocate), stun.ClassErrorResponse, code(438, "Stale Nonce"), stun.NewRealm(realm), stun.NewNonce("n2")))
	}
	if !errors.As(s.events[0].(*Failed).Err, &e) || e.Code != 438 {
		t.Errorf("events %+v", s.events)
	}
}

// RFC 8489 section 9.2.5: a response whose MESSAGE-INTEGRITY is missing or wrong is
// as if it had not come; the true one still counts. Nothing panics at attributes that
// are cut short.
func TestForgedResponsesChangeNothing(t *testing.T) {
	s := newScript(t, Config{})
	s.challenge()
	m := s.last(stun.MethodAllocate)
	wrong := stun.NewLongTermIntegrity("user", realm, "guess")
	other := &stun.Message{Type: m.Type, TransactionID: [12]byte{1}}
	if err := s.answer(other, stun.ClassSuccessResponse, xor(stun.AttrXORRelayedAddress, relay), key()); !errors.Is(err, ErrUnknownTransaction) {
		t.Error(err)
	}
	for _, setters := range [][]stun.Setter{
		{xor(stun.AttrXORRelayedAddress, relay)},
		{xor(stun.AttrXORRelayedAddress, relay), wrong},
		{xor(stun.AttrXORRelayedAddress, relay), stun.RawAttribute{Type: stun.AttrMessageIntegrity, Value: []byte{1, 2, 3}}},
	} {
		if err := s.answer(m, stun.ClassSuccessResponse, setters...); !errors.Is(err, ErrIntegrity) {
			t.Error(err)
		}
	}
	if err := s.answer(m, stun.ClassErrorResponse, code(486, ""), wrong); !errors.Is(err, ErrIntegrity) {
		t.Error(err)
	}
	if len(s.events) != 0 || s.c.state != allocating {
		t.Fatalf("events %+v", s.events)
	}
	s.must(s.answer(m, stun.ClassSuccessResponse, xor(stun.AttrXORRelayedAddress, relay), key()))
	if len(s.events) != 1 {
		t.Error("the true response did not count")
	}
}

// RFC 8656 section 7.3: an allocation without a usable address is given up.
func TestUnusableRelayedAddresses(t *testing.T) {
	for _, value := range [][]byte{nil, {0}, {0, 1, 2, 3}, {0, 1, 2, 3, 4, 5, 6}, make([]byte, 20), make([]byte, 21)} {
		s := newScript(t, Config{})
		s.challenge()
		s.must(s.answer(s.last(stun.MethodAllocate), stun.ClassSuccessResponse, stun.RawAttribute{Type: stun.AttrXORRelayedAddress, Value: value}, key()))
		if e, ok := s.events[0].(*Failed); !ok || !errors.Is(e.Err, errNoAddress) {
			t.Errorf("%v: events %+v", value, s.events)
		}
		s.c.Close(s.now)
		s.drain()
		if v, err := s.last(stun.MethodRefresh).Get(stun.AttrLifetime); err != nil || !slices.Equal(v, []byte{0, 0, 0, 0}) {
			t.Error("the allocation was not given up")
		}
	}
}

// RFC 8656 section 8: refreshed a minute before the end, given up with lifetime 0;
// 437 says that it is gone, silence that it expires.
func TestTheAllocationIsRefreshed(t *testing.T) {
	s := newScript(t, Config{})
	s.allocate(600 * time.Second)
	s.run(539 * time.Second)
	if s.count(stun.MethodRefresh) != 0 || s.count(stun.MethodBinding) == 0 {
		t.Error("refreshed too early, or not kept alive (RFC 8445 section 11)")
	}
	s.run(2 * time.Second)
	s.must(s.answer(s.last(stun.MethodRefresh), stun.ClassSuccessResponse, lifetime(100*time.Second), key()))
	s.run(51 * time.Second)
	if n := s.count(stun.MethodRefresh); n < 2 {
		t.Errorf("%d Refresh requests", n)
	}
	s.must(s.answer(s.last(stun.MethodRefresh), stun.ClassErrorResponse, code(437, ""), key()))
	if _, ok := s.events[1].(*Failed); !ok || s.c.Alive() {
		t.Errorf("events %+v", s.events)
	}

	silent := newScript(t, Config{})
	silent.allocate(600 * time.Second)
	silent.run(601 * time.Second)
	if e, ok := silent.events[1].(*Failed); !ok || !errors.Is(e.Err, errExpired) {
		t.Errorf("events %+v", silent.events)
	}

	closing := newScript(t, Config{})
	closing.allocate(600 * time.Second)
	closing.c.Close(closing.now)
	closing.drain()
	m := closing.last(stun.MethodRefresh)
	if v, err := m.Get(stun.AttrLifetime); err != nil || !slices.Equal(v, []byte{0, 0, 0, 0}) || key().Check(m) != nil {
		t.Errorf("gave up with %v", m)
	}
}

// RFC 8656 section 8 and RFC 8489 section 6.2.1: the Refresh that gives an allocation
// up is a transaction like others, but of a bounded time.
func TestTheReleaseIsRepeatedUntilItIsAnswered(t *testing.T) {
	begin := func(cfg Config) *script {
		s := newScript(t, cfg)
		s.allocate(600 * time.Second)
		s.permit()
		s.sent, s.events, s.begun = nil, nil, s.now
		s.c.Close(s.now)
		s.drain()
		return s
	}
	for name, cfg := range map[string]Config{"UDP": {}, "stream": {Stream: true}} {
		silent := begin(cfg)
		silent.run(time.Minute)
		var at []time.Duration
		for _, p := range silent.sent {
			at = append(at, p.at)
		}
		want := []time.Duration{0, 500 * ms, 1500 * ms, 3500 * ms}
		if cfg.Stream {
			want = want[:1]
		}
		if !slices.Equal(at, want) || len(silent.events) != 0 || !silent.c.Deadline().IsZero() {
			t.Errorf("%s: sent at %v, events %v, until %v", name, at, silent.events, silent.c.Deadline())
		}
		for _, class := range []stun.MessageClass{stun.ClassSuccessResponse, stun.ClassErrorResponse} {
			s := begin(cfg)
			s.run(600 * ms)
			var setters []stun.Setter
			if class == stun.ClassErrorResponse {
				setters = append(setters, code(437, ""))
			}
			s.must(s.answer(s.last(stun.MethodRefresh), class, append(setters, key())...))
			n := len(s.sent)
			s.run(time.Minute)
			if len(s.sent) != n || !s.c.Deadline().IsZero() || len(s.events) != 0 {
				t.Errorf("%s: goes on behind the answer", name)
			}
		}
	}
	s := begin(Config{})
	s.must(s.answer(s.last(stun.MethodRefresh), stun.ClassErrorResponse, code(438, ""), stun.NewNonce("n2")))
	m := s.last(stun.MethodRefresh)
	var nonce stun.Nonce
	if v, err := m.Get(stun.AttrLifetime); err != nil || !slices.Equal(v, []byte{0, 0, 0, 0}) || m.Parse(&nonce) != nil || nonce.String() != "n2" {
		t.Errorf("after 438: %v", m)
	}
	if _, err := s.c.AppendPacket(nil, s.now, peer, []byte("x")); !errors.Is(err, ErrNotRelaying) {
		t.Errorf("data after Close: %v", err)
	}
}

// What the server has given up, or never gave, is not given up again.
func TestNothingIsReleasedThatIsNotHeld(t *testing.T) {
	never := newScript(t, Config{})
	refused := newScript(t, Config{})
	refused.challenge()
	refused.must(refused.answer(refused.last(stun.MethodAllocate), stun.ClassErrorResponse, code(486, ""), key()))
	gone := newScript(t, Config{})
	gone.allocate(600 * time.Second)
	gone.run(541 * time.Second)
	gone.must(gone.answer(gone.last(stun.MethodRefresh), stun.ClassErrorResponse, code(437, ""), key()))
	for i, s := range []*script{never, refused, gone} {
		n := s.count(stun.MethodRefresh)
		s.c.Close(s.now)
		s.drain()
		if s.count(stun.MethodRefresh) != n || !s.c.Deadline().IsZero() {
			t.Errorf("%d: %d Refresh requests", i, s.count(stun.MethodRefresh)-n)
		}
	}
	unanswered := newScript(t, Config{})
	unanswered.challenge()
	unanswered.run(time.Minute)
	unanswered.c.Close(unanswered.now)
	unanswered.drain()
	if unanswered.count(stun.MethodRefresh) != 1 {
		t.Error("an allocation whose answer was lost is not given up")
	}
}

// RFC 8656 section 8.3: of the answers to a Refresh only 437 says that the allocation
// is gone. What else is refused is asked for again, until it has expired, and 401 and
// 438 tell the nonce to do that with (RFC 8489 section 9.2.5).
func TestARefusedRefreshIsTriedAgain(t *testing.T) {
	for _, refusal := range []int{401, 403, 438, 441, 500, 508} {
		s := newScript(t, Config{})
		s.allocate(600 * time.Second)
		s.run(541 * time.Second)
		for range 2 {
			before := s.count(stun.MethodRefresh)
			m := s.last(stun.MethodRefresh)
			s.must(s.answer(m, stun.ClassErrorResponse, code(refusal, ""), stun.NewRealm(realm), stun.NewNonce("n2")))
			s.run(11 * time.Second)
			if s.count(stun.MethodRefresh) == before || len(s.events) != 1 {
				t.Fatalf("%d: %d Refresh requests, events %+v", refusal, s.count(stun.MethodRefresh), s.events)
			}
		}
		var nonce stun.Nonce
		m := s.last(stun.MethodRefresh)
		must := "n1"
		if refusal == 401 || refusal == 438 {
			must = "n2"
		}
		if m.Parse(&nonce) != nil || nonce.String() != must {
			t.Errorf("%d: asked again with nonce %q", refusal, nonce)
		}
		s.must(s.answer(m, stun.ClassSuccessResponse, lifetime(600*time.Second), key()))
		s.run(100 * time.Second)
		if !s.c.Alive() {
			t.Errorf("%d: events %+v", refusal, s.events)
		}
	}
}

// A server that refuses for ever is told of when the allocation has expired, and is
// not asked in a hurry.
func TestARefusalForEverEndsWithTheAllocation(t *testing.T) {
	for _, life := range []time.Duration{2 * time.Second, 600 * time.Second} {
		s := newScript(t, Config{})
		s.allocate(life)
		for answered := 0; s.c.Alive(); {
			s.run(100 * ms)
			if n := s.count(stun.MethodRefresh); n > answered {
				answered = n
				s.must(s.answer(s.last(stun.MethodRefresh), stun.ClassErrorResponse, code(500, ""), key()))
			}
		}
		var e *ErrorResponse
		if failed, ok := s.events[1].(*Failed); !ok || !errors.As(failed.Err, &e) || e.Code != 500 {
			t.Errorf("events %+v", s.events)
		}
		if n := s.count(stun.MethodRefresh); n > 30 {
			t.Errorf("%d Refresh requests", n)
		}
	}
}

// RFC 8656 section 8: an allocation may be refreshed at any time, which shows whether
// it is still there. A Refresh that is under way does as well.
func TestAnAllocationIsConfirmed(t *testing.T) {
	s := newScript(t, Config{})
	s.c.Confirm(s.now) // too early, and nothing
	s.allocate(600 * time.Second)
	s.run(time.Minute)
	for range 2 {
		s.c.Confirm(s.now)
		s.drain()
	}
	if n := s.count(stun.MethodRefresh); n != 1 {
		t.Errorf("%d Refresh requests", n)
	}
	s.must(s.answer(s.last(stun.MethodRefresh), stun.ClassSuccessResponse, lifetime(600*time.Second), key()))
	if _, ok := s.events[len(s.events)-1].(*Confirmed); !ok || len(s.events) != 2 {
		t.Fatalf("events %+v", s.events)
	}
	s.run(541 * time.Second) // the regular one confirms nothing
	s.must(s.answer(s.last(stun.MethodRefresh), stun.ClassSuccessResponse, lifetime(600*time.Second), key()))
	if len(s.events) != 2 {
		t.Errorf("events %+v", s.events)
	}
	s.c.Confirm(s.now)
	s.drain()
	s.must(s.answer(s.last(stun.MethodRefresh), stun.ClassErrorResponse, code(437, ""), key()))
	if _, ok := s.events[len(s.events)-1].(*Failed); !ok {
		t.Errorf("events %+v", s.events)
	}
}
