package webrtc

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/passerelle-rtc/webrtc/internal/turn"
)

// Asking TURN servers for relayed candidates. What is here runs on goroutines of
// the gathering, which may wait; the loop has the relays.

var errGatheringEnded = errors.New("gathering has ended")

// codeUnreachable is W3C's errorCode for a server that cannot be reached (webrtc-pc
// section 4.8.3, RTCPeerConnectionIceErrorEvent).
const codeUnreachable = 701

// maxAlternates is how often a server may send us on to another (RFC 8489 section
// 10).
const maxAlternates = 3

// maxClientPorts is how many of our ports a server is asked from that says that one is
// in use (437, RFC 8656 section 7.4).
const maxClientPorts = 3

// relayFailure is why a server gave no relayed address to one local address.
type relayFailure struct {
	local netip.AddrPort
	err   error
}

// gatherRelays asks one TURN server from each local address that has no relay yet,
// and returns when the last has its answer.
func (g *ICEGatherer) gatherRelays(generation int, server iceServerURL, addresses []hostAddress, live []*relay) {
	if server.protocol() == "dtls" {
		g.serverFailed(generation, server.raw, "TURN over DTLS (turns: with transport=udp) is not supported")
		return
	}
	live = g.confirmRelays(generation, server, live)
	if server.transport == "tcp" && g.api.settings.ice.proxyDialer != nil {
		addresses = []hostAddress{{}} // the proxy knows where from and where to
	}
	targets, err := g.targets(server)
	if err != nil {
		if g.context.Err() == nil {
			g.serverFailed(generation, server.raw, err.Error())
		}
		return
	}
	if server.transport == "udp" {
		g.askForReflexive(generation, server, firstOfFamilies(targets))
	}
	reused := len(live) > 0
	var attempts sync.WaitGroup
	var mu sync.Mutex
	var failures []relayFailure
	tried, unreached := 0, 0
	for _, target := range firstOfFamilies(targets) {
		for _, local := range localAddresses(addresses, target.Addr()) {
			if !reaches(local, target.Addr()) || slices.ContainsFunc(live, func(r *relay) bool { return r.local == local }) {
				continue
			}
			tried++
			attempts.Go(func() {
				var failed []relayFailure
				for _, next := range targets {
					if next.Addr().Is4() != target.Addr().Is4() {
						continue
					}
					from, err := g.gatherRelay(generation, server, local, next)
					if err == nil {
						return
					}
					failed = append(failed, relayFailure{from, err})
				}
				mu.Lock()
				defer mu.Unlock()
				failures = append(failures, failed...)
				unreached++
			})
		}
	}
	attempts.Wait()
	if tried == 0 && !reused {
		failures = append(failures, relayFailure{err: fmt.Errorf("no local address reaches TURN server %s", server.host)})
	}
	g.reportRelayFailures(generation, server, failures, reused || unreached < tried)
}

// relayCheckTimeout is how long a server may take to say that it knows an allocation.
const relayCheckTimeout = 3 * time.Second

// confirmRelays asks one server whether it still has the allocations of an earlier
// generation, and returns those that it has: they are offered. The others are given
// up, for new ones to be asked for.
func (g *ICEGatherer) confirmRelays(generation int, server iceServerURL, all []*relay) (live []*relay) {
	var mu sync.Mutex
	var checks sync.WaitGroup
	for _, r := range all {
		if r.server != server {
			continue
		}
		checks.Go(func() {
			if g.confirmRelay(generation, r) {
				mu.Lock()
				defer mu.Unlock()
				live = append(live, r)
			}
		})
	}
	checks.Wait()
	return live
}

func (g *ICEGatherer) confirmRelay(generation int, r *relay) bool {
	check := &relayCheck{generation, make(chan error, 1)}
	ended := g.loop.Ask(func(now time.Time) {
		r.checked(errGatheringEnded)
		switch {
		case r.closed || !g.gathers(generation):
			check.outcome <- errGatheringEnded
		case r.generation == generation:
			check.outcome <- nil // it is offered already
		default:
			r.check = check
			r.conn.confirm(now)
		}
	})
	if ended != nil {
		return false
	}
	timeout := time.NewTimer(relayCheckTimeout)
	defer timeout.Stop()
	select {
	case err := <-check.outcome:
		return err == nil
	case <-g.context.Done():
	case <-timeout.C:
		_ = g.loop.Ask(func(now time.Time) {
			if r.check != check {
				return
			}
			r.check = nil
			if !g.carriesData(r) {
				g.closeRelay(now, r)
			}
		})
	}
	return false
}

