package webrtc

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// signalling joins two connections by a channel that takes delay each way, and
// negotiates whenever either asks for it: offers of a win (perfect negotiation).
type signalling struct {
	t     testing.TB
	delay time.Duration
	work  sync.WaitGroup
}

func (s *signalling) connect(a, b *PeerConnection) {
	s.serve(a, b)
	s.serve(b, a)
	a.OnNegotiationNeeded(func() {
		if a.SetLocalDescription(SessionDescription{}) == nil {
			s.send(func() { s.answer(a, b, *a.LocalDescription()) })
		}
	})
}

// send runs f where the message arrives, in the order of sending.
func (s *signalling) send(f func()) {
	s.work.Go(func() {
		time.Sleep(s.delay)
		f()
	})
}

func (s *signalling) serve(from, to *PeerConnection) {
	from.OnICECandidate(func(c *ICECandidate) {
		if c != nil {
			init := c.ToJSON()
			s.send(func() {
				time.Sleep(time.Millisecond) // after the description that it belongs to
				_ = to.AddICECandidate(init)
			})
		}
	})
}

func (s *signalling) answer(a, b *PeerConnection, offer SessionDescription) {
	if b.SetRemoteDescription(offer) != nil || b.SetLocalDescription(SessionDescription{}) != nil {
		return
	}
	answer := *b.LocalDescription()
	s.send(func() { _ = a.SetRemoteDescription(answer) })
}

// A path that has failed takes its candidates along: nobody is told of them any more.
func TestFailedPathsHaveNoCandidates(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		server := n.TURNServer("turn", "198.51.100.3")
		pc := connectionOn(t, n.Host("a", "192.0.2.1"), SettingEngine{}, Configuration{ICEServers: []ICEServer{turnServer(server)}})
		defer pc.Close()
		gatherAll(t, pc)
		types := func() (all []ICECandidateType) {
			candidates, err := pc.gatherer.GetLocalCandidates()
			must(t, err)
			for _, c := range candidates {
				all = append(all, c.Typ)
			}
			return all
		}
		if got := types(); !slices.Equal(got, []ICECandidateType{ICECandidateTypeHost, ICECandidateTypeRelay}) {
			t.Fatalf("candidates %v", got)
		}
		must(t, pc.gatherer.do("test", func(now time.Time) error {
			pc.gatherer.relayFailed(now, pc.gatherer.relays[0], errors.New("test"))
			return nil
		}))
		if got := types(); !slices.Equal(got, []ICECandidateType{ICECandidateTypeHost}) {
			t.Errorf("without the relay: %v", got)
		}
		must(t, pc.gatherer.do("test", func(now time.Time) error {
			for id := range pc.gatherer.sockets {
				pc.gatherer.socketFailed(id, errors.New("test"))
			}
			return nil
		}))
		synctest.Wait()
		if got := types(); len(got) != 0 {
			t.Errorf("without a socket: %v", got)
		}
	})
}

// Of more new addresses than a gatherer has room for, those are used that there is
// room for, and the others when others have gone.
func TestNewAddressesBeyondTheBoundAreNotLost(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		const first, later = maxSockets - 4, 8
		var addrs []string
		for i := range first + later {
			addrs = append(addrs, fmt.Sprintf("if%d=192.0.2.%d", i, i+1))
		}
		h := n.Host("a", addrs...)
		up := func(from, to int, up bool) {
			for i := from; i < to; i++ {
				h.SetInterface(fmt.Sprintf("if%d", i), up)
			}
		}
		up(first, first+later, false)
		pc := connectionOn(t, h, SettingEngine{}, Configuration{})
		defer pc.Close()
		gatherAll(t, pc)
		used := func() int {
			time.Sleep(time.Second)
			candidates, err := pc.gatherer.GetLocalCandidates()
			must(t, err)
			return len(candidates)
		}
		steps := []struct {
			from, to int
			up       bool
			want     int
		}{
			{first, first + later, true, maxSockets},
			{0, 3, false, maxSockets}, // three of those left have their place
			{3, 10, false, maxSockets - 7 + 1},
			{0, 2, true, maxSockets - 6 + 2},
		}
		if got := used(); got != first {
			t.Errorf("%d candidates at first", got)
		}
		for i, step := range steps {
			up(step.from, step.to, step.up)
			if got := used(); got != step.want {
				t.Errorf("step %d: %d candidates, want %d", i, got, step.want)
			}
		}
	})
}

