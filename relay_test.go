package webrtc

import (
	"bytes"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// turnServer is the Configuration entry for a server of the virtual network.
func turnServer(s *simnet.TURNServer) ICEServer {
	return ICEServer{URLs: []string{s.URL()}, Username: simnet.TURNUser, Credential: simnet.TURNPassword}
}

func relayOnly(servers ...ICEServer) Configuration {
	return Configuration{ICETransportPolicy: ICETransportPolicyRelay, ICEServers: servers}
}

// relayRig is two connections that reach each other through relays only.
func relayRig(t *testing.T, setup func(n *simnet.Net) (a, b Configuration)) *rig {
	t.Helper()
	r := &rig{t: t, net: simnet.New(1)}
	r.net.SetDefaultLink(simnet.Link{Delay: 10 * time.Millisecond})
	configA, configB := setup(r.net)
	r.hostA = r.net.NAT("nat a", "203.0.113.5", simnet.Symmetric).Host("a", "10.0.0.2")
	r.hostB = r.net.NAT("nat b", "203.0.113.6", simnet.Symmetric).Host("b", "10.0.0.2")
	r.a, r.b = connectionOn(t, r.hostA, SettingEngine{}, configA), connectionOn(t, r.hostB, SettingEngine{}, configB)
	return r
}

// webrtc-pc section 4.8.1: a relay candidate says how the server is reached, which
// one it is, and with the policy all, where that sees this end (RFC 8839 section
// 5.1). RFC 8445 section 5.1.1.2: the server tells the reflexive address, too.
func TestGathersRelayCandidates(t *testing.T) {
	for _, policy := range []ICETransportPolicy{ICETransportPolicyAll, ICETransportPolicyRelay} {
		synctest.Test(t, func(t *testing.T) {
			n := simnet.New(1)
			defer n.Close()
			s := n.TURNServer("turn", "198.51.100.3", "2001:db8::3")
			h := n.NAT("nat", "203.0.113.5", simnet.PortRestricted).Host("h", "10.0.0.2")
			pc := connectionOn(t, h, SettingEngine{}, Configuration{ICETransportPolicy: policy, ICEServers: []ICEServer{turnServer(s)}})
			defer pc.Close()
			candidates, failures := gatherAll(t, pc)
			want := []string{"host 10.0.0.2", "relay 198.51.100.3", "relay 2001:db8::3", "srflx 203.0.113.5"}
			if policy == ICETransportPolicyRelay {
				want = want[1:3]
			}
			if got := summary(candidates); !slices.Equal(got, want) || len(failures) != 0 {
				t.Fatalf("%v: got %q, want %q, failures %v", policy, got, want, failures)
			}
			for _, c := range candidates {
				if c.Typ != ICECandidateTypeRelay {
					continue
				}
				related := "203.0.113.5"
				if policy == ICETransportPolicyRelay {
					related = "0.0.0.0"
					if strings.Contains(c.Address, ":") {
						related = "::"
					}
				}
				if c.URL != s.URL() || c.RelayProtocol != "udp" || c.RelatedAddress != related || c.RelatedPort == 0 {
					t.Errorf("%v: %+v", policy, c)
				}
			}
		})
	}
}

// RFC 8445 section 2.1: relays connect what symmetric NATs keep apart. With two
// servers each end uses its own. The data goes by channels (RFC 8656 section 12), and
// Close gives the allocations up (section 8).
func TestConnectsThroughRelays(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var first, second *simnet.TURNServer
		r := relayRig(t, func(n *simnet.Net) (a, b Configuration) {
			first, second = n.TURNServer("turn a", "198.51.100.3"), n.TURNServer("turn b", "198.51.100.4")
			return Configuration{ICEServers: []ICEServer{turnServer(first)}}, relayOnly(turnServer(second))
		})
		a, b := r.openPair("x", nil)
		got := make(chan string, 100)
		b.OnMessage(func(m DataChannelMessage) { got <- string(m.Data) })
		for range 50 {
			must(t, a.SendText(strings.Repeat("m", 3000)))
		}
		for range 50 {
			if len(wait(t, "message", got, time.Minute)) != 3000 {
				t.Error("a message has another length")
			}
		}
		pair, err := r.b.ice.GetSelectedCandidatePair()
		must(t, err)
		if pair.Local.Typ != ICECandidateTypeRelay || pair.Local.Address != "198.51.100.4" {
			t.Errorf("selected %v", pair)
		}
		if stats := second.Stats(); stats.Channels == 0 || stats.ChannelData == 0 || stats.ToClients < 100 {
			t.Errorf("%+v", stats)
		}
		defer r.net.Close()
		must(t, r.a.Close())
		must(t, r.b.Close())
		time.Sleep(time.Second)
		if first.Allocations() != 0 || second.Allocations() != 0 {
			t.Errorf("allocations after Close: %v%v", first, second)
		}
	})
}

