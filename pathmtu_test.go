package webrtc

import (
	"encoding/binary"
	"fmt"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/mux"
	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// sizes are the largest IP packets of DTLS that a host has sent.
type sizes struct {
	data, probe int
	probes      int
}

type sizeWatch struct {
	mu   sync.Mutex
	seen sizes
}

// watchSizes notes what a host sends. Addresses of IPv6 have longer headers.
func watchSizes(n *simnet.Net, h *simnet.Host) *sizeWatch {
	s := new(sizeWatch)
	n.Tap(func(p simnet.Packet) simnet.Verdict {
		list, err := h.Interfaces()
		if err != nil || p.Stream || mux.Classify(p.Data) != mux.DTLS {
			return simnet.Pass
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		for _, i := range list {
			if i.Addr != p.Src.Addr() {
				continue
			}
			size := len(p.Data) + udpHeader + ipv6Header
			if p.Src.Addr().Is4() {
				size = len(p.Data) + udpHeader + ipv4Header
			}
			if p.Whole {
				s.seen.probe, s.seen.probes = max(s.seen.probe, size), s.seen.probes+1
			} else {
				s.seen.data = max(s.seen.data, size)
			}
		}
		return simnet.Pass
	})
	return s
}

// take returns what was seen since the last call.
func (s *sizeWatch) take() sizes {
	s.mu.Lock()
	defer s.mu.Unlock()
	taken := s.seen
	s.seen = sizes{}
	return taken
}

func probing(a, b *SettingEngine) {
	a.EnableSCTPPathMTUDiscovery(true)
	b.EnableSCTPPathMTUDiscovery(true)
}

// streamMessages sends numbered messages of 8 KiB, ten a second, and checks that they arrive in order where they have to. It
// returns how many arrived.
func streamMessages(t *testing.T, atA, atB *DataChannel, d time.Duration) int {
	t.Helper()
	arrived, last := 0, -1
	var mu sync.Mutex
	atB.OnMessage(func(m DataChannelMessage) {
		mu.Lock()
		defer mu.Unlock()
		n := int(binary.BigEndian.Uint32(m.Data))
		if atA.Ordered() && n != last+1 {
			t.Errorf("message %d after %d", n, last)
		}
		arrived, last = arrived+1, n
	})
	message := make([]byte, 8<<10)
	for n := range int(d / (100 * time.Millisecond)) {
		binary.BigEndian.PutUint32(message, uint32(n))
		must(t, atA.Send(message))
		time.Sleep(100 * time.Millisecond)
	}
	time.Sleep(10 * time.Second)
	synctest.Wait()
	atB.OnMessage(func(DataChannelMessage) {})
	mu.Lock()
	defer mu.Unlock()
	return arrived
}

func foundMTU(t *testing.T, pc *PeerConnection) int {
	t.Helper()
	return int(one[SCTPTransportStats](t, pc.GetStats()).MTU)
}

// RFC 8899 section 5.3: packets become as large as the path carries, within the 8 bytes of the search's precision and
// the 4 that SCTP packets are a multiple of. Only probes are larger than that, and only they must not be fragmented (RFC
// 9260 section 6.9). 37 bytes are the DTLS record's.
func TestPacketsBecomeAsLargeAsThePathCarries(t *testing.T) {
	for _, family := range []struct {
		a, b   string
		header int
	}{{"192.0.2.1", "192.0.2.2", ipv4Header + udpHeader}, {"2001:db8::1", "2001:db8::2", ipv6Header + udpHeader}} {
		for _, mtu := range []int{1280, 1400, 1500} {
			t.Run(fmt.Sprintf("%s/%d", family.a, mtu), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := &rig{t: t, net: simnet.New(1)}
					r.net.SetDefaultLink(simnet.Link{Delay: 20 * time.Millisecond, MTU: mtu, Fragments: true})
					r.hostA, r.hostB = r.net.Host("a", family.a), r.net.Host("b", family.b)
					var a, b SettingEngine
					probing(&a, &b)
					r.a, r.b = connectionOn(t, r.hostA, a, Configuration{}), connectionOn(t, r.hostB, b, Configuration{})
					defer r.close()
					seen := watchSizes(r.net, r.hostA)
					atA, atB := r.openPair("x", nil)
					streamMessages(t, atA, atB, 40*time.Second)
					got := seen.take()
					found := foundMTU(t, r.a)
					largest := mtu - family.header - 37
					if found > largest || found < largest-8-3 {
						t.Errorf("packets of %d bytes, the path carries %d", found, largest)
					}
					if got.data != found+37+family.header {
						t.Errorf("IP packets of data have up to %d bytes, SCTP packets %d", got.data, found)
					}
					if got.probe > 1500 || got.probe < 1497 || got.probes > 30 {
						t.Errorf("%d probes of up to %d bytes", got.probes, got.probe)
					}
				})
			})
		}
	}
}

