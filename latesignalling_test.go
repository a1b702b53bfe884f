package webrtc

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// behindForgetfulNATs is two connections behind NATs of their own that forget a
// binding after 30 s and take nothing from where nothing was sent to.
func behindForgetfulNATs(t *testing.T) (r *rig, stun *simnet.Server) {
	n := simnet.New(1)
	n.SetDefaultLink(simnet.Link{Delay: 10 * time.Millisecond})
	stun = n.STUNServer("stun", "198.51.100.1:3478")
	config := Configuration{ICEServers: []ICEServer{{URLs: []string{"stun:198.51.100.1"}}}}
	r = &rig{t: t, net: n}
	for i, end := range []struct {
		host *(*simnet.Host)
		pc   *(*PeerConnection)
	}{{&r.hostA, &r.a}, {&r.hostB, &r.b}} {
		name := string(rune('a' + i))
		router := n.NAT("nat "+name, []string{"203.0.113.5", "203.0.113.6"}[i], simnet.PortRestricted)
		router.SetBindingTimeout(30 * time.Second)
		*end.host = router.Host(name, "10.0.0.2")
		*end.pc = connectionOn(t, *end.host, SettingEngine{}, config)
	}
	return r, stun
}

// RFC 8445 section 5.1.1.4: the bindings of server-reflexive candidates are kept
// alive until ICE has ended, by Binding requests to the server. The offer is carried
// by hand and takes five minutes; after that nobody asks the server any more.
func TestReflexiveCandidatesOutliveSlowSignalling(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, stun := behindForgetfulNATs(t)
		defer r.close()
		d, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		open := opened(d)
		gathered := GatheringCompletePromise(r.a)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		wait(t, "gathering", gathered, time.Minute)

		time.Sleep(5 * time.Minute)
		if n := stun.Requests(); n < 20 || n > 22 {
			t.Errorf("%d requests to the server in 5 minutes, want one in 15 s", n)
		}
		must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
		gathered = GatheringCompletePromise(r.b)
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		wait(t, "gathering", gathered, time.Minute)
		must(t, r.a.SetRemoteDescription(*r.b.LocalDescription()))
		wait(t, "open", open, time.Minute)

		asked := stun.Requests()
		time.Sleep(5 * time.Minute)
		if n := stun.Requests(); n != asked {
			t.Errorf("%d more requests once ICE had ended", n-asked)
		}
	})
}

// The same where nobody answers for good: Close ends the requests, and so does a
// new generation of candidates those of the one before.
func TestBindingsAreKeptForOneGenerationOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, stun := behindForgetfulNATs(t)
		defer r.net.Close()
		_, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		time.Sleep(time.Minute)
		for range 5 { // of which each has credentials, and so candidates, of its own
			must(t, r.a.SetLocalDescription(SessionDescription{Type: SDPTypeRollback}))
			r.a.RestartICE()
			must(t, r.a.SetLocalDescription(SessionDescription{}))
			time.Sleep(time.Second)
		}
		before := stun.Requests()
		time.Sleep(time.Minute)
		if n := stun.Requests() - before; n < 3 || n > 5 {
			t.Errorf("%d requests in a minute, want one in 15 s", n)
		}
		must(t, r.a.Close())
		must(t, r.b.Close())
		before = stun.Requests()
		time.Sleep(time.Minute)
		if stun.Requests() != before {
			t.Error("requests after Close")
		}
	})
}