// RFC 8656 sections 8, 9 and 12: an hour with everything refreshed, and a nonce
// that gets stale each minute (RFC 8489 section 9.2.5).
func TestARelayedConnectionLivesOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s *simnet.TURNServer
		r := relayRig(t, func(n *simnet.Net) (a, b Configuration) {
			s = n.TURNServer("turn", "198.51.100.3")
			return relayOnly(turnServer(s)), relayOnly(turnServer(s))
		})
		defer r.close()
		a, b := r.openPair("x", nil)
		got := make(chan string, 1)
		b.OnMessage(func(m DataChannelMessage) { got <- string(m.Data) })
		before := s.Stats()
		for range 60 {
			time.Sleep(time.Minute)
			s.ExpireNonce()
			must(t, a.SendText("still there"))
			wait(t, "message", got, time.Second)
		}
		stats := s.Stats()
		if stats.NotPermitted != before.NotPermitted || stats.Refreshed < 10 || stats.Channels < before.Channels+8 || s.Allocations() != 2 {
			t.Errorf("%+v, %d allocations", stats, s.Allocations())
		}
		if state := r.a.ICEConnectionState(); state != ICEConnectionStateConnected && state != ICEConnectionStateCompleted {
			t.Errorf("state %v", state)
		}
	})
}

// A server on this host's loopback is asked from there, though no candidates are
// gathered on it, and the relay outlives a change of the other addresses.
func TestAServerOnLoopbackIsAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		s := n.TURNServer("turn", "198.51.100.3", "198.51.100.4")
		server := turnServer(s)
		server.URLs = []string{"turn:127.0.0.1"}
		pc := connectionOn(t, s.Host(), SettingEngine{}, Configuration{ICEServers: []ICEServer{server}})
		defer pc.Close()
		candidates, failures := gatherAll(t, pc)
		if got, want := summary(candidates), []string{"host 198.51.100.3", "host 198.51.100.4", "relay 198.51.100.3"}; !slices.Equal(got, want) || len(failures) != 0 {
			t.Fatalf("got %q, want %q, failures %v", got, want, failures)
		}
		s.Host().SetInterface("eth1", false)
		time.Sleep(time.Minute)
		if s.Allocations() != 1 {
			t.Errorf("%d allocations, want the one over loopback", s.Allocations())
		}
	})
}

