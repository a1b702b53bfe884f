package simnet

import (
	"fmt"
	"net/netip"
	"slices"
	"time"
)

// TURNServer is a public TURN server over UDP and TCP (RFC 8656): long-term credentials,
// allocations with permissions and channels that expire, of either family that its
// host has addresses of. It answers Binding requests too. Tests can make it refuse.
type TURNServer struct {
	host *Host
	addr netip.AddrPort

	// All below: host.net.mu.
	nonce       string
	nonces      int
	strong      bool // SHA-256 and USERHASH are asked for
	refusals    map[TURNMethod]TURNRefusal
	allocations map[turnClient]*turnAllocation
	nextPort    uint16
	stats       TURNStats
}

// The user of every TURNServer, and its realm.
const (
	TURNUser     = "user"
	TURNPassword = "pass"
	turnRealm    = "simnet.example"
)

// turnLifetime is how long an allocation lives after each refresh (RFC 8656 section
// 7.2).
const turnLifetime = 10 * time.Minute

// TURNMethod is a STUN method (RFC 8656 section 17).
type TURNMethod uint16

// The methods of requests that a TURNServer can be made to refuse.
const (
	Binding          TURNMethod = 0x001
	Allocate         TURNMethod = 0x003
	Refresh          TURNMethod = 0x004
	CreatePermission TURNMethod = 0x008
	ChannelBind      TURNMethod = 0x009
)

const (
	methodSend TURNMethod = 0x006
	methodData TURNMethod = 0x007
)

// TURNRefusal is an error response (RFC 8489 section 14.8, RFC 8656 section 19).
type TURNRefusal struct {
	Code   int
	Reason string
	// Alternate is sent as ALTERNATE-SERVER where it is set; with code 300.
	Alternate netip.AddrPort
}

// TURNStats counts what a TURNServer did.
type TURNStats struct {
	Allocated, Refreshed, Released int // successful requests
	Permissions, Channels          int // successful requests, refreshes included
	Indications, ChannelData       int // from clients
	ToClients                      int // datagrams of peers that were relayed
	NotPermitted                   int // datagrams of peers and clients that were not
	Keepalives                     int // Binding indications
}

// turnAllocation is that of one client's address.
type turnAllocation struct {
	server      *TURNServer
	client      turnClient
	user        string
	relayed     []netip.AddrPort
	expires     time.Time
	permissions map[netip.Addr]time.Time // until
	channels    map[uint16]*turnChannel
	bound       map[netip.AddrPort]uint16
}

type turnChannel struct {
	peer    netip.AddrPort
	expires time.Time
}

// TURNServer adds a server, which listens on the first of addrs, at port 3478
// unless that names one, and relays from all of them, at most one of each family.
// Its host has the server's name.
func (n *Net) TURNServer(name string, addrs ...string) *TURNServer {
	listen := addrs[0]
	if a, err := netip.ParseAddr(listen); err == nil {
		listen = netip.AddrPortFrom(a, 3478).String()
	}
	s := &TURNServer{
		addr:        netip.MustParseAddrPort(listen),
		nonce:       "nonce-0",
		refusals:    make(map[TURNMethod]TURNRefusal),
		allocations: make(map[turnClient]*turnAllocation),
		nextPort:    firstPort,
	}
	s.host = n.Host(name, append([]string{s.addr.Addr().String()}, addrs[1:]...)...)
	n.mu.Lock()
	defer n.mu.Unlock()
	serve := func(src netip.AddrPort, data []byte) []outgoing { return s.fromClient(turnClient{addr: src}, data) }
	s.host.services[s.addr] = serve
	s.host.services[s.listens(loopback)] = serve
	s.host.accepting[s.addr] = s.accept
	return s
}

var loopback = netip.AddrFrom4([4]byte{127, 0, 0, 1})

// listens is where the server listens for those at an address.
func (s *TURNServer) listens(client netip.Addr) netip.AddrPort {
	if client.IsLoopback() {
		return netip.AddrPortFrom(loopback, s.addr.Port())
	}
	return s.addr
}

// Addr is where the server listens for others than its own host, which finds it on
// IPv4's loopback too.
func (s *TURNServer) Addr() netip.AddrPort { return s.addr }

// Host is the host that the server runs on, for links and DNS.
func (s *TURNServer) Host() *Host { return s.host }

// URL is the server's URL (RFC 7065), over UDP.
func (s *TURNServer) URL() string { return "turn:" + s.addr.String() }

// StreamURL is the server's URL over TCP.
func (s *TURNServer) StreamURL() string { return s.URL() + "?transport=tcp" }

