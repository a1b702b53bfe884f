package webrtc

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// place is where an end of the table sits.
type place struct {
	name    string
	blocked bool // a firewall lets no UDP through
	host    func(n *simnet.Net, end int) *simnet.Host
}

func behind(kind simnet.NATKind) func(n *simnet.Net, end int) *simnet.Host {
	return func(n *simnet.Net, end int) *simnet.Host {
		router := n.NAT(fmt.Sprint("nat ", end), fmt.Sprintf("203.0.113.%d", end), kind)
		router.SetHairpin(false)
		return router.Host(fmt.Sprint("host ", end), fmt.Sprintf("10.0.%d.2", end))
	}
}

var places = []place{
	{"public", false, func(n *simnet.Net, end int) *simnet.Host {
		return n.Host(fmt.Sprint("host ", end), fmt.Sprintf("192.0.2.%d", end))
	}},
	{"dual stack", false, func(n *simnet.Net, end int) *simnet.Host {
		router := n.NAT(fmt.Sprint("nat ", end), fmt.Sprintf("203.0.113.%d", end), simnet.Symmetric)
		return router.Host(fmt.Sprint("host ", end), fmt.Sprintf("10.0.%d.2", end), fmt.Sprintf("2001:db8::%d", end))
	}},
	{"full cone", false, behind(simnet.FullCone)},
	{"address-restricted", false, behind(simnet.AddressRestricted)},
	{"port-restricted", false, behind(simnet.PortRestricted)},
	{"symmetric", false, behind(simnet.Symmetric)},
	{"UDP blocked", true, func(n *simnet.Net, end int) *simnet.Host {
		h := n.Host(fmt.Sprint("host ", end), fmt.Sprintf("192.0.2.%d", end))
		n.Tap(func(p simnet.Packet) simnet.Verdict {
			if p.Src.Addr() == h.Addr() || p.Dst.Addr() == h.Addr() {
				return simnet.Drop
			}
			return simnet.Pass
		})
		return h
	}},
}

const matrixDelay = 10 * time.Millisecond

// connectPlaces connects the two ends, the first offering with all its candidates, and
// tells how: "direct" from host to host, "reflexive" where an address of a NAT is in
// the pair, "relay" over a server, "none", and in how many round trips of a direct path ICE was
// connected after the answer.
func connectPlaces(t *testing.T, from, to place) (kind string, trips float64) {
	n := simnet.New(1)
	n.SetDefaultLink(simnet.Link{Delay: matrixDelay})
	n.STUNServer("stun", "198.51.100.1:3478")
	config := Configuration{ICEServers: []ICEServer{{URLs: []string{"stun:198.51.100.1"}}, turnServer(n.TURNServer("turn", "198.51.100.3"))}}
	r := &rig{t: t, net: n, hostA: from.host(n, 1), hostB: to.host(n, 2)}
	r.a, r.b = connectionOn(t, r.hostA, SettingEngine{}, config), connectionOn(t, r.hostB, SettingEngine{}, config)
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
	kind = "reflexive"
	switch l, m := pair.Local.Typ, pair.Remote.Typ; {
	case l == ICECandidateTypeRelay || m == ICECandidateTypeRelay:
		kind = "relay"
	case l == ICECandidateTypeHost && m == ICECandidateTypeHost:
		kind = "direct"
	}
	return kind, trips
}

// expectedPaths has a row for each place of the offerer, and a column for each of
// the answerer, in the order of places. Where the answerer's first check comes
// before the offerer has opened its own NAT, as its NAT is symmetric, the relay wins
// over the check that is repeated after 500 ms (RFC 8445 section 14.3): nomination
// waits 200 ms for a better type at most. TCP, to a server or a peer, has no cell:
// the virtual network carries datagrams.
var expectedPaths = [][]string{
	{"direct 2", "reflexive 4", "reflexive 4", "reflexive 4", "reflexive 4", "reflexive 4", "none"},
	{"reflexive 2", "direct 2", "reflexive 6", "reflexive 6", "relay 21", "relay 28", "none"},
	{"reflexive 2", "reflexive 4", "reflexive 4", "reflexive 4", "reflexive 4", "reflexive 4", "none"},
	{"reflexive 2", "relay 16", "reflexive 6", "reflexive 6", "reflexive 6", "relay 16", "none"},
	{"reflexive 2", "relay 16", "reflexive 6", "reflexive 6", "reflexive 6", "relay 16", "none"},
	{"reflexive 2", "relay 28", "reflexive 6", "reflexive 6", "relay 21", "relay 28", "none"},
	{"none", "none", "none", "none", "none", "none", "none"},
}

// RFC 8445 section 2, RFC 4787, RFC 8421: the path and the time between every two
// kinds of networks, STUN and TURN servers at hand. The round trips are those of a
// direct path, and one more is allowed.
func TestThePathBetweenEveryPairOfNetworks(t *testing.T) {
	for i, from := range places {
		for j, to := range places {
			synctest.Test(t, func(t *testing.T) {
				kind, trips := connectPlaces(t, from, to)
				var want string
				var most float64
				_, _ = fmt.Sscanf(expectedPaths[i][j], "%s %f", &want, &most)
				if kind != want || trips > most+1 {
					t.Errorf("from %s to %s: %s after %.1f round trips, want %s", from.name, to.name, kind, trips, expectedPaths[i][j])
				}
			})
		}
	}
}
