package webrtc

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// place is where an end of the table sits.
type place struct {
	name    string
	tcpPort bool // it listens for TCP, as a server does for those without UDP
	host    func(n *simnet.Net, end int) *simnet.Host
}

func behind(kind simnet.NATKind) func(n *simnet.Net, end int) *simnet.Host {
	return func(n *simnet.Net, end int) *simnet.Host {
		router := n.NAT(fmt.Sprint("nat ", end), fmt.Sprintf("203.0.113.%d", end), kind)
		router.SetHairpin(false)
		return router.Host(fmt.Sprint("host ", end), fmt.Sprintf("10.0.%d.2", end))
	}
}

func publicHost(n *simnet.Net, end int) *simnet.Host {
	return n.Host(fmt.Sprint("host ", end), fmt.Sprintf("192.0.2.%d", end))
}

var places = []place{
	{"public", false, publicHost},
	{"public with a TCP port", true, publicHost},
	{"dual stack", false, func(n *simnet.Net, end int) *simnet.Host {
		router := n.NAT(fmt.Sprint("nat ", end), fmt.Sprintf("203.0.113.%d", end), simnet.Symmetric)
		return router.Host(fmt.Sprint("host ", end), fmt.Sprintf("10.0.%d.2", end), fmt.Sprintf("2001:db8::%d", end))
	}},
	{"full cone", false, behind(simnet.FullCone)},
	{"address-restricted", false, behind(simnet.AddressRestricted)},
	{"port-restricted", false, behind(simnet.PortRestricted)},
	{"symmetric", false, behind(simnet.Symmetric)},
	{"UDP blocked", false, func(n *simnet.Net, end int) *simnet.Host {
		h := publicHost(n, end)
		n.Tap(func(p simnet.Packet) simnet.Verdict {
			if !p.Stream && (p.Src.Addr() == h.Addr() || p.Dst.Addr() == h.Addr()) {
				return simnet.Drop
			}
			return simnet.Pass
		})
		return h
	}},
}

const (
	matrixDelay = 10 * time.Millisecond
	// anotherCheck is the time between two checks, Ta (RFC 8445 section 14.2), in round trips.
	anotherCheck = float64(50*time.Millisecond) / float64(2*matrixDelay)
)

// settings are those of a program that uses TCP where it has to.
func (p place) settings(t *testing.T, h *simnet.Host) (e SettingEngine) {
	e.SetNetworkTypes([]NetworkType{NetworkTypeUDP4, NetworkTypeUDP6, NetworkTypeTCP4, NetworkTypeTCP6})
	if p.tcpPort {
		listener, err := h.ListenTCP(netip.AddrPortFrom(h.Addr(), 443))
		must(t, err)
		e.SetICETCPMux(NewICETCPMux(nil, listener, 0))
	}
	return e
}

// placesRig has an end in each place, with STUN and TURN servers, the latter over TCP
// too.
func placesRig(t *testing.T, from, to place, change ...func(*Configuration)) *rig {
	n := simnet.New(1)
	n.SetDefaultLink(simnet.Link{Delay: matrixDelay})
	n.STUNServer("stun", "198.51.100.1:3478")
	s := n.TURNServer("turn", "198.51.100.3")
	relays := turnServer(s)
	relays.URLs = append(relays.URLs, s.StreamURL())
	config := Configuration{ICEServers: []ICEServer{{URLs: []string{"stun:198.51.100.1"}}, relays}}
	for _, f := range change {
		f(&config)
	}
	r := &rig{t: t, net: n, hostA: from.host(n, 1), hostB: to.host(n, 2)}
	engineA, engineB := from.settings(t, r.hostA), to.settings(t, r.hostB)
	r.a, r.b = connectionOn(t, r.hostA, engineA, config), connectionOn(t, r.hostB, engineB, config)
	for _, e := range []SettingEngine{engineA, engineB} {
		if mux := e.ice.tcpMux; mux != nil {
			t.Cleanup(func() { mux.Close() })
		}
	}
	return r
}

func withoutServers(c *Configuration) { c.ICEServers = nil }

// connectPlaces connects the two ends, the first offering with all its candidates, and
// tells how, and in how many round trips of a direct path ICE was connected after the
// answer.
func connectPlaces(t *testing.T, from, to place, change ...func(*Configuration)) (kind string, trips float64) {
	r := placesRig(t, from, to, change...)
	defer r.close()
	_, err := r.a.CreateDataChannel("x", nil)
	must(t, err)
	offered := GatheringCompletePromise(r.a)
	must(t, r.a.SetLocalDescription(SessionDescription{}))
	wait(t, "gathering", offered, time.Minute)
	must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
	// The answer is held until its candidates are there: both start at once.
	answer, err := r.b.CreateAnswer(nil)
	must(t, err)
	answered := GatheringCompletePromise(r.b)
	must(t, r.b.SetLocalDescription(answer))
	wait(t, "gathering", answered, time.Minute)
	start := time.Now()
	ended := make(chan ICETransportState, 1)
	r.a.ice.OnConnectionStateChange(func(s ICETransportState) {
		if s == ICETransportStateConnected || s == ICETransportStateFailed {
			select {
			case ended <- s:
			default:
			}
		}
	})
	must(t, r.a.SetRemoteDescription(*r.b.LocalDescription()))
	if wait(t, "end of checks", ended, 2*time.Minute) == ICETransportStateFailed {
		return "none", 0
	}
	trips = float64(time.Since(start)) / float64(2*matrixDelay)
	pair, err := r.a.ice.GetSelectedCandidatePair()
	must(t, err)
	return pathKind(pair, r.b.ice), trips
}