func (s *TURNServer) locked(f func()) {
	s.host.net.mu.Lock()
	defer s.host.net.mu.Unlock()
	f()
}

// Refuse makes the server answer the authenticated requests of a method, and all of
// Binding, with an error; code 0 ends that.
func (s *TURNServer) Refuse(method TURNMethod, r TURNRefusal) {
	s.locked(func() { s.refusals[method] = r })
}

// ExpireNonce makes the nonce stale: the next request of every client is answered
// with 438 (RFC 8489 section 9.2.4).
func (s *TURNServer) ExpireNonce() {
	s.locked(func() {
		s.nonces++
		s.nonce = fmt.Sprint("nonce-", s.nonces)
	})
}

// RequireSHA256 makes the server take nothing but requests with USERHASH that are
// signed by MESSAGE-INTEGRITY-SHA256 with a key of SHA-256 (RFC 8489 section 9.2).
func (s *TURNServer) RequireSHA256() { s.locked(func() { s.strong = true }) }

// sha256Alone is the list of the password algorithms of such a server, and its entry.
const sha256Alone = "\x00\x02\x00\x00"

// freshNonce is the nonce with the nonce cookie that says what is asked for.
func (s *TURNServer) freshNonce() string {
	if s.strong {
		return "obMatJos2wAAA" + s.nonce
	}
	return s.nonce
}

// challenge asks for credentials.
func (s *TURNServer) challenge(m turnMessage, code int) []byte {
	attributes := []turnAttribute{
		attribute(attrErrorCode, errorCode(code, "")), attribute(attrRealm, []byte(turnRealm)), attribute(attrNonce, []byte(s.freshNonce())),
	}
	if s.strong {
		attributes = append(attributes, attribute(attrPasswordAlgorithms, []byte(sha256Alone)))
	}
	return m.reply(true, nil, attributes...)
}

// Forget drops all allocations, as a restart of the server would.
func (s *TURNServer) Forget() {
	s.locked(func() {
		for _, a := range s.allocations {
			s.release(a)
		}
	})
}

// Allocations is how many there are.
func (s *TURNServer) Allocations() (n int) {
	s.locked(func() {
		s.expire(time.Now())
		n = len(s.allocations)
	})
	return n
}

// Stats returns the counters.
func (s *TURNServer) Stats() (stats TURNStats) {
	s.locked(func() { stats = s.stats })
	return stats
}

// expire drops the allocations that are over.
func (s *TURNServer) expire(now time.Time) {
	for _, a := range s.allocations {
		if !now.Before(a.expires) {
			s.release(a)
		}
	}
}

func (s *TURNServer) release(a *turnAllocation) {
	delete(s.allocations, a.client)
	for _, r := range a.relayed {
		delete(s.host.services, r)
	}
}

// relay takes a port for an allocation, of the family of addr.
func (s *TURNServer) relay(a *turnAllocation, v6 bool) bool {
	for _, own := range s.host.addrs {
		if own.iface.loopback || own.addr.Is6() != v6 {
			continue
		}
		for s.nextPort < firstPort || s.host.inUse(own.addr, s.nextPort) {
			s.nextPort = max(s.nextPort+1, firstPort)
		}
		relayed := netip.AddrPortFrom(own.addr, s.nextPort)
		s.nextPort++
		a.relayed = append(a.relayed, relayed)
		s.host.services[relayed] = a.fromPeer
		return true
	}
	return false
}

// fromClient takes a datagram to the server's address, or a message of a stream.
func (s *TURNServer) fromClient(client turnClient, data []byte) []outgoing {
	now := time.Now()
	s.expire(now)
	if len(data) > 0 && data[0]>>6 == 1 {
		return s.channelData(now, client, data)
	}
	if reply := bindingResponse(client.addr, data); reply != nil && s.refusals[Binding].Code == 0 {
		return s.reply(client, reply)
	}
	m, ok := readTURNMessage(data)
	switch {
	case !ok:
		return nil
	case m.typ == 0x0011:
		s.stats.Keepalives++
		return nil
	case m.typ == uint16(methodSend)|0x10:
		return s.sendIndication(now, client, m)
	case m.typ&0x0110 != 0:
		return nil
	}
	return s.reply(client, s.answer(now, client, m))
}