// targets are where a TURN server may be; one that is unset where a proxy looks the
// name up, which leaves SRV records out.
func (g *ICEGatherer) targets(server iceServerURL) ([]netip.AddrPort, error) {
	if server.transport == "tcp" && g.api.settings.ice.proxyDialer != nil {
		return []netip.AddrPort{{}}, nil
	}
	return g.lookUp(server)
}

// localAddresses are those to ask a server from, each once. One on this host's loopback
// is asked from there, though no candidates are gathered on it.
func localAddresses(addresses []hostAddress, server netip.Addr) []netip.Addr {
	var all []netip.Addr
	for _, a := range addresses {
		if !slices.Contains(all, a.Addr) {
			all = append(all, a.Addr)
		}
	}
	if server.IsLoopback() && !slices.ContainsFunc(all, func(a netip.Addr) bool { return reaches(a, server) }) {
		all = append(all, server)
	}
	return all
}

// reaches reports whether a socket on local can send to remote at all. An unset
// local address is a proxy's.
func reaches(local, remote netip.Addr) bool {
	return !local.IsValid() || local.Is4() == remote.Is4() && local.IsLoopback() == remote.IsLoopback() &&
		local.IsLinkLocalUnicast() == remote.IsLinkLocalUnicast()
}

// gatherRelay asks a server from one local address, and those that it sends us to.
// It returns what it was asked from.
func (g *ICEGatherer) gatherRelay(generation int, server iceServerURL, local netip.Addr, target netip.AddrPort) (netip.AddrPort, error) {
	asked := []netip.AddrPort{target}
	name := server.host
	for ports := 1; ; {
		inner, err := g.reachServer(server, name, local, target)
		if err != nil {
			return netip.AddrPortFrom(local, 0), err
		}
		from := inner.LocalAddr()
		var r *relay
		ended := g.loop.Ask(func(now time.Time) { r, err = g.openRelay(now, generation, server, local, target, inner) })
		if ended != nil || err != nil {
			_ = inner.Close()
			return from, cmp.Or(ended, err)
		}
		select {
		case err = <-r.outcome:
		case <-g.context.Done():
			return from, errGatheringEnded
		}
		if turn.Mismatch(err) && ports < maxClientPorts {
			ports++
			continue
		}
		next, domain, ok := turn.Alternate(err)
		if err == nil || !ok {
			return from, err
		}
		if len(asked) > maxAlternates || slices.Contains(asked, next) || !reaches(local, next.Addr()) {
			return from, fmt.Errorf("%w; the alternate server %s cannot be used", err, next)
		}
		if domain != "" {
			name = domain
		}
		asked, target = append(asked, next), next
	}
}

// reachServer opens a socket to a server.
func (g *ICEGatherer) reachServer(server iceServerURL, name string, local netip.Addr, target netip.AddrPort) (netio.PacketConn, error) {
	if server.transport == "udp" {
		return listenUDP(g.api, local)
	}
	return g.dialServer(server, name, local, target)
}

// askForReflexive has every socket ask a server where it sees it.
func (g *ICEGatherer) askForReflexive(generation int, server iceServerURL, targets []netip.AddrPort) {
	g.loop.Post(func(now time.Time) {
		if !g.gathers(generation) {
			return
		}
		g.stunAddrs = append(g.stunAddrs, targets...)
		g.publishInbound()
		for _, target := range targets {
			g.machine.AddServer(now, server.raw, target)
		}
	})
}

// reportRelayFailures raises what went wrong with one server: each answer of it,
// and that it cannot be reached, where that is so from every local address, once.
func (g *ICEGatherer) reportRelayFailures(generation int, server iceServerURL, failures []relayFailure, reached bool) {
	if len(failures) == 0 || g.context.Err() != nil {
		return
	}
	g.loop.Post(func(time.Time) {
		if !g.gathers(generation) {
			return
		}
		for _, f := range failures {
			var refused *turn.ErrorResponse
			if errors.As(f.err, &refused) {
				reached = true
				text := refused.Reason
				if refused.Code == 300 {
					text = f.err.Error()
				}
				if text == "" {
					text = f.err.Error()
				}
				g.serverError(server.raw, f.local, refused.Code, text)
			}
		}
		if !reached {
			g.serverError(server.raw, failures[0].local, codeUnreachable, failures[0].err.Error())
		}
	})
}