// webrtc-pc section 4.8.3: what a server answers is its errorCode; 701 comes once
// for a URL that nothing reaches. RFC 8656 section 19, RFC 8489 section 14.8. The
// address is told only where a candidate tells it.
func TestFailingRelaysAreReported(t *testing.T) {
	for _, policy := range []ICETransportPolicy{ICETransportPolicyAll, ICETransportPolicyRelay} {
		synctest.Test(t, func(t *testing.T) {
			n := simnet.New(1)
			defer n.Close()
			var servers []ICEServer
			want := map[string]int{}
			for i, code := range []int{441, 442, 486, 508} {
				s := n.TURNServer("turn "+string(rune('a'+i)), netip.AddrFrom4([4]byte{198, 51, 100, byte(10 + i)}).String())
				s.Refuse(simnet.Allocate, simnet.TURNRefusal{Code: code, Reason: "no"})
				servers = append(servers, turnServer(s))
				want[s.URL()] = code
			}
			wrong := turnServer(n.TURNServer("wrong", "198.51.100.20"))
			wrong.Credential = "guess"
			n.Host("silent", "198.51.100.21")
			good := n.TURNServer("good", "198.51.100.22")
			good.Refuse(simnet.Binding, simnet.TURNRefusal{Code: 401}) // is a TURN server only
			servers = append(servers, wrong, turnServer(good),
				ICEServer{URLs: []string{"turn:198.51.100.21", "turn:nowhere.example", "turns:198.51.100.22?transport=udp"}, Username: "u", Credential: "p"})
			want[wrong.URLs[0]], want["turn:198.51.100.21"], want["turn:nowhere.example"], want["turns:198.51.100.22?transport=udp"] = 401, 701, 701, 701
			pc := connectionOn(t, n.Host("h", "192.0.2.1"), SettingEngine{}, Configuration{ICETransportPolicy: policy, ICEServers: servers})
			defer pc.Close()
			began := time.Now()
			relayed := time.Duration(0)
			ready := make(chan struct{})
			pc.gatherer.OnLocalCandidate(func(c *ICECandidate) {
				if c != nil && c.Typ == ICECandidateTypeRelay {
					relayed = time.Since(began)
					close(ready)
				}
			})
			candidates, failures := gatherAll(t, pc)
			wait(t, "relay", ready, time.Second)
			if relayed > 100*time.Millisecond {
				t.Errorf("the good server's candidate came after %v", relayed)
			}
			if got := summary(candidates); !slices.Contains(got, "relay 198.51.100.22") {
				t.Errorf("candidates %q", got)
			}
			for _, f := range failures {
				if want[f.URL] != f.ErrorCode || f.ErrorText == "" {
					t.Errorf("failure %+v, want code %d", f, want[f.URL])
				}
				if exposed := policy == ICETransportPolicyAll && f.ErrorCode != 701; (f.Address != nil) != exposed && f.URL != "turn:198.51.100.21" || (f.Address == nil) != (f.Port == nil) {
					t.Errorf("%v: address of %+v", policy, f)
				}
				delete(want, f.URL)
			}
			if len(want) != 0 {
				t.Errorf("%v: no failures of %v", policy, want)
			}
		})
	}
}

// RFC 8656 section 7.4: three ports are tried where the server says that one is in use.
func TestAPortThatIsInUseIsExchanged(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		s := n.TURNServer("turn", "198.51.100.3")
		s.Refuse(simnet.Allocate, simnet.TURNRefusal{Code: 437})
		ports := map[netip.AddrPort]bool{}
		n.Tap(func(p simnet.Packet) simnet.Verdict {
			if p.Dst == s.Addr() {
				ports[p.Src] = true
			}
			return simnet.Pass
		})
		pc := connectionOn(t, n.Host("h", "192.0.2.1"), SettingEngine{}, relayOnly(turnServer(s)))
		defer pc.Close()
		if _, failures := gatherAll(t, pc); len(ports) != 3 || len(failures) != 1 || failures[0].ErrorCode != 437 {
			t.Errorf("%d ports, failures %v", len(ports), failures)
		}
	})
}