// answer carries out a request (RFC 8656 sections 7.2, 8.2, 10.2 and 12.2).
func (s *TURNServer) answer(now time.Time, client turnClient, m turnMessage) []byte {
	if r := s.refusals[Binding]; m.method() == Binding && r.Code != 0 {
		return m.reply(true, nil, attribute(attrErrorCode, errorCode(r.Code, r.Reason)))
	}
	user := s.userOf(m)
	key, code := s.authenticate(m, user)
	if code != 0 {
		return s.challenge(m, code)
	}
	refuse := func(r TURNRefusal) []byte {
		attributes := []turnAttribute{attribute(attrErrorCode, errorCode(r.Code, r.Reason))}
		if r.Alternate.IsValid() {
			attributes = append(attributes, attribute(attrAlternateServer, plainAddress(r.Alternate)))
		}
		return m.reply(true, key, attributes...)
	}
	if r := s.refusals[m.method()]; r.Code != 0 {
		return refuse(r)
	}
	a := s.allocations[client]
	switch {
	case m.method() == Allocate:
	case a == nil:
		return refuse(TURNRefusal{Code: 437, Reason: "Allocation Mismatch"})
	case a.user != user:
		return refuse(TURNRefusal{Code: 441, Reason: "Wrong Credentials"})
	}
	var attributes []turnAttribute
	switch m.method() {
	case Allocate:
		attributes, code = s.allocate(now, client, user, m)
	case Refresh:
		attributes, code = a.refresh(now, m)
	case CreatePermission:
		code = a.permit(now, m)
	case ChannelBind:
		code = a.bind(now, m)
	default:
		code = 400
	}
	if code != 0 {
		return refuse(TURNRefusal{Code: code})
	}
	return m.reply(false, key, attributes...)
}

// userOf is the user that a request names, by USERHASH where that is asked for.
func (s *TURNServer) userOf(m turnMessage) string {
	if !s.strong {
		return string(m.first(attrUsername))
	}
	if string(m.first(attrUserhash)) == string(hash(TURNUser, turnRealm)) {
		return TURNUser
	}
	return ""
}

// authenticate checks the long-term credentials (RFC 8489 section 9.2.4).
func (s *TURNServer) authenticate(m turnMessage, user string) (key []byte, code int) {
	switch {
	case m.integrity == 0:
		return nil, 401
	case s.strong && (string(m.first(attrPasswordAlgorithms)) != sha256Alone || string(m.first(attrPasswordAlgorithm)) != sha256Alone):
		return nil, 400
	case string(m.first(attrRealm)) != turnRealm || user != TURNUser:
		return nil, 401
	}
	key = longTermKey(TURNUser, turnRealm, TURNPassword)
	if s.strong {
		key = hash(TURNUser, turnRealm, TURNPassword)
	}
	if !m.verify(key) {
		return nil, 401
	}
	if string(m.first(attrNonce)) != s.freshNonce() {
		return nil, 438
	}
	return key, 0
}

func (s *TURNServer) allocate(now time.Time, client turnClient, user string, m turnMessage) ([]turnAttribute, int) {
	transport := m.first(attrRequestedTransport)
	switch {
	case s.allocations[client] != nil:
		return nil, 437
	case len(transport) != 4:
		return nil, 400
	case transport[0] != 17:
		return nil, 442
	}
	a := &turnAllocation{
		server: s, client: client, user: user, expires: now.Add(turnLifetime),
		permissions: make(map[netip.Addr]time.Time), channels: make(map[uint16]*turnChannel), bound: make(map[netip.AddrPort]uint16),
	}
	family, additional := m.first(attrRequestedFamily), m.first(attrAdditionalFamily)
	if family != nil && additional != nil {
		return nil, 400
	}
	if !s.relay(a, len(family) == 4 && family[0] == 2) {
		return nil, 440
	}
	var attributes []turnAttribute
	if additional != nil && !s.relay(a, true) {
		attributes = append(attributes, attribute(attrAddressErrorCode, append([]byte{2, 0}, errorCode(440, "")[2:]...)))
	}
	s.allocations[client] = a
	s.stats.Allocated++
	for _, r := range a.relayed {
		attributes = append(attributes, attribute(attrXORRelayed, xorAddress(r, m.key())))
	}
	return append(attributes, attribute(attrLifetime, uint32Value(turnLifetime)), attribute(xorMappedAddress, xorAddress(client.addr, m.key()))), 0
}

func (a *turnAllocation) refresh(now time.Time, m turnMessage) ([]turnAttribute, int) {
	lifetime := turnLifetime
	if v := m.first(attrLifetime); len(v) == 4 && v[0] == 0 && v[1] == 0 && v[2] == 0 && v[3] == 0 {
		lifetime = 0
	}
	if lifetime == 0 {
		a.server.release(a)
		a.server.stats.Released++
	} else {
		a.expires = now.Add(lifetime)
		a.server.stats.Refreshed++
	}
	return []turnAttribute{attribute(attrLifetime, uint32Value(lifetime))}, 0
}

