package webrtc

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
)

// What becomes of a candidate between the machine that found it and those who
// hear of it. All of this file runs on the loop.

// found publishes a candidate under the addresses that the settings say.
func (g *ICEGatherer) found(now time.Time, c ice.LocalCandidate) {
	for _, c := range g.rewritten(c) {
		if g.hide(&c) && !g.isRedundant(c) {
			g.publishCandidate(now, c)
		}
	}
}

// rewritten applies the rules of addresses.
func (g *ICEGatherer) rewritten(c ice.LocalCandidate) []ice.LocalCandidate {
	e := &g.api.settings
	if len(e.ice.rewrites) == 0 || c.Type == ice.Host && e.hidesAddresses() {
		return []ice.LocalCandidate{c}
	}
	var all []ice.LocalCandidate
	external, replace, _ := e.rewrite(c.Type, c.Base.Addr(), c.Interface)
	if c.Type == ice.ServerReflexive || !replace {
		all = append(all, c)
	}
	if c.Type == ice.ServerReflexive {
		return all
	}
	for _, addr := range external {
		all = append(all, c.At(addr, len(all)))
	}
	if c.Type != ice.Host {
		return all
	}
	external, _, _ = e.rewrite(ice.ServerReflexive, c.Base.Addr(), c.Interface)
	for n, addr := range external {
		all = append(all, c.Mapped(addr, n))
	}
	return all
}

// isRedundant tells whether there is a candidate of the same address and base
// (RFC 8445 section 5.1.3).
func (g *ICEGatherer) isRedundant(c ice.LocalCandidate) bool {
	for _, old := range g.candidates {
		if old.Addr == c.Addr && old.Base == c.Base && old.Transport == c.Transport && old.TCPType == c.TCPType {
			return true
		}
	}
	return false
}

// publishCandidate tells all who wait for candidates.
func (g *ICEGatherer) publishCandidate(now time.Time, c ice.LocalCandidate) {
	c.UsernameFragment = g.credentials.Ufrag
	if g.policy == ICETransportPolicyNoHost && c.Type == ice.Host {
		return
	}
	g.candidates = append(g.candidates[:len(g.candidates):len(g.candidates)], c)
	g.dirty = true
	candidate := g.candidate(c, "", 0)
	g.onLocalCandidate.emit(g.loop, &candidate)
	if g.transport != nil {
		g.transport.addLocal(now, c)
	}
	if g.hooks.candidate != nil {
		g.hooks.candidate(c)
	}
}
