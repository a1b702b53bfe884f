package webrtc

import (
	"errors"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// The filter sees every address that is signalled; what it refuses is not checked.
func TestTheRemoteFilterDecidesWhichCandidatesAreUsed(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		r := &rig{t: t, net: n, hostA: n.Host("a", "192.0.2.1", "2001:db8::1"), hostB: n.Host("b", "192.0.2.2", "2001:db8::2")}
		seen := make(chan string, 100)
		var filtered SettingEngine
		filtered.SetRemoteIPFilter(func(ip net.IP) bool {
			seen <- ip.String()
			return ip.To4() == nil
		})
		r.a, r.b = connectionOn(t, r.hostA, filtered, Configuration{}), connectionOn(t, r.hostB, filtered, Configuration{})
		defer r.close()
		r.openPair("x", nil)
		if len(seen) < 4 {
			t.Errorf("the filters were asked %d times, by two ends about two addresses", len(seen))
		}
		for _, pc := range []*PeerConnection{r.a, r.b} {
			for _, c := range pc.ice.GetRemoteCandidates() {
				if net.ParseIP(c.Address).To4() != nil {
					t.Errorf("candidate %v was refused", c)
				}
			}
			pair, err := pc.ice.GetSelectedCandidatePair()
			must(t, err)
			if net.ParseIP(pair.Remote.Address).To4() != nil {
				t.Errorf("selected %v", pair)
			}
			if s := pc.ice.State(); s != ICETransportStateCompleted && s != ICETransportStateConnected {
				t.Errorf("state %v", s)
			}
		}
	})
}

func TestAFilterMayCloseTheConnection(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		r := &rig{t: t, net: n, hostA: n.Host("a", "192.0.2.1"), hostB: n.Host("b", "192.0.2.2")}
		closed := make(chan bool)
		var e SettingEngine
		e.SetRemoteIPFilter(func(net.IP) bool {
			must(t, r.b.Close())
			close(closed)
			return true
		})
		r.a, r.b = connectionOn(t, r.hostA, SettingEngine{}, Configuration{}), connectionOn(t, r.hostB, e, Configuration{})
		defer r.close()
		_, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		done := GatheringCompletePromise(r.a)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		wait(t, "gathering", done, time.Minute)
		must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
		_ = r.b.SetLocalDescription(SessionDescription{})
		wait(t, "close", closed, time.Minute)
	})
}

func TestRenominationNeedsAnInterval(t *testing.T) {
	var e SettingEngine
	if err := e.SetICERenomination(WithRenominationInterval(0)); !errors.Is(err, ErrType) {
		t.Error(err)
	}
	must(t, e.SetICERenomination(nil, WithRenominationInterval(time.Second)))
	must(t, e.SetICERenomination())
}

// An acceptance wait holds up a connection of host candidates, too, when it is
// asked to.
func TestAcceptanceWaitsHoldUpNomination(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		start := time.Now()
		r.openPair("x", nil)
		if took := time.Since(start); took < time.Second || took > 1200*time.Millisecond {
			t.Errorf("open after %v", took)
		}
	}, withEngines(func(a, _ *SettingEngine) { a.SetHostAcceptanceMinWait(time.Second) }), withLink(simnet.Link{Delay: 10 * time.Millisecond}))
}
