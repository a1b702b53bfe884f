package webrtc

import (
	"net"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// gatherAll runs pc's gathering and returns the candidates and the failures.
func gatherAll(t *testing.T, pc *PeerConnection) (candidates []ICECandidate, failures []ICECandidateError) {
	t.Helper()
	pc.OnICECandidate(func(c *ICECandidate) {
		if c != nil && !c.isEnd() {
			candidates = append(candidates, *c)
		}
	})
	pc.OnICECandidateError(func(e *ICECandidateError) { failures = append(failures, *e) })
	done := GatheringCompletePromise(pc)
	_, err := pc.CreateDataChannel("x", nil)
	must(t, err)
	must(t, pc.SetLocalDescription(SessionDescription{}))
	wait(t, "gathering", done, time.Minute)
	synctest.Wait()
	return candidates, failures
}

func summary(candidates []ICECandidate) []string {
	var all []string
	for _, c := range candidates {
		all = append(all, c.Typ.String()+" "+c.Address)
	}
	slices.Sort(all)
	return all
}

func TestGathersHostAndServerReflexiveCandidates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		n.STUNServer("stun", "198.51.100.1:3478")
		nat := n.NAT("nat", "203.0.113.5", simnet.PortRestricted)
		h := nat.Host("h", "10.0.0.2")
		h.SetDNS("stun.example.org", n.Host("unused", "198.51.100.9").Addr()) // another name than the one used
		h.SetDNS("stun.example.net", mustAddr(t, "198.51.100.1"))
		pc := connectionOn(t, h, SettingEngine{}, Configuration{ICEServers: []ICEServer{{URLs: []string{"stun:stun.example.net"}}}})
		defer pc.Close()
		candidates, failures := gatherAll(t, pc)
		if got, want := summary(candidates), []string{"host 10.0.0.2", "srflx 203.0.113.5"}; !slices.Equal(got, want) {
			t.Errorf("got %q, want %q", got, want)
		}
		if len(failures) != 0 {
			t.Errorf("failures %v", failures)
		}
		sdp := pc.LocalDescription().SDP
		if strings.Count(sdp, "a=candidate:") != 2 || !strings.Contains(sdp, "a=end-of-candidates") {
			t.Errorf("the description lacks candidates:\n%s", sdp)
		}
		for _, c := range candidates {
			if c.SDPMid != "0" || c.UsernameFragment == "" || !strings.Contains(sdp, "a=ice-ufrag:"+c.UsernameFragment) {
				t.Errorf("candidate %+v does not name its section and generation", c)
			}
		}
	})
}

// W3C: a server that fails is reported and does not hold up the others.
func TestAFailingServerIsReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		n.STUNServer("good", "198.51.100.1:3478")
		n.Host("silent", "198.51.100.2")
		h := n.Host("h", "192.0.2.1")
		servers := []ICEServer{{URLs: []string{"stun:198.51.100.2", "stun:nowhere.example", "stun:198.51.100.1"}}}
		pc := connectionOn(t, h, SettingEngine{}, Configuration{ICEServers: servers})
		defer pc.Close()
		_, failures := gatherAll(t, pc)
		var urls []string
		for _, f := range failures {
			urls = append(urls, f.URL)
			if f.ErrorCode != 701 || f.ErrorText == "" {
				t.Errorf("failure %+v", f)
			}
		}
		slices.Sort(urls)
		if want := []string{"stun:198.51.100.2", "stun:nowhere.example"}; !slices.Equal(urls, want) {
			t.Errorf("failures of %q, want %q", urls, want)
		}
	})
}

