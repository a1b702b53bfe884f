package ice

import (
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/pion/stun"
)

// query is a Binding transaction with a STUN server from one socket.
type query struct {
	socket  LocalSocket
	server  server
	id      transactionID
	request []byte
	next    time.Time // retransmission, or the end
	end     time.Time
	rto     time.Duration
}

func (q *query) due(now time.Time) bool { return !now.Before(q.next) }

// ask queues a query if the server can be reached from the socket at all.
func (g *Gatherer) ask(s LocalSocket, v server) {
	local, remote := s.Addr.Addr(), v.addr.Addr()
	if s.TCPType != "" || local.Is4() != remote.Is4() || local.IsLoopback() != remote.IsLoopback() ||
		local.IsLinkLocalUnicast() != remote.IsLinkLocalUnicast() {
		return
	}
	q := &query{socket: s, server: v, rto: defaultRTO}
	randomBytes(g.cfg.Random, q.id[:])
	m, err := stun.Build(stun.NewTransactionIDSetter(q.id), stun.BindingRequest)
	if err != nil {
		g.fail(q, codeUnreachable, "build STUN request: "+err.Error())
		return
	}
	q.request = m.Raw
	g.waiting = append(g.waiting, q)
}

// send transmits the request and doubles the interval (RFC 8489 section 6.2.1);
// the last interval ends at the transaction's time-out.
func (g *Gatherer) send(q *query, now time.Time) {
	if g.out.len() < maxQueuedDatagrams {
		g.out.push(Datagram{Local: q.socket.ID, Remote: q.server.addr, Data: q.request})
	}
	q.next = earlier(now.Add(q.rto), q.end)
	q.rto *= 2
}

func (g *Gatherer) fail(q *query, code int, text string) {
	g.events.push(&GatherError{URL: q.server.url, Addr: q.socket.Addr, Code: code, Text: text})
}

// HandleDatagram takes a datagram that came in on one of the sockets, and
// reports whether it was an answer to one of the gatherer's requests. Only a
// datagram from the server's address with the request's transaction ID is one.
func (g *Gatherer) HandleDatagram(now time.Time, d Datagram) bool {
	if len(g.active) == 0 || len(d.Data) < headerSize || len(d.Data) > maxMessage {
		return false
	}
	for i, q := range g.active {
		if q.socket.ID != d.Local || string(d.Data[8:headerSize]) != string(q.id[:]) ||
			normal(q.server.addr) != normal(d.Remote) {
			continue
		}
		mapped, failure, ok := readAnswer(d.Data)
		if !ok {
			return true // not a valid answer: another copy may follow
		}
		g.active = append(g.active[:i], g.active[i+1:]...)
		if failure == nil && mapped.Addr().Is4() != q.socket.Addr.Addr().Is4() {
			failure = &stun.ErrorCodeAttribute{Code: codeUnreachable, Reason: []byte("mapped address of another family")}
		}
		if failure != nil {
			g.fail(q, int(failure.Code), printable(failure.Reason))
		} else {
			g.reportReflexive(now, q, mapped)
		}
		g.run(now)
		return true
	}
	return false
}

// reportReflexive makes the server-reflexive candidate (RFC 8445 section
// 5.1.1.2). Where there is no NAT it is redundant with the host candidate.
func (g *Gatherer) reportReflexive(now time.Time, q *query, mapped netip.AddrPort) {
	isNew := g.report(LocalCandidate{ID: q.socket.ID, Base: q.socket.Addr, Interface: q.socket.Interface, Candidate: Candidate{
		Foundation: g.foundation(ServerReflexive, q.socket.Addr.Addr(), q.server.addr.Addr().String()),
		Priority:   candidatePriority(ServerReflexive, q.socket.LocalPreference, 1),
		Addr:       mapped,
		Type:       ServerReflexive,
		Related:    q.socket.Addr,
		URL:        q.server.url,
	}})
	if isNew {
		g.keep(now, q)
	}
}

// readAnswer reads a server's Binding response: a mapped address, or the error
// it answered with. ok is false for what is no valid response (RFC 8489
// section 6.3): a bad FINGERPRINT, or neither an address nor an error.
func readAnswer(data []byte) (mapped netip.AddrPort, failure *stun.ErrorCodeAttribute, ok bool) {
	m := &stun.Message{Raw: data}
	if !stun.IsMessage(data) || m.Decode() != nil || m.Type.Method != stun.MethodBinding {
		return netip.AddrPort{}, nil, false
	}
	if m.Contains(stun.AttrFingerprint) {
		if own, err := parseMessage(data); err != nil || !own.checkFingerprint() {
			return netip.AddrPort{}, nil, false
		}
	}
	switch m.Type.Class {
	case stun.ClassSuccessResponse:
		mapped, err := mappedAddress(m)
		return mapped, nil, err == nil
	case stun.ClassErrorResponse:
		failure = new(stun.ErrorCodeAttribute)
		if failure.GetFrom(m) != nil || failure.Code < 300 || failure.Code > 699 {
			return netip.AddrPort{}, nil, false
		}
		return netip.AddrPort{}, failure, true
	}
	return netip.AddrPort{}, nil, false
}

// mappedAddress reads XOR-MAPPED-ADDRESS or, of servers older than RFC 5389,
// MAPPED-ADDRESS. The lengths are checked before pion/stun reads the values: its
// XORMappedAddress.GetFrom panics on an empty one, and takes addresses that are
// cut short.
func mappedAddress(m *stun.Message) (netip.AddrPort, error) {
	if v, err := m.Get(stun.AttrXORMappedAddress); err == nil {
		if err := checkAddressLength(v); err != nil {
			return netip.AddrPort{}, fmt.Errorf("XOR-MAPPED-ADDRESS: %w", err)
		}
		var a stun.XORMappedAddress
		if err := a.GetFrom(m); err != nil {
			return netip.AddrPort{}, err
		}
		return usableAddress(a.IP, a.Port)
	}
	v, err := m.Get(stun.AttrMappedAddress)
	if err != nil {
		return netip.AddrPort{}, err
	}
	if err := checkAddressLength(v); err != nil {
		return netip.AddrPort{}, fmt.Errorf("MAPPED-ADDRESS: %w", err)
	}
	var a stun.MappedAddress
	if err := a.GetFrom(m); err != nil {
		return netip.AddrPort{}, err
	}
	return usableAddress(a.IP, a.Port)
}

// checkAddressLength holds the value of an address attribute against its family
// (RFC 8489 section 14.1).
func checkAddressLength(v []byte) error {
	if len(v) == 8 && v[1] == 1 || len(v) == 20 && v[1] == 2 {
		return nil
	}
	return fmt.Errorf("value of %d bytes: %w", len(v), ErrMalformed)
}

func usableAddress(ip []byte, port int) (netip.AddrPort, error) {
	addr, ok := netip.AddrFromSlice(ip)
	if addr = addr.Unmap(); !ok || addr.IsUnspecified() || addr.IsMulticast() || port <= 0 || port > 0xffff {
		return netip.AddrPort{}, fmt.Errorf("mapped address %v port %d is not usable", addr, port)
	}
	return netip.AddrPortFrom(addr, uint16(port)), nil
}

// printable makes a server's reason phrase fit for logs and events: at most 127
// characters (RFC 8489 section 14.8), without control characters.
func printable(b []byte) string {
	s := strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, strings.ToValidUTF8(string(b), ""))
	if r := []rune(s); len(r) > 127 {
		s = string(r[:127])
	}
	return s
}
