package simnet

import (
	"net/netip"
	"time"
)

// NATKind names the usual pairs of mapping and filtering behaviour.
type NATKind uint8

const (
	FullCone          NATKind = iota // endpoint-independent mapping and filtering
	AddressRestricted                // endpoint-independent mapping, address-dependent filtering
	PortRestricted                   // endpoint-independent mapping, address and port-dependent filtering
	Symmetric                        // address and port-dependent mapping and filtering
	OneToOne                         // the public address stands for that of the one host behind it, ports stay
)

// Behavior is what a mapping or a filter depends on (RFC 4787 sections 4.1 and 5).
type Behavior uint8

const (
	EndpointIndependent Behavior = iota
	AddressDependent
	AddressAndPortDependent
)

// of reduces a remote address to what the behaviour depends on.
func (b Behavior) of(remote netip.AddrPort) netip.AddrPort {
	switch b {
	case EndpointIndependent:
		return netip.AddrPort{}
	case AddressDependent:
		return netip.AddrPortFrom(remote.Addr(), 0)
	}
	return remote
}

const (
	// defaultBindingTimeout is the recommended value of RFC 4787 section 4.3, REQ-5.
	defaultBindingTimeout = 5 * time.Minute
	// streamBindingTimeout is the least value of RFC 5382 section 5, REQ-5.
	streamBindingTimeout = 2*time.Hour + 4*time.Minute
)

const (
	firstNATPort = 40000
	lowNATPort   = 1024 // where the search goes on after 65535
)

// Router is a NAT with one public address and hosts behind it. Datagrams that
// leave refresh a binding, those that come in do not (RFC 4787 section 4.3,
// REQ-6). Hosts behind it reach each other at their own addresses, and through
// the public one unless SetHairpin says otherwise. Streams have bindings of their own,
// of the same behaviour (RFC 5382 sections 4.1 and 4.3), which last longer; what opens
// one from outside, and may not, is dropped without an answer.
type Router struct {
	net    *Net
	name   string
	public netip.Addr
	inside realm

	// All below: net.mu.
	mapping, filtering Behavior
	timeout            time.Duration
	hairpin            bool
	oneToOne           bool
	nextPort           uint16
	bindings           map[bindingKey]*binding
	ports              map[publicPort]*binding
}

// publicPort is a port of the public address, of TCP or UDP.
type publicPort struct {
	stream bool
	port   uint16
}

type bindingKey struct {
	stream bool
	inner  netip.AddrPort
	remote netip.AddrPort // what the mapping behaviour leaves of it
}

// binding is one public port.
type binding struct {
	key       bindingKey
	port      publicPort
	inner     innerAddr
	used      time.Time
	permitted map[netip.AddrPort]time.Time // filter entry: last sent to
}

// innerAddr is a socket behind a router.
type innerAddr struct {
	host *Host
	addr netip.AddrPort
}

// NAT adds a router with a public address. It translates the family of that
// address only.
func (n *Net) NAT(name, publicAddr string, kind NATKind) *Router {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.claim(name)
	public, _ := parseAddr(publicAddr)
	r := &Router{
		net: n, name: name, public: public,
		inside:    realm{owner: make(map[netip.Addr]owner)},
		filtering: EndpointIndependent, mapping: EndpointIndependent,
		timeout:  defaultBindingTimeout,
		hairpin:  true,
		nextPort: firstNATPort,
	}
	r.inside.router = r
	switch kind {
	case FullCone:
	case OneToOne:
		r.oneToOne = true
	case AddressRestricted:
		r.filtering = AddressDependent
	case PortRestricted:
		r.filtering = AddressAndPortDependent
	case Symmetric:
		r.mapping, r.filtering = AddressAndPortDependent, AddressAndPortDependent
	}
	r.forget()
	n.internet.claim(public, owner{router: r})
	return r
}

// Host adds a host behind the router. Addresses of the router's family, private
// and link-local ones are behind it; other global addresses (IPv6 beside an IPv4
// NAT) are public. See Net.Host for how addresses are written.
func (r *Router) Host(name string, addrs ...string) *Host {
	r.net.mu.Lock()
	defer r.net.mu.Unlock()
	return r.net.addHost(name, addrs, func(a netip.Addr) *realm {
		if a.Is4() == r.public.Is4() || a.IsPrivate() || a.IsLinkLocalUnicast() {
			return &r.inside
		}
		return &r.net.internet
	})
}