// Nothing is probed unless the setting asks for it, and nothing is larger than 1200 bytes of UDP payload; the same holds
// over TCP's, relays' and muxes' pairs, and with an engine that cannot.
func TestPacketsStaySmallWithoutProbes(t *testing.T) {
	check := func(name string, connect func(t *testing.T, n *simnet.Net) *rig) {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				n := simnet.New(1)
				n.SetDefaultLink(simnet.Link{Delay: 20 * time.Millisecond})
				r := connect(t, n)
				r.t, r.net = t, n
				defer r.close()
				atA, seen := watchSizes(n, r.hostA), watchSizes(n, r.hostB)
				channel, _ := r.openPair("x", nil)
				for range 50 {
					must(t, channel.Send([]byte{0: 1, 8 << 10: 1}))
					time.Sleep(100 * time.Millisecond)
				}
				for _, s := range []sizes{atA.take(), seen.take()} {
					if s.probes != 0 || s.data > 1200+ipv4Header+udpHeader+36 { // and TURN's indication
						t.Errorf("%d probes, IP packets of up to %d bytes", s.probes, s.data)
					}
				}
				if mtu := foundMTU(t, r.a); mtu > sctpMTU {
					t.Errorf("packets of %d bytes", mtu)
				}
			})
		})
	}
	var on SettingEngine
	on.EnableSCTPPathMTUDiscovery(true)
	pair := func(t *testing.T, n *simnet.Net, a, b SettingEngine) *rig {
		r := &rig{hostA: n.Host("a", "192.0.2.1"), hostB: n.Host("b", "192.0.2.2")}
		r.a, r.b = connectionOn(t, r.hostA, a, Configuration{}), connectionOn(t, r.hostB, b, Configuration{})
		return r
	}
	check("default", func(t *testing.T, n *simnet.Net) *rig { return pair(t, n, SettingEngine{}, SettingEngine{}) })
	check("pion", func(t *testing.T, n *simnet.Net) *rig {
		a := on
		a.SetSCTPEngine(SCTPEnginePion)
		return pair(t, n, a, SettingEngine{})
	})
	check("mux", func(t *testing.T, n *simnet.Net) *rig {
		r := &rig{hostA: n.Host("a", "192.0.2.1"), hostB: n.Host("b", "192.0.2.2")}
		m, a := muxHost(t, r.hostA, 8443)
		t.Cleanup(func() { _ = m.Close() })
		a.EnableSCTPPathMTUDiscovery(true)
		r.a, r.b = connectionOn(t, r.hostA, a, Configuration{}), connectionOn(t, r.hostB, SettingEngine{}, Configuration{})
		return r
	})
	// One end has a relay only, both ends probe where they may: neither does.
	check("relay", func(t *testing.T, n *simnet.Net) *rig {
		server := n.TURNServer("turn", "198.51.100.3")
		r := &rig{hostA: n.Host("a", "192.0.2.1"), hostB: n.Host("b", "192.0.2.2")}
		r.a, r.b = connectionOn(t, r.hostA, on, relayOnly(turnServer(server))), connectionOn(t, r.hostB, on, Configuration{})
		return r
	})
}