// relayFor returns the relayed address of the family of addr.
func (a *turnAllocation) relayFor(addr netip.Addr) (netip.AddrPort, bool) {
	i := slices.IndexFunc(a.relayed, func(r netip.AddrPort) bool { return r.Addr().Is4() == addr.Is4() })
	if i < 0 {
		return netip.AddrPort{}, false
	}
	return a.relayed[i], true
}

func (a *turnAllocation) permit(now time.Time, m turnMessage) int {
	peers := m.all(attrXORPeer)
	if len(peers) == 0 {
		return 400
	}
	for _, v := range peers {
		peer, ok := readXORAddress(v, m.key())
		if !ok {
			return 400
		}
		if _, ok := a.relayFor(peer.Addr()); !ok {
			return 443
		}
	}
	for _, v := range peers {
		peer, _ := readXORAddress(v, m.key())
		a.permissions[peer.Addr()] = now.Add(5 * time.Minute)
	}
	a.server.stats.Permissions++
	return 0
}

func (a *turnAllocation) bind(now time.Time, m turnMessage) int {
	v := m.first(attrChannelNumber)
	peer, ok := readXORAddress(m.first(attrXORPeer), m.key())
	if len(v) != 4 || !ok {
		return 400
	}
	number := uint16(v[0])<<8 | uint16(v[1])
	if _, ok := a.relayFor(peer.Addr()); !ok {
		return 443
	}
	// RFC 8656 section 12.2: a binding of another peer or number may not be reused
	// until 5 minutes after it has expired.
	const rest = 5 * time.Minute
	if ch := a.channels[number]; number < 0x4000 || number > 0x4fff || ch != nil && ch.peer != peer && now.Before(ch.expires.Add(rest)) {
		return 400
	}
	if other, ok := a.bound[peer]; ok && other != number && now.Before(a.channels[other].expires.Add(rest)) {
		return 400
	}
	a.channels[number] = &turnChannel{peer: peer, expires: now.Add(10 * time.Minute)}
	a.bound[peer] = number
	a.permissions[peer.Addr()] = now.Add(5 * time.Minute)
	a.server.stats.Channels++
	return 0
}

func (a *turnAllocation) permits(now time.Time, addr netip.Addr) bool {
	until, ok := a.permissions[addr]
	return ok && now.Before(until)
}

// sendIndication relays to a peer (RFC 8656 section 11.2).
func (s *TURNServer) sendIndication(now time.Time, client turnClient, m turnMessage) []outgoing {
	a := s.allocations[client]
	peer, ok := readXORAddress(m.first(attrXORPeer), m.key())
	data := m.all(attrData)
	if a == nil || !ok || len(data) != 1 {
		return nil
	}
	s.stats.Indications++
	return a.toPeer(now, peer, data[0])
}

// channelData relays to a peer (RFC 8656 section 12.7).
func (s *TURNServer) channelData(now time.Time, client turnClient, data []byte) []outgoing {
	a := s.allocations[client]
	if a == nil || len(data) < 4 {
		return nil
	}
	ch, n := a.channels[uint16(data[0])<<8|uint16(data[1])], int(data[2])<<8|int(data[3])
	if ch == nil || !now.Before(ch.expires) || n > len(data)-4 {
		return nil
	}
	s.stats.ChannelData++
	return a.toPeer(now, ch.peer, data[4:4+n])
}

func (a *turnAllocation) toPeer(now time.Time, peer netip.AddrPort, payload []byte) []outgoing {
	relayed, ok := a.relayFor(peer.Addr())
	if !ok || !a.permits(now, peer.Addr()) {
		a.server.stats.NotPermitted++
		return nil
	}
	return []outgoing{{relayed, peer, slices.Clone(payload)}}
}

// fromPeer relays to the client (RFC 8656 sections 11.3 and 12.7).
func (a *turnAllocation) fromPeer(src netip.AddrPort, payload []byte) []outgoing {
	now := time.Now()
	src = netip.AddrPortFrom(src.Addr().WithZone(""), src.Port())
	if !now.Before(a.expires) || !a.permits(now, src.Addr()) {
		a.server.stats.NotPermitted++
		return nil
	}
	a.server.stats.ToClients++
	if number, ok := a.bound[src]; ok && now.Before(a.channels[number].expires) {
		data := []byte{byte(number >> 8), byte(number), byte(len(payload) >> 8), byte(len(payload))}
		return a.server.reply(a.client, append(data, payload...))
	}
	return a.server.reply(a.client, dataIndication(src, payload))
}
