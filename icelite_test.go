package webrtc

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// liteServer is a rig whose a sits behind a NAT, while b is a lite agent with a
// public address.
func liteServer(t *testing.T, nat simnet.NATKind, engines func(a, b *SettingEngine)) *rig {
	n := simnet.New(1)
	n.SetDefaultLink(simnet.Link{Delay: 10 * time.Millisecond})
	n.STUNServer("stun", "198.51.100.1:3478")
	var a, b SettingEngine
	b.SetLite(true)
	if engines != nil {
		engines(&a, &b)
	}
	config := Configuration{ICEServers: []ICEServer{{URLs: []string{"stun:198.51.100.1"}}}}
	r := &rig{t: t, net: n}
	r.hostA = n.NAT("nat a", "203.0.113.5", nat).Host("a", "10.0.0.2")
	r.hostB = n.Host("b", "192.0.2.2")
	r.a, r.b = connectionOn(t, r.hostA, a, config), connectionOn(t, r.hostB, b, config)
	return r
}

// bindingRequests counts the Binding requests that a host sends.
func bindingRequests(n *simnet.Net, h *simnet.Host) *int {
	count := 0
	n.Tap(func(p simnet.Packet) simnet.Verdict {
		if p.Src.Addr() == h.Addr() && len(p.Data) >= 20 && p.Data[0] == 0 && p.Data[1] == 1 {
			count++
		}
		return simnet.Pass
	})
	return &count
}

// RFC 8445 section 2.5, RFC 8839 section 5.3: whoever offers, the full agent
// controls and checks; the lite one says so, has host candidates alone and sends
// no request at all.
func TestALiteServerConnectsWhoeverOffers(t *testing.T) {
	for _, liteOffers := range []bool{false, true} {
		synctest.Test(t, func(t *testing.T) {
			r := liteServer(t, simnet.Symmetric, nil)
			defer r.close()
			requests := bindingRequests(r.net, r.hostB)
			offerer, answerer := r.a, r.b
			if liteOffers {
				offerer, answerer = r.b, r.a
			}
			d, err := offerer.CreateDataChannel("x", nil)
			must(t, err)
			open := opened(d)
			negotiate(t, offerer, answerer)
			wait(t, "open", open, time.Minute)
			if full, lite := r.a.ice.Role(), r.b.ice.Role(); full != ICERoleControlling || lite != ICERoleControlled {
				t.Errorf("roles: full %v, lite %v", full, lite)
			}
			time.Sleep(2 * time.Minute) // idle: the full agent's requests keep the path
			synctest.Wait()
			if s := r.b.ConnectionState(); s != PeerConnectionStateConnected {
				t.Errorf("lite end is %v", s)
			}
			if *requests != 0 {
				t.Errorf("the lite end sent %d requests", *requests)
			}
			sdp := r.b.LocalDescription().SDP
			if !strings.Contains(sdp, "a=ice-lite\r\n") || strings.Contains(sdp, "typ srflx") {
				t.Errorf("description of a lite agent:\n%s", sdp)
			}
			if p, err := r.a.ice.GetRemoteParameters(); err != nil || !p.ICELite {
				t.Errorf("remote parameters %+v, %v", p, err)
			}
			if p, _ := r.b.ice.GetLocalParameters(); !p.ICELite {
				t.Errorf("local parameters %+v", p)
			}
		})
	}
}

// RFC 7675: 30 s after the last request of the peer a lite agent sends no more,
// be there ever so much to send.
func TestALiteServerFallsSilentWhenThePeerIsGone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := liteServer(t, simnet.PortRestricted, nil)
		defer r.close()
		_, atB := r.openPair("x", nil)
		time.Sleep(5 * time.Second)
		r.net.SetLink(r.hostA, r.hostB, simnet.Link{Down: true})
		lastSent := time.Now()
		r.net.Tap(func(p simnet.Packet) simnet.Verdict {
			if p.Src.Addr() == r.hostB.Addr() {
				lastSent = p.Time
			}
			return simnet.Pass
		})
		gone := time.Now()
		stop := time.After(2 * time.Minute)
		for running := true; running; {
			select {
			case <-stop:
				running = false
			case <-time.After(100 * time.Millisecond):
				_ = atB.Send([]byte("still there?"))
			}
		}
		if silent := lastSent.Sub(gone); silent > 30*time.Second || silent < 20*time.Second {
			t.Errorf("sent for %v after the peer was gone", silent)
		}
		if s := r.b.ConnectionState(); s != PeerConnectionStateFailed {
			t.Errorf("lite end is %v", s)
		}
	})
}

func TestTwoLiteAgentsConnect(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, atB := r.openPair("x", nil)
		got := make(chan DataChannelMessage, 1)
		atB.OnMessage(func(m DataChannelMessage) { got <- m })
		must(t, atA.SendText("hello"))
		wait(t, "message", got, time.Minute)
		if a, b := r.a.ice.Role(), r.b.ice.Role(); a != ICERoleControlling || b != ICERoleControlled {
			t.Errorf("roles %v, %v", a, b)
		}
	}, withEngines(func(a, b *SettingEngine) { a.SetLite(true); b.SetLite(true) }))
}

// RFC 8445 section 6.1.1, the whole table.
func TestTheOneFullAgentControls(t *testing.T) {
	for _, test := range []struct {
		lite, remoteLite, offered bool
		want                      ICERole
	}{
		{false, false, true, ICERoleControlling},
		{false, false, false, ICERoleControlled},
		{false, true, true, ICERoleControlling},
		{false, true, false, ICERoleControlling},
		{true, false, true, ICERoleControlled},
		{true, false, false, ICERoleControlled},
		{true, true, true, ICERoleControlling},
		{true, true, false, ICERoleControlled},
	} {
		if got := iceRole(test.lite, test.remoteLite, test.offered); got != test.want {
			t.Errorf("%+v: %v", test, got)
		}
	}
}