// RFC 8489 section 10: another server is asked where one says so, but not round and
// round.
func TestFollowsTryAlternate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		first, second := n.TURNServer("first", "198.51.100.3"), n.TURNServer("second", "198.51.100.4:5000")
		first.Refuse(simnet.Allocate, simnet.TURNRefusal{Code: 300, Alternate: second.Addr()})
		pc := connectionOn(t, n.Host("h", "192.0.2.1"), SettingEngine{}, relayOnly(turnServer(first)))
		candidates, failures := gatherAll(t, pc)
		if got := summary(candidates); !slices.Equal(got, []string{"relay 198.51.100.4"}) || len(failures) != 0 || candidates[0].URL != first.URL() {
			t.Errorf("candidates %v, failures %v", candidates, failures)
		}
		must(t, pc.Close())

		second.Refuse(simnet.Allocate, simnet.TURNRefusal{Code: 300, Alternate: first.Addr()})
		pc = connectionOn(t, n.Host("g", "192.0.2.2"), SettingEngine{}, relayOnly(turnServer(first)))
		defer pc.Close()
		if candidates, failures = gatherAll(t, pc); len(candidates) != 0 || len(failures) != 1 || failures[0].ErrorCode != 300 {
			t.Errorf("candidates %v, failures %v", candidates, failures)
		}
	})
}

// RFC 8656 section 8: the server is told to let an allocation go, again where that was
// lost, while Close waits for nothing. Where nobody answers, the socket is let go in
// bounded time.
func TestAnAllocationIsGivenUpOverALossyPath(t *testing.T) {
	for _, outage := range []time.Duration{0, time.Second, time.Hour} {
		synctest.Test(t, func(t *testing.T) {
			n := simnet.New(1)
			defer n.Close()
			n.SetDefaultLink(simnet.Link{Delay: 10 * time.Millisecond})
			s := n.TURNServer("turn", "198.51.100.3")
			h := n.Host("h", "192.0.2.1")
			pc := connectionOn(t, h, SettingEngine{}, relayOnly(turnServer(s)))
			gatherAll(t, pc)
			var local netip.AddrPort
			must(t, pc.gatherer.do("test", func(time.Time) error {
				local = pc.gatherer.relays[0].conn.inner.LocalAddr()
				return nil
			}))
			n.SetLink(h, s.Host(), simnet.Link{Delay: 10 * time.Millisecond, Down: outage > 0})
			began := time.Now()
			must(t, pc.Close())
			if waited := time.Since(began); waited != 0 {
				t.Errorf("Close took %v", waited)
			}
			time.Sleep(min(outage, 5*time.Second))
			n.SetLink(h, s.Host(), simnet.Link{Delay: 10 * time.Millisecond})
			time.Sleep(5 * time.Second)
			want := 1
			if outage > 5*time.Second {
				want = 0
			}
			if got := s.Stats().Released; got != want || s.Allocations() != 1-want {
				t.Errorf("outage of %v: %d released, %d left", outage, got, s.Allocations())
			}
			conn, err := h.ListenUDP(local)
			if err != nil {
				t.Errorf("outage of %v: the socket is still open: %v", outage, err)
				return
			}
			must(t, conn.Close())
		})
	}
}

// RFC 8489 section 9.2: a server that offers SHA-256 and anonymity gets both, over the
// whole life of an allocation.
func TestRelaysWithSHA256AndUserhash(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var s *simnet.TURNServer
		r := relayRig(t, func(n *simnet.Net) (a, b Configuration) {
			s = n.TURNServer("turn", "198.51.100.3")
			s.RequireSHA256()
			n.Tap(func(p simnet.Packet) simnet.Verdict {
				if p.Dst == s.Addr() && bytes.Contains(p.Data, []byte("\x00\x06\x00\x04"+simnet.TURNUser)) {
					t.Error("the name of the user is on the network")
				}
				return simnet.Pass
			})
			return relayOnly(turnServer(s)), relayOnly(turnServer(s))
		})
		a, b := r.openPair("x", nil)
		s.ExpireNonce()
		for range 40 {
			time.Sleep(30 * time.Second)
			roundTrip(t, a, b, time.Minute)
		}
		if stats := s.Stats(); stats.Allocated != 2 || stats.Refreshed < 2 {
			t.Errorf("%+v", stats)
		}
		must(t, r.a.Close())
		must(t, r.b.Close())
		time.Sleep(time.Second)
		if n := s.Allocations(); n != 0 {
			t.Errorf("%d allocations are left", n)
		}
		r.close()
	})
}