// mobileRig connects a host with two interfaces, of which one is up, to a server.
// end waits for what is still on its way between the two.
func mobileRig(t *testing.T, delay time.Duration, nat bool, restart bool) (r *rig, atA, atB *DataChannel, end func()) {
	n := simnet.New(1)
	n.SetDefaultLink(simnet.Link{Delay: 20 * time.Millisecond})
	n.STUNServer("stun", "198.51.100.1:3478")
	config := Configuration{ICEServers: []ICEServer{{URLs: []string{"stun:198.51.100.1"}}}}
	r = &rig{t: t, net: n, hostA: n.Host("a", "wlan0=192.0.2.1", "wwan0=192.0.2.77"), hostB: n.Host("b", "192.0.2.2")}
	if nat {
		r.hostB = n.NAT("nat b", "203.0.113.2", simnet.PortRestricted).Host("behind", "10.0.0.2")
	}
	r.hostA.SetInterface("wwan0", false)
	var e SettingEngine
	e.SetAutomaticICERestart(restart)
	r.a, r.b = connectionOn(t, r.hostA, e, config), connectionOn(t, r.hostB, SettingEngine{}, config)
	s := &signalling{t: t, delay: delay}
	s.connect(r.a, r.b)
	accepted := make(chan *DataChannel, 1)
	r.b.OnDataChannel(func(d *DataChannel) { accepted <- d })
	atA, err := r.a.CreateDataChannel("x", nil)
	must(t, err)
	wait(t, "open", opened(atA), time.Minute)
	return r, atA, wait(t, "data channel", accepted, time.Minute), func() {
		r.close()
		s.work.Wait()
	}
}

// roundTrip returns how long a message from a takes until its echo is back. The
// echo is unordered with what was lost before, so each try is a message of its
// own, every 20 ms.
func roundTrip(t *testing.T, atA, atB *DataChannel, limit time.Duration) time.Duration {
	t.Helper()
	back := make(chan struct{}, 1000)
	atB.OnMessage(func(m DataChannelMessage) { _ = atB.Send(m.Data) })
	atA.OnMessage(func(DataChannelMessage) { back <- struct{}{} })
	start := time.Now()
	must(t, atA.SendText("are you there?"))
	wait(t, "echo", back, limit)
	return time.Since(start)
}

// The figure: all addresses of a host are others now, and 500 ms of
// simulated time beside the signalling later ICE is connected again, behind a NAT
// that takes nothing from where nothing was sent to.
func TestAConnectionSurvivesTheChangeOfEveryAddress(t *testing.T) {
	for _, nat := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			const delay = 100 * time.Millisecond
			r, atA, atB, end := mobileRig(t, delay, nat, true)
			defer end()
			time.Sleep(10 * time.Second)
			moved := make(chan *ICECandidatePair, 10)
			atPeer := make(chan *ICECandidatePair, 10)
			r.a.ice.OnSelectedCandidatePairChange(func(p *ICECandidatePair) { moved <- p })
			r.b.ice.OnSelectedCandidatePairChange(func(p *ICECandidatePair) { atPeer <- p })
			start := time.Now()
			r.hostA.SetInterface("wlan0", false)
			r.hostA.SetInterface("wwan0", true)
			for pair := wait(t, "new pair", moved, time.Minute); pair.Local.Address != "192.0.2.77"; {
				pair = wait(t, "new pair", moved, time.Minute)
			}
			for pair := wait(t, "new pair of the peer", atPeer, time.Minute); pair.Remote.Address != "192.0.2.77"; {
				pair = wait(t, "new pair of the peer", atPeer, time.Minute)
			}
			if took := time.Since(start); took > 500*time.Millisecond+2*delay {
				t.Errorf("NAT %v: both ends use the new address after %v", nat, took)
			} else {
				t.Logf("NAT %v: moved after %v, signalling %v", nat, took, 2*delay)
			}
			roundTrip(t, atA, atB, 5*time.Second)
			if s := r.a.ConnectionState(); s != PeerConnectionStateConnected {
				t.Errorf("state %v", s)
			}
			time.Sleep(time.Second)
			if r.a.ice.agentGeneration() != 2 {
				t.Error("there was no restart")
			}
		})
	}
}

