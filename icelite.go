package webrtc

import (
	"slices"
	"time"
)

// SetLite makes connections lite ICE agents (RFC 8445 section 2.5), which suits
// servers that everybody reaches at a public address: they gather host
// candidates only, whatever servers are configured, send no checks, and leave
// the choice of the path to the peer, which must be a full agent and gets the
// role controlling. Descriptions have a=ice-lite.
//
// A lite agent lives by the peer's checks: without one for 15 s the transport is
// disconnected, after 15 s more it has failed and sends nothing. SetICETimeouts
// changes the two times. Two lite agents reach each other too, by what RFC 8445
// section 8.2 says, but then nothing tells that a path has died.
func (e *SettingEngine) SetLite(lite bool) { e.ice.lite = lite }

// iceRole follows RFC 8445 section 6.1.1: the end that offered first controls,
// unless only one end is a full agent, which then does.
func iceRole(lite, remoteLite, offered bool) ICERole {
	if remoteLite && !lite || offered && remoteLite == lite {
		return ICERoleControlling
	}
	return ICERoleControlled
}

// serversToAsk are the servers that candidates come from: none for a lite agent
// (RFC 8445 section 5.2), and no STUN server where a rule stands for them.
func (g *ICEGatherer) serversToAsk() []iceServerURL {
	switch {
	case g.api.settings.ice.lite:
		return nil
	case g.api.settings.replacesReflexive():
		return slices.DeleteFunc(slices.Clone(g.servers), func(s iceServerURL) bool {
			return s.scheme == "stun" || s.scheme == "stuns"
		})
	}
	return g.servers
}

// setRemoteLite notes whether the peer is lite. On the loop, before setRemote.
func (t *ICETransport) setRemoteLite(now time.Time, lite bool) {
	t.remoteLite, t.dirty = lite, true
	if t.agent != nil {
		t.agent.SetRemoteLite(now, lite)
	}
}
