package webrtc

import (
	"net/netip"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// cutter drops what goes from or to addresses of a virtual network.
type cutter struct {
	mu  sync.Mutex
	off map[netip.Addr]bool
}

func newCutter(n *simnet.Net) *cutter {
	c := &cutter{off: make(map[netip.Addr]bool)}
	n.Tap(func(p simnet.Packet) simnet.Verdict {
		c.mu.Lock()
		defer c.mu.Unlock()
		if c.off[p.Src.Addr()] || c.off[p.Dst.Addr()] {
			return simnet.Drop
		}
		return simnet.Pass
	})
	return c
}

func (c *cutter) cut(addrs ...netip.Addr) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, a := range addrs {
		c.off[a] = true
	}
}

// survivesFailover sends messages one by one while cut takes the selected path away,
// and returns for how long none came back, and the pair that is selected then.
func survivesFailover(t *testing.T, r *rig, cut func(before *ICECandidatePair)) (gap time.Duration, after *ICECandidatePair) {
	t.Helper()
	a, b := r.openPair("x", nil)
	b.OnMessage(func(m DataChannelMessage) { _ = b.Send(m.Data) })
	back := make(chan struct{}, 1)
	a.OnMessage(func(DataChannelMessage) { back <- struct{}{} })
	echo := func() {
		must(t, a.SendText("are you there?"))
		wait(t, "echo", back, time.Minute)
	}
	time.Sleep(40 * time.Second)
	echo()
	before, err := r.a.ice.GetSelectedCandidatePair()
	must(t, err)
	var states []ICETransportState
	r.a.ice.OnConnectionStateChange(func(s ICETransportState) { states = append(states, s) })
	cut(before)
	start := time.Now()
	echo()
	gap = time.Since(start)
	time.Sleep(time.Minute) // longer than consent and all time-outs
	echo()
	after, err = r.a.ice.GetSelectedCandidatePair()
	must(t, err)
	synctest.Wait()
	for _, s := range states {
		if s == ICETransportStateFailed {
			t.Errorf("went through %v", states)
		}
	}
	return gap, after
}

// mostGap is how long data may stop where another path is there: the disconnected
// timeout, a few round trips of the longest path, over two relays, and what SCTP
// waits from one retransmission to the next, as its timer has doubled to 4 s by then.
const mostGap = 5*time.Second + 8*120*time.Millisecond + 4*time.Second

// The server that relays is gone, without a word; another one had given an allocation
// too, which has lived on. No restart, no signalling.
func TestAnotherRelayTakesOverWhenOneDies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		servers := map[netip.Addr]*simnet.TURNServer{}
		r := relayRig(t, func(n *simnet.Net) (a, b Configuration) {
			list := []ICEServer{}
			for _, addr := range []string{"198.51.100.3", "198.51.100.4"} {
				s := n.TURNServer("turn "+addr, addr)
				servers[mustAddr(t, addr)] = s
				list = append(list, turnServer(s))
			}
			return relayOnly(list...), relayOnly(turnServer(n.TURNServer("turn b", "198.51.100.5")))
		})
		defer r.close()
		c := newCutter(r.net)
		var dead string
		gap, after := survivesFailover(t, r, func(p *ICECandidatePair) {
			dead = p.Local.Address
			c.cut(mustAddr(t, dead))
		})
		t.Logf("data went on after %v", gap)
		if gap > mostGap {
			t.Errorf("data went on after %v", gap)
		}
		if after.Local.Address == dead || servers[mustAddr(t, after.Local.Address)] == nil {
			t.Errorf("%v selected when %s is dead", after, dead)
		}
	})
}

// A firewall closes between the two, as a VPN comes up, say: the relay takes over.
func TestARelayTakesOverWhenTheDirectPathDies(t *testing.T) {
	for _, controlling := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			r := &rig{t: t, net: simnet.New(1)}
			r.net.SetDefaultLink(simnet.Link{Delay: 10 * time.Millisecond})
			config := Configuration{ICEServers: []ICEServer{turnServer(r.net.TURNServer("turn", "198.51.100.3"))}}
			none := Configuration{}
			r.hostA, r.hostB = r.net.Host("a", "192.0.2.1"), r.net.NAT("nat", "203.0.113.5", simnet.PortRestricted).Host("b", "10.0.0.2")
			if controlling { // the end that has the relay
				r.a, r.b = connectionOn(t, r.hostA, SettingEngine{}, config), connectionOn(t, r.hostB, SettingEngine{}, none)
			} else {
				r.a, r.b = connectionOn(t, r.hostA, SettingEngine{}, none), connectionOn(t, r.hostB, SettingEngine{}, config)
			}
			defer r.close()
			var closed sync.Mutex
			direct := false
			r.net.Tap(func(p simnet.Packet) simnet.Verdict {
				closed.Lock()
				defer closed.Unlock()
				a, b := mustAddr(t, "192.0.2.1"), mustAddr(t, "203.0.113.5")
				if direct && (p.Src.Addr() == a && p.Dst.Addr() == b || p.Src.Addr() == b && p.Dst.Addr() == a ||
					p.Src.Addr() == mustAddr(t, "10.0.0.2") && p.Dst.Addr() == a) {
					return simnet.Drop
				}
				return simnet.Pass
			})
			gap, after := survivesFailover(t, r, func(p *ICECandidatePair) {
				if p.Local.Typ == ICECandidateTypeRelay || p.Remote.Typ == ICECandidateTypeRelay {
					t.Fatalf("%v selected at first", p)
				}
				closed.Lock()
				direct = true
				closed.Unlock()
			})
			t.Logf("data went on after %v", gap)
			if gap > mostGap {
				t.Errorf("data went on after %v", gap)
			}
			if after.Local.Typ != ICECandidateTypeRelay && after.Remote.Typ != ICECandidateTypeRelay {
				t.Errorf("%v selected when the direct path is closed", after)
			}
		})
	}
}
