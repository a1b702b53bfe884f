package webrtc

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
)

const (
	// serviceTimeout bounds the look-up of SRV records. Few domains have any, and
	// some resolvers do not answer what they do not know.
	serviceTimeout = 2 * time.Second
	// maxServers bounds the servers of one URL that are looked up and tried.
	maxServers = 3
)

// lookUp finds where a STUN or TURN server is, in the order that the addresses are
// to be tried in. A domain without a port is looked for by its SRV records, which
// name servers and ports (RFC 8489 section 8, RFC 5928 section 3); where there are
// none, or they cannot be had, its own addresses have the server, at the default
// port. Of one server it returns at most one address of each family, as each is asked
// from every local address. It may wait.
func (g *ICEGatherer) lookUp(server iceServerURL) ([]netip.AddrPort, error) {
	resolver, ok := g.api.network.(netio.ServiceResolver)
	if !ok || !server.located {
		return g.lookUpHost(server.host, server.port)
	}
	type answer struct {
		targets []netip.AddrPort
		err     error
	}
	own := make(chan answer, 1)
	g.work.Go(func() { // meanwhile: the records are missing more often than not
		targets, err := g.lookUpHost(server.host, server.port)
		own <- answer{targets, err}
	})
	ctx, cancel := context.WithTimeout(g.context, serviceTimeout)
	defer cancel()
	records, err := resolver.LookupService(ctx, server.scheme, server.transport, server.host)
	if err != nil || len(records) == 0 {
		a := <-own
		return a.targets, a.err
	}
	return g.lookUpServers(server, records)
}

// lookUpServers finds the addresses of the servers that SRV records name.
func (g *ICEGatherer) lookUpServers(server iceServerURL, records []netio.ServiceRecord) (targets []netip.AddrPort, err error) {
	if len(records) == 1 && records[0].Target == "." { // RFC 2782
		return nil, fmt.Errorf("%s has no service %s over %s", server.host, server.scheme, server.transport)
	}
	for _, r := range records[:min(len(records), maxServers)] {
		if r.Port == 0 {
			err = fmt.Errorf("SRV record of %s without a port", server.host)
			continue
		}
		found, failure := g.lookUpHost(r.Target, r.Port)
		if failure != nil {
			err = failure
			continue
		}
		targets = append(targets, found...)
	}
	if len(targets) > 0 {
		err = nil
	}
	return targets, err
}

func (g *ICEGatherer) lookUpHost(host string, port uint16) (targets []netip.AddrPort, err error) {
	ctx, cancel := context.WithTimeout(g.context, lookupTimeout)
	defer cancel()
	addrs, err := g.api.network.LookupNetIP(ctx, "ip", host)
	if err == nil && len(addrs) == 0 {
		err = errors.New("name has no address")
	}
	if err != nil {
		return nil, fmt.Errorf("look up %s: %w", host, err)
	}
	for _, addr := range addrs {
		targets = append(targets, netip.AddrPortFrom(addr.Unmap(), port))
	}
	return firstOfFamilies(targets), nil
}

// firstOfFamilies leaves the first address of each family.
func firstOfFamilies(all []netip.AddrPort) (first []netip.AddrPort) {
	for _, a := range all {
		if !slices.ContainsFunc(first, func(b netip.AddrPort) bool { return b.Addr().Is4() == a.Addr().Is4() }) {
			first = append(first, a)
		}
	}
	return first
}
