package webrtc

import (
	"net/netip"
	"slices"

	"github.com/passerelle-rtc/webrtc/internal/ice"
)

// What becomes of servers that fail (webrtc-pc section 4.8.3). All of this file
// runs on the loop.

// serverError raises the failure of a server. The local address is told only where
// a candidate tells it already.
func (g *ICEGatherer) serverError(url string, local netip.AddrPort, code int, text string) {
	failure := &ICECandidateError{URL: url, ErrorCode: code, ErrorText: text}
	if g.exposes(local) {
		address, port := addressText(local.Addr()), local.Port()
		failure.Address, failure.Port = &address, &port
	}
	g.log.warn("ICE server", "url", url, "code", code, "error", text)
	g.onError.emit(g.loop, failure)
	if g.hooks.failed != nil {
		g.hooks.failed(failure)
	}
}

// exposes reports whether a host candidate shows the address.
func (g *ICEGatherer) exposes(local netip.AddrPort) bool {
	return local.IsValid() && local.Port() != 0 && slices.ContainsFunc(g.candidates, func(c ice.LocalCandidate) bool {
		return c.Type == ice.Host && c.Hostname == "" && c.Addr.Addr() == local.Addr()
	})
}

// reportUnreachable raises 701 for the STUN servers that no socket has reached,
// once for each URL.
func (g *ICEGatherer) reportUnreachable() {
	raised := make(map[string]bool)
	for _, f := range g.failures {
		reached := slices.ContainsFunc(g.candidates, func(c ice.LocalCandidate) bool { return c.URL == f.URL })
		if !reached && !raised[f.URL] {
			raised[f.URL] = true
			g.serverError(f.URL, f.Addr, f.Code, f.Text)
		}
	}
	g.failures = nil
}

// isTURN tells whether a URL is that of a TURN server. What such a server says to
// the sockets that ask for their reflexive address is no failure of it.
func (g *ICEGatherer) isTURN(url string) bool {
	return slices.ContainsFunc(g.servers, func(s iceServerURL) bool { return s.raw == url && s.isTURN() })
}
