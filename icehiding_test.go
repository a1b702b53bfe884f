package webrtc

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/ice"
	"github.com/passerelle-rtc/webrtc/internal/mdns"
	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// hidingRig joins two hosts of one network that hide their addresses.
func hidingRig(t *testing.T, change func(a, b *SettingEngine)) *rig {
	n := simnet.New(1)
	n.SetDefaultLink(simnet.Link{Delay: 5 * time.Millisecond})
	n.STUNServer("stun", "198.51.100.1:3478")
	r := &rig{t: t, net: n, hostA: n.Host("a", "192.0.2.1", "2001:db8::1"), hostB: n.Host("b", "192.0.2.2", "2001:db8::2")}
	var a, b SettingEngine
	a.SetICEMulticastDNSMode(MulticastDNSModeQueryAndGather)
	b.SetICEMulticastDNSMode(MulticastDNSModeQueryAndGather)
	if change != nil {
		change(&a, &b)
	}
	r.a, r.b = connectionOn(t, r.hostA, a, Configuration{}), connectionOn(t, r.hostB, b, Configuration{})
	return r
}

// draft-ietf-mmusic-mdns-ice-candidates: the names are found, and no address shows
// in what is signalled or told.
func TestHiddenAddressesConnectAndStayHidden(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hidingRig(t, nil)
		defer r.close()
		var signalled []string
		r.a.OnICECandidate(func(c *ICECandidate) {
			if c != nil {
				signalled = append(signalled, c.ToJSON().Candidate)
			}
		})
		atA, atB := r.openPair("x", nil)
		roundTrip(t, atA, atB, time.Minute)
		all := strings.Join(signalled, "\n") + r.a.LocalDescription().SDP + r.b.RemoteDescription().SDP
		for _, pc := range []*PeerConnection{r.a, r.b} {
			pair, err := pc.ice.GetSelectedCandidatePair()
			must(t, err)
			if pair.Local.Typ != ICECandidateTypeHost || !mdns.IsName(pair.Local.Address) {
				t.Errorf("pair %v", pair)
			}
			if pair.Remote.Typ != ICECandidateTypePrflx { // learnt from a check that came before the name was found
				all += pair.String()
			}
			for _, c := range append(pc.ice.GetLocalCandidates(), pc.ice.GetRemoteCandidates()...) {
				all += c.String()
			}
		}
		for _, address := range []string{"192.0.2.1", "192.0.2.2", "2001:db8::"} {
			if strings.Contains(all, address) {
				t.Errorf("%s shows in\n%s", address, all)
			}
		}
	})
}

// Without Multicast DNS of its own, one end is found by the other's checks.
func TestANameThatIsNotLookedUpConnectsAllTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hidingRig(t, func(a, b *SettingEngine) {
			b.SetICEMulticastDNSMode(MulticastDNSModeDisabled)
		})
		defer r.close()
		r.openPair("x", nil)
		if got := len(r.b.ice.GetRemoteCandidates()); got != 0 {
			t.Errorf("%d candidates with names are used", got)
		}
	})
}

// Two ends on one host ask and answer by the same socket.
func TestTwoThatHideInOneProcessFindEachOthersNames(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		h := n.Host("h", "192.0.2.1")
		var e SettingEngine
		e.SetICEMulticastDNSMode(MulticastDNSModeQueryAndGather)
		api := NewAPI(withNetwork(h), WithSettingEngine(e))
		r := &rig{t: t, net: n, hostA: h, hostB: h}
		var err error
		r.a, err = api.NewPeerConnection(Configuration{})
		must(t, err)
		r.b, err = api.NewPeerConnection(Configuration{})
		must(t, err)
		defer r.close()
		atA, atB := r.openPair("x", nil)
		roundTrip(t, atA, atB, time.Minute)
		for _, pc := range []*PeerConnection{r.a, r.b} {
			remote := pc.ice.GetRemoteCandidates()
			if !slices.ContainsFunc(remote, func(c ICECandidate) bool { return mdns.IsName(c.Address) }) {
				t.Errorf("candidates %v, want one whose name was found", remote)
			}
		}
	})
}

// One socket for all connections on a network, open while there are names, and a name is answered
// for until its gatherer is closed.
func TestMulticastDNSIsThereWhileItIsNeeded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		h, other := n.Host("h", "192.0.2.1"), n.Host("other", "192.0.2.2")
		var e SettingEngine
		e.SetICEMulticastDNSMode(MulticastDNSModeQueryAndGather)
		e.SetMulticastDNSHostName("Printer.local")
		api := NewAPI(withNetwork(h), WithSettingEngine(e))
		lookUp := func() (netip.Addr, error) {
			d := &multicastDNS{network: other}
			ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
			defer cancel()
			return d.lookUp(ctx, "printer.local")
		}
		if h.MulticastSockets() != 0 {
			t.Error("a socket before there is a name")
		}
		var all []*PeerConnection
		for range 3 {
			pc, err := api.NewPeerConnection(Configuration{})
			must(t, err)
			candidates, _ := gatherAll(t, pc)
			if len(candidates) != 1 || candidates[0].Address != "Printer.local" {
				t.Errorf("candidates %v", candidates)
			}
			all = append(all, pc)
		}
		if got := h.MulticastSockets(); got != 1 {
			t.Errorf("%d sockets for three connections", got)
		}
		if addr, err := lookUp(); err != nil || addr != h.Addr() {
			t.Errorf("found %v, %v", addr, err)
		}
		for _, pc := range all {
			must(t, pc.Close())
		}
		if got := h.MulticastSockets(); got != 0 {
			t.Errorf("%d sockets after Close", got)
		}
		if addr, err := lookUp(); err == nil {
			t.Errorf("found %v after Close", addr)
		}
	})
}

// An ICE restart gathers on the same addresses again, and a look at the interfaces
// sees them again: their fixed name stays, with nothing said of it on the network
// (RFC 6762 section 10.1 has goodbyes for what is no longer true).
func TestAFixedNameOutlivesAnICERestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := hidingRig(t, func(a, _ *SettingEngine) { a.SetMulticastDNSHostName("printer.local") })
		defer r.close()
		atA, atB := r.openPair("x", nil)
		r.a.RestartICE()
		negotiate(t, r.a, r.b)
		must(t, r.a.gatherer.do("test", func(now time.Time) error { r.a.gatherer.interfacesChanged(now); return nil }))
		time.Sleep(5 * time.Second)
		roundTrip(t, atA, atB, time.Minute)
		d := &multicastDNS{network: r.net.Host("other", "192.0.2.9")}
		ctx, cancel := context.WithTimeout(context.Background(), 3*time.Second)
		defer cancel()
		own := []netip.Addr{netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("2001:db8::1")}
		if addr, err := d.lookUp(ctx, "printer.local"); err != nil || !slices.Contains(own, addr) {
			t.Errorf("found %v, %v", addr, err)
		}
	})
}

// With iceTransportPolicy relay names are not looked up, which would tell the
// local network of the connection.
func TestNoNamesAreLookedUpForRelaysAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		h := n.Host("h", "192.0.2.1")
		pc := connectionOn(t, h, SettingEngine{}, Configuration{ICETransportPolicy: ICETransportPolicyRelay})
		defer pc.Close()
		must(t, pc.gatherer.do("test", func(now time.Time) error {
			c, err := ice.ParseCandidate("candidate:1 1 udp 2113937151 a.local 50000 typ host")
			must(t, err)
			return pc.ice.addRemote(now, c, "test")
		}))
		synctest.Wait()
		if h.MulticastSockets() != 0 {
			t.Error("a name is looked up")
		}
	})
}