// agentGeneration is for tests only.
func (t *ICETransport) agentGeneration() (n uint32) {
	_ = doOn(t.loop, "generation", func(time.Time) error {
		n = t.agent.Generation()
		return nil
	})
	return n
}

// Without the setting the controlling end moves by itself to where it can be
// reached from, and signals its new candidate in the same generation.
func TestTheControllingEndMovesWithoutARestart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, atA, atB, end := mobileRig(t, 10*time.Millisecond, false, false)
		defer end()
		time.Sleep(10 * time.Second)
		start := time.Now()
		r.hostA.SetInterface("wlan0", false)
		r.hostA.SetInterface("wwan0", true)
		time.Sleep(300 * time.Millisecond)
		for _, pc := range []*PeerConnection{r.a, r.b} {
			pair, err := pc.ice.GetSelectedCandidatePair()
			must(t, err)
			if pair.Local.Address != "192.0.2.77" && pair.Remote.Address != "192.0.2.77" {
				t.Errorf("pair %v after %v", pair, time.Since(start))
			}
		}
		roundTrip(t, atA, atB, 5*time.Second)
		if r.a.ice.agentGeneration() != 1 {
			t.Error("there was a restart")
		}
		var addresses []string
		for _, c := range r.a.ice.GetLocalCandidates() {
			addresses = append(addresses, c.Address)
		}
		if !slices.Equal(addresses, []string{"192.0.2.77"}) {
			t.Errorf("local candidates %q", addresses)
		}
		if !slices.ContainsFunc(r.b.ice.GetRemoteCandidates(), func(c ICECandidate) bool { return c.Address == "192.0.2.77" }) {
			t.Error("the new candidate was not signalled")
		}
	})
}

// A host that is off the network for a while asks for a restart when it is back.
func TestAHostThatComesBackRestarts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, atA, atB, end := mobileRig(t, 10*time.Millisecond, true, true)
		defer end()
		time.Sleep(10 * time.Second)
		r.hostA.SetInterface("wlan0", false)
		time.Sleep(20 * time.Second)
		if s := r.a.ICEConnectionState(); s != ICEConnectionStateDisconnected {
			t.Errorf("state without a network: %v", s)
		}
		r.hostA.SetInterface("wwan0", true)
		roundTrip(t, atA, atB, 30*time.Second)
	})
}

// One watch for all connections on a network, for as long as one of its gatherers lives.
func TestTheInterfacesAreWatchedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		h := n.Host("h", "192.0.2.1")
		api := NewAPI(withNetwork(h))
		var all []*PeerConnection
		for range 5 {
			pc, err := api.NewPeerConnection(Configuration{})
			must(t, err)
			gatherAll(t, pc)
			all = append(all, pc)
		}
		if got := h.Watchers(); got != 1 {
			t.Errorf("%d watches for five connections", got)
		}
		for _, pc := range all {
			must(t, pc.Close())
		}
		if got := h.Watchers(); got != 0 {
			t.Errorf("%d watches after Close", got)
		}
	})
}