// Addr is the public address.
func (r *Router) Addr() netip.Addr { return r.public }

// SetBehavior replaces the behaviour that the kind stands for. Bindings are
// forgotten.
func (r *Router) SetBehavior(mapping, filtering Behavior) {
	r.net.mu.Lock()
	defer r.net.mu.Unlock()
	r.mapping, r.filtering = mapping, filtering
	r.forget()
}

// SetBindingTimeout sets after which time without a datagram from inside a
// binding or a filter entry of UDP ends; 5 minutes at first.
func (r *Router) SetBindingTimeout(d time.Duration) {
	r.net.mu.Lock()
	defer r.net.mu.Unlock()
	r.timeout = d
}

// SetHairpin says whether hosts behind the router reach each other through its
// public address (RFC 4787 section 6, REQ-9); true at first.
func (r *Router) SetHairpin(on bool) {
	r.net.mu.Lock()
	defer r.net.mu.Unlock()
	r.hairpin = on
}

// Reboot forgets all bindings. Ports are not reused at once.
func (r *Router) Reboot() {
	r.net.mu.Lock()
	defer r.net.mu.Unlock()
	r.forget()
}

func (r *Router) forget() {
	r.bindings = make(map[bindingKey]*binding)
	r.ports = make(map[publicPort]*binding)
}

// outbound translates the source of what leaves. net.mu is held.
func (r *Router) outbound(now time.Time, d *datagram) netip.AddrPort {
	if r.oneToOne {
		return netip.AddrPortFrom(r.public, d.src.Port())
	}
	key := bindingKey{stream: d.segment != nil, inner: d.src, remote: r.mapping.of(d.dst)}
	b := r.bindings[key]
	if b != nil && r.expired(now, key.stream, b.used) {
		delete(r.bindings, key)
		delete(r.ports, b.port)
		b = nil
	}
	if b == nil {
		b = &binding{
			key: key, port: r.freePort(now, key.stream),
			inner:     innerAddr{host: d.from, addr: d.src},
			permitted: make(map[netip.AddrPort]time.Time),
		}
		r.bindings[key] = b
		r.ports[b.port] = b
	}
	b.used = now
	b.permitted[r.filtering.of(d.dst)] = now
	return netip.AddrPortFrom(r.public, b.port.port)
}

// inbound returns who gets a datagram from src to a public port, if the filter
// lets it in. net.mu is held.
func (r *Router) inbound(now time.Time, src netip.AddrPort, to publicPort) (innerAddr, bool) {
	if r.oneToOne {
		return r.only(to.port)
	}
	b := r.ports[to]
	if b == nil || r.expired(now, to.stream, b.used) {
		return innerAddr{}, false
	}
	sent, ok := b.permitted[r.filtering.of(src)]
	if !ok || r.expired(now, to.stream, sent) {
		return innerAddr{}, false
	}
	return b.inner, true
}

// only is the one host behind a OneToOne router.
func (r *Router) only(port uint16) (innerAddr, bool) {
	for addr, who := range r.inside.owner {
		if addr.Is4() == r.public.Is4() && who.host != nil {
			return innerAddr{host: who.host, addr: netip.AddrPortFrom(addr, port)}, true
		}
	}
	return innerAddr{}, false
}

// behind is the host that a public port leads to, filters apart; nil if none.
func (r *Router) behind(to publicPort) *Host {
	if r.oneToOne {
		inner, _ := r.only(to.port)
		return inner.host
	}
	if b := r.ports[to]; b != nil {
		return b.inner.host
	}
	return nil
}

func (r *Router) expired(now time.Time, stream bool, used time.Time) bool {
	if stream {
		return now.Sub(used) >= streamBindingTimeout
	}
	return now.Sub(used) >= r.timeout
}

// freePort returns the next port without a living binding. Ports go up one by
// one, so a symmetric NAT's next port can be guessed, as with real ones.
func (r *Router) freePort(now time.Time, stream bool) publicPort {
	for range lastPort - lowNATPort + 1 {
		port := publicPort{stream, r.nextPort}
		r.nextPort++
		if port.port == lastPort {
			r.nextPort = lowNATPort
		}
		b := r.ports[port]
		if b == nil {
			return port
		}
		if r.expired(now, stream, b.used) {
			delete(r.bindings, b.key)
			delete(r.ports, port)
			return port
		}
	}
	panic("simnet: router " + r.name + " has no free port")
}