// RFC 9260 section 6.9: "if the PMTU has been reduced, then IP fragmentation MUST be used". Nothing keeps data from being
// fragmented, so that a reliable transfer outlives a path that shrinks.
func TestATransferOutlivesAPathThatShrinks(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, atB := r.openPair("x", nil)
		streamMessages(t, atA, atB, 5*time.Second)
		if mtu := foundMTU(t, r.a); mtu != 1432 {
			t.Fatalf("packets of %d bytes at first", mtu)
		}
		long := make(chan DataChannelMessage, 1)
		atB.OnMessage(func(m DataChannelMessage) { long <- m })
		must(t, atA.Send(make([]byte, 256<<10)))
		time.Sleep(30 * time.Millisecond) // much of it is under way
		r.net.SetDefaultLink(simnet.Link{Delay: 20 * time.Millisecond, MTU: 1300, Fragments: true})
		if m := wait(t, "what was under way", long, 10*time.Second); len(m.Data) != 256<<10 {
			t.Errorf("%d bytes", len(m.Data))
		}
		if got := streamMessages(t, atA, atB, 5*time.Second); got != 50 {
			t.Errorf("%d of 50 messages arrived", got)
		}
	}, withEngines(probing), withLink(simnet.Link{Delay: 20 * time.Millisecond}))
}

// RFC 8899 section 4.3: where larger packets just vanish, packets have the base's size soon.
func TestABlackHoleIsLeft(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ordered, retransmits := false, uint16(0)
		atA, atB := r.openPair("x", &DataChannelInit{Ordered: &ordered, MaxRetransmits: &retransmits})
		streamMessages(t, atA, atB, 5*time.Second)
		if mtu := foundMTU(t, r.a); mtu != 1432 {
			t.Fatalf("packets of %d bytes at first", mtu)
		}
		r.net.SetDefaultLink(simnet.Link{Delay: 20 * time.Millisecond, MTU: 1300})
		streamMessages(t, atA, atB, 5*time.Second)
		if mtu := foundMTU(t, r.a); mtu > sctpMTU {
			t.Errorf("packets of %d bytes in a black hole", mtu)
		}
		if got := streamMessages(t, atA, atB, 5*time.Second); got != 50 {
			t.Errorf("%d of 50 messages arrived afterwards", got)
		}
	}, withEngines(probing), withLink(simnet.Link{Delay: 20 * time.Millisecond}))
}

// Another pair is another path: the search begins at the base again, and so does congestion control (RFC 9260 section
// 7.2.5.2), without a probe that this path has not answered.
func TestAnotherPairBeginsAtTheBase(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := &rig{t: t, net: simnet.New(1)}
		r.net.SetDefaultLink(simnet.Link{Delay: 20 * time.Millisecond})
		r.hostA, r.hostB = r.net.Host("a", "192.0.2.1", "192.0.2.77"), r.net.Host("b", "192.0.2.2")
		var a, b SettingEngine
		probing(&a, &b)
		r.a, r.b = connectionOn(t, r.hostA, a, Configuration{}), connectionOn(t, r.hostB, b, Configuration{})
		defer r.close()
		c := newCutter(r.net)
		atA, atB := r.openPair("x", nil)
		streamMessages(t, atA, atB, 5*time.Second)
		must(t, atA.Send(make([]byte, 256<<10))) // fills the window
		time.Sleep(5 * time.Second)
		before, err := r.a.ice.GetSelectedCandidatePair()
		must(t, err)
		stats := func() SCTPTransportStats { return one[SCTPTransportStats](t, r.a.GetStats()) }
		initial := uint32(10 * (sctpMTU&^3 - 12))
		if s := stats(); s.MTU != 1432 || s.CongestionWindow <= initial {
			t.Fatalf("on the first pair: %+v", s)
		}
		c.cut(mustAddr(t, before.Local.Address))
		r.net.SetDefaultLink(simnet.Link{Delay: 20 * time.Millisecond, MTU: 1300, Fragments: true})
		for range 3000 {
			time.Sleep(10 * time.Millisecond)
			if after, err := r.a.ice.GetSelectedCandidatePair(); err == nil && after.Local.Address != before.Local.Address {
				break
			}
			if s := stats(); s.MTU != 1432 {
				t.Fatalf("before the change: %+v", s)
			}
		}
		if s := stats(); s.MTU != sctpMTU&^3 || s.CongestionWindow != initial {
			t.Errorf("on the second pair: %+v", s)
		}
		streamMessages(t, atA, atB, 40*time.Second)
		if mtu := foundMTU(t, r.a); mtu > 1300-28-37 || mtu < 1300-28-37-8-3 {
			t.Errorf("packets of %d bytes on a path of 1300", mtu)
		}
	})
}
