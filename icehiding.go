package webrtc

import (
	"context"
	"crypto/rand"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
	"github.com/passerelle-rtc/webrtc/internal/mdns"
)

// MulticastDNSMode says what connections do with Multicast DNS
// (draft-ietf-mmusic-mdns-ice-candidates).
type MulticastDNSMode byte

const (
	// MulticastDNSModeDisabled ignores candidates of the peer with names under
	// "local".
	MulticastDNSModeDisabled MulticastDNSMode = iota + 1
	// MulticastDNSModeQueryOnly looks such names up, and is the default.
	MulticastDNSModeQueryOnly
	// MulticastDNSModeQueryAndGather looks them up, and signals names of its own in
	// place of the addresses of host candidates.
	MulticastDNSModeQueryAndGather
)

// SetICEMulticastDNSMode says whether names of the peer under "local" are looked
// up, and whether this end hides its own addresses behind such names, as browsers
// do. A name is random, one for each address, and answered for on the local network
// until the gatherer is closed. Addresses are then told neither in descriptions and
// candidates nor by getters and statistics. The value 0 stands for the default.
//
// All connections of an API share one socket on port 5353, which is open only
// while there are names to look up or to answer for. Names are not encrypted, and
// whoever is on the local network can learn the address.
func (e *SettingEngine) SetICEMulticastDNSMode(multicastDNSMode MulticastDNSMode) {
	e.ice.mdnsMode = multicastDNSMode
}

// SetMulticastDNSHostName sets the name, one label under "local", that
// MulticastDNSModeQueryAndGather signals for every address, in place of random
// ones. Connections may share it: it is answered for until the last of them is closed.
func (e *SettingEngine) SetMulticastDNSHostName(hostName string) { e.ice.mdnsHostName = hostName }

func (e *SettingEngine) hidesAddresses() bool {
	return e.ice.mdnsMode == MulticastDNSModeQueryAndGather
}

// hiddenAddress is an address of this host and the name that stands for it.
type hiddenAddress struct {
	addr       netip.Addr
	name       string
	registered bool
}

// register answers for names of the addresses, where they are hidden and have none
// among named. Not on the loop; adopt the result there.
func (g *ICEGatherer) register(addresses []hostAddress, named []hiddenAddress) []hiddenAddress {
	if !g.api.settings.hidesAddresses() {
		return nil
	}
	var all []hiddenAddress
	for _, a := range addresses {
		if nameAmong(named, a.Addr) != "" || nameAmong(all, a.Addr) != "" {
			continue
		}
		h := hiddenAddress{addr: a.Addr.WithZone(""), name: g.api.settings.ice.mdnsHostName}
		if h.name == "" {
			h.name = randomName()
		}
		err := g.api.mdns.publish(h.name, h.addr)
		if h.registered = err == nil; !h.registered {
			// It stays hidden: the peer learns it from checks, if from anything.
			g.log.warn("answer for an address by multicast DNS", "error", err)
		}
		all = append(all, h)
	}
	return all
}

// adoptNames takes names into use. Those of addresses that have one are given up
// again. On the loop.
func (g *ICEGatherer) adoptNames(names []hiddenAddress) {
	for _, h := range names {
		if g.state == ICEGathererStateClosed || g.nameOf(h.addr) != "" {
			g.unregister(h)
		} else {
			g.hidden = append(g.hidden, h)
		}
	}
}

// postNames has the loop take names into use and then run f; if it has ended they
// are given up.
func (g *ICEGatherer) postNames(names []hiddenAddress, f func(now time.Time)) {
	posted := g.loop.Post(func(now time.Time) {
		g.adoptNames(names)
		f(now)
	})
	if posted {
		return
	}
	for _, h := range names {
		if h.registered {
			g.api.mdns.withdraw(h.name, h.addr)
		}
	}
}

// nameOf is the name that stands for an address; "" without one. On the loop.
func (g *ICEGatherer) nameOf(addr netip.Addr) string { return nameAmong(g.hidden, addr) }

func nameAmong(hidden []hiddenAddress, addr netip.Addr) string {
	for _, h := range hidden {
		if h.addr == addr.WithZone("") {
			return h.name
		}
	}
	return ""
}

// unregister gives a name up, beside the loop.
func (g *ICEGatherer) unregister(h hiddenAddress) {
	if h.registered {
		g.work.Go(func() { g.api.mdns.withdraw(h.name, h.addr) })
	}
}

// withdrawNames gives up all names. On the loop.
func (g *ICEGatherer) withdrawNames() {
	for _, h := range g.hidden {
		g.unregister(h)
	}
	g.hidden = nil
}

// hide puts a name in the place of an address, and nothing in the place of the one
// that a reflexive candidate comes from (section 3.1.2.3 of the draft). A host
// candidate whose address has no name is not signalled: false.
func (g *ICEGatherer) hide(c *ice.LocalCandidate) bool {
	if !g.api.settings.hidesAddresses() {
		return true
	}
	if c.Related.IsValid() {
		unspecified := netip.IPv4Unspecified()
		if c.Related.Addr().Is6() {
			unspecified = netip.IPv6Unspecified()
		}
		c.Related = netip.AddrPortFrom(unspecified, 0)
	}
	if c.Type != ice.Host {
		return true
	}
	c.Hostname = g.nameOf(c.Addr.Addr())
	return c.Hostname != ""
}

// randomName is a version 4 UUID under "local" (section 3.1.1 of the draft).
func randomName() string {
	var b [16]byte
	_, _ = rand.Read(b[:]) // it never fails
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x.local", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
}

// lookUpName finds an address of a name in a candidate of the peer. It may wait.
func (t *ICETransport) lookUpName(name string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(t.gatherer.context, lookupTimeout)
	defer cancel()
	if !mdns.IsName(name) {
		return t.api.network.LookupNetIP(ctx, "ip", name)
	}
	addr, err := t.api.mdns.lookUp(ctx, strings.ToLower(name))
	if err != nil {
		return nil, err
	}
	return []netip.Addr{addr}, nil
}