// pathKind is the table's word for a pair: "direct" from host to host, "reflexive"
// where an address of a NAT is in it, "TCP" from an active to a passive candidate,
// "relay" over a server, to which one end at the least is connected "over TCP".
func pathKind(pair *ICECandidatePair, peer *ICETransport) string {
	local, remote := pair.Local, pair.Remote
	for _, c := range peer.GetLocalCandidates() {
		if c.Address == remote.Address && c.Port == remote.Port {
			remote.RelayProtocol = c.RelayProtocol
		}
	}
	switch relay := ICECandidateTypeRelay; {
	case local.Typ == relay && local.RelayProtocol == "tcp" || remote.Typ == relay && remote.RelayProtocol == "tcp":
		return "relay over TCP"
	case local.Typ == relay || remote.Typ == relay:
		return "relay"
	case local.Protocol == ICEProtocolTCP:
		return "TCP"
	case local.Typ == ICECandidateTypeHost && remote.Typ == ICECandidateTypeHost:
		return "direct"
	}
	return "reflexive"
}

// expectedPaths has a row for each place of the offerer, and a column for each of
// the answerer, in the order of places. Where the answerer's first check comes
// before the offerer has opened its own NAT, as its NAT is symmetric, the relay wins
// over the check that is repeated after 500 ms (RFC 8445 section 14.3): nomination
// waits 200 ms for a better type at most. Who is without UDP reaches the TCP port of
// another, else a TURN server over TCP.
var expectedPaths = [][]string{
	{"direct 2", "direct 2", "reflexive 4.5", "reflexive 4.5", "reflexive 4.5", "reflexive 4.5", "reflexive 4.5", "relay over TCP 8"},
	{"direct 2", "direct 2", "reflexive 4", "reflexive 4", "reflexive 4", "reflexive 4", "reflexive 4", "TCP 4"},
	{"reflexive 2", "reflexive 2", "direct 2", "reflexive 6.5", "reflexive 6.5", "relay 21", "relay 28.5", "relay over TCP 13"},
	{"reflexive 2", "reflexive 2", "reflexive 4", "reflexive 4", "reflexive 4", "reflexive 4", "reflexive 4", "relay over TCP 8"},
	{"reflexive 2", "reflexive 2", "relay 15.5", "reflexive 6.5", "reflexive 6.5", "reflexive 6.5", "relay 15.5", "relay over TCP 8"},
	{"reflexive 2", "reflexive 2", "relay 15.5", "reflexive 6.5", "reflexive 6.5", "reflexive 6.5", "relay 15.5", "relay over TCP 13"},
	{"reflexive 2", "reflexive 2", "relay 28.5", "reflexive 6.5", "reflexive 6.5", "relay 21", "relay 28.5", "relay over TCP 13"},
	{"relay over TCP 16", "TCP 9.5", "relay over TCP 28.5", "relay over TCP 21", "relay over TCP 21", "relay over TCP 21", "relay over TCP 28.5", "relay over TCP 18.5"},
}

// RFC 8445 section 2, RFC 4787, RFC 8421, RFC 6544: the path and the time between every
// two kinds of networks, STUN and TURN servers at hand. The round trips are those of a
// direct path; those of the table are the usual ones, as what several goroutines send at
// the same time has no order, and a check may have to wait for another.
func TestThePathBetweenEveryPairOfNetworks(t *testing.T) {
	for i, from := range places {
		for j, to := range places {
			var kind string
			var trips float64
			synctest.Test(t, func(t *testing.T) { kind, trips = connectPlaces(t, from, to) })
			at := strings.LastIndexByte(expectedPaths[i][j], ' ')
			want, err := strconv.ParseFloat(expectedPaths[i][j][at+1:], 64)
			must(t, err)
			if kind != expectedPaths[i][j][:at] || trips > want+anotherCheck {
				t.Errorf("from %s to %s: %s after %.1f round trips, want %s", from.name, to.name, kind, trips, expectedPaths[i][j])
			}
		}
	}
}

// Who is without UDP, and without a server, has a path to those only who listen for
// TCP, and is told that there is none to the others.
func TestWithoutUDPOrServersOnlyATCPPortIsReached(t *testing.T) {
	blocked := places[len(places)-1]
	for _, test := range []struct {
		to   place
		want string
	}{{places[0], "none"}, {places[1], "TCP"}, {blocked, "none"}} {
		var kind string
		synctest.Test(t, func(t *testing.T) { kind, _ = connectPlaces(t, blocked, test.to, withoutServers) })
		if kind != test.want {
			t.Errorf("to %s: %s, want %s", test.to.name, kind, test.want)
		}
	}
}