func TestGatheringObeysTheSettings(t *testing.T) {
	port := func(c ICECandidate) bool { return c.Port >= 5000 && c.Port <= 5010 }
	for _, test := range []struct {
		name string
		set  func(e *SettingEngine)
		want []string
		all  func(ICECandidate) bool
	}{
		{"default", func(*SettingEngine) {}, []string{"host 192.0.2.1", "host 192.0.2.9", "host 2001:db8::1"}, nil},
		{"IPv4 only", func(e *SettingEngine) { e.SetNetworkTypes([]NetworkType{NetworkTypeUDP4}) }, []string{"host 192.0.2.1", "host 192.0.2.9"}, nil},
		{"interface", func(e *SettingEngine) { e.SetInterfaceFilter(func(n string) bool { return n == "eth1" }) }, []string{"host 192.0.2.9"}, nil},
		{"address", func(e *SettingEngine) { e.SetIPFilter(func(ip net.IP) bool { return ip.To4() == nil }) }, []string{"host 2001:db8::1"}, nil},
		{"loopback", func(e *SettingEngine) {
			e.SetIncludeLoopbackCandidate(true)
			e.SetNetworkTypes([]NetworkType{NetworkTypeUDP4})
		}, []string{"host 127.0.0.1", "host 192.0.2.1", "host 192.0.2.9"}, nil},
		{"ports", func(e *SettingEngine) { must(t, e.SetEphemeralUDPPortRange(5000, 5010)) }, []string{"host 192.0.2.1", "host 192.0.2.9", "host 2001:db8::1"}, port},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := simnet.New(1)
				defer n.Close()
				h := n.Host("h", "eth0=192.0.2.1", "eth1=192.0.2.9", "eth0=2001:db8::1")
				var e SettingEngine
				test.set(&e)
				pc := connectionOn(t, h, e, Configuration{})
				defer pc.Close()
				candidates, _ := gatherAll(t, pc)
				if got := summary(candidates); !slices.Equal(got, test.want) {
					t.Errorf("got %q, want %q", got, test.want)
				}
				for _, c := range candidates {
					if test.all != nil && !test.all(c) {
						t.Errorf("candidate %v", c)
					}
				}
			})
		})
	}
}

// Without another address, loopback is better than nothing.
func TestAHostWithoutANetworkGathersOnLoopback(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		pc := connectionOn(t, n.Host("h"), SettingEngine{}, Configuration{})
		defer pc.Close()
		candidates, _ := gatherAll(t, pc)
		if len(candidates) == 0 || candidates[0].Address != "127.0.0.1" && candidates[0].Address != "::1" {
			t.Errorf("candidates %q", summary(candidates))
		}
	})
}

func TestThePolicyRelaySignalsNothingElse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		n.STUNServer("stun", "198.51.100.1:3478")
		pc := connectionOn(t, n.Host("h", "192.0.2.1"), SettingEngine{}, Configuration{
			ICETransportPolicy: ICETransportPolicyRelay,
			ICEServers:         []ICEServer{{URLs: []string{"stun:198.51.100.1"}}},
		})
		defer pc.Close()
		if candidates, _ := gatherAll(t, pc); len(candidates) != 0 {
			t.Errorf("candidates %q", summary(candidates))
		}
	})
}

func TestConnectsThroughNATs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		n.SetDefaultLink(simnet.Link{Delay: 10 * time.Millisecond})
		n.STUNServer("stun", "198.51.100.1:3478")
		config := Configuration{ICEServers: []ICEServer{{URLs: []string{"stun:198.51.100.1"}}}}
		r := &rig{t: t, net: n}
		r.hostA = n.NAT("nat a", "203.0.113.5", simnet.PortRestricted).Host("a", "10.0.0.2")
		r.hostB = n.NAT("nat b", "203.0.113.6", simnet.PortRestricted).Host("b", "10.0.0.2")
		r.a, r.b = connectionOn(t, r.hostA, SettingEngine{}, config), connectionOn(t, r.hostB, SettingEngine{}, config)
		defer r.close()
		r.openPair("x", nil)
		pair, err := r.a.ice.GetSelectedCandidatePair()
		must(t, err)
		if pair.Remote.Address != "203.0.113.6" {
			t.Errorf("selected %v", pair)
		}
	})
}
