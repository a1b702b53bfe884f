package webrtc

import (
	"errors"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// webrtc-pc section 4.4.2, setConfiguration: what is fixed stays, and a
// configuration that is refused changes nothing.
func TestSetConfigurationReplacesAllButWhatIsFixed(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		servers := []ICEServer{{URLs: []string{"stun:stun.example.net"}}}
		next := r.a.GetConfiguration() // names the certificate in use
		next.ICEServers, next.ICECandidatePoolSize = servers, 2
		must(t, r.a.SetConfiguration(next))
		next.ICEServers[0].URLs[0] = "stun:changed"
		if got := r.a.GetConfiguration(); got.ICEServers[0].URLs[0] != "stun:stun.example.net" || got.ICECandidatePoolSize != 2 || len(got.Certificates) != 1 {
			t.Errorf("configuration %+v", got)
		}
		must(t, r.a.SetConfiguration(Configuration{ICECandidatePoolSize: 1})) // no certificate was given
		if got := r.a.GetConfiguration(); len(got.ICEServers) != 0 || got.BundlePolicy != BundlePolicyBalanced {
			t.Errorf("members that are not set keep a value: %+v", got)
		}
		other := mustCertificate(t, time.Now())
		_, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		for _, test := range []struct {
			name   string
			change Configuration
			want   error
		}{
			{"bundle policy", Configuration{ICECandidatePoolSize: 1, BundlePolicy: BundlePolicyMaxBundle}, ErrModifyingBundlePolicy},
			{"RTCP policy", Configuration{ICECandidatePoolSize: 1, RTCPMuxPolicy: RTCPMuxPolicyNegotiate}, ErrInvalidModification},
			{"certificate", Configuration{ICECandidatePoolSize: 1, Certificates: []Certificate{other}}, ErrModifyingCertificates},
			{"pool size after a local description", Configuration{}, ErrModifyingICECandidatePoolSize},
			{"server", Configuration{ICECandidatePoolSize: 1, ICEServers: []ICEServer{{URLs: []string{"http://x"}}}}, ErrSyntax},
		} {
			if err := r.a.SetConfiguration(test.change); !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", test.name, err, test.want)
			}
		}
		if got := r.a.GetConfiguration(); got.ICECandidatePoolSize != 1 || len(got.ICEServers) != 0 {
			t.Errorf("a refused configuration left %+v", got)
		}
		must(t, r.a.Close())
		if err := r.a.SetConfiguration(Configuration{ICECandidatePoolSize: 1}); !errors.Is(err, ErrInvalidState) {
			t.Errorf("after Close: %v", err)
		}
	})
}

// webrtc-pc section 4.4.1.5: new servers are asked in the next gathering phase;
// RFC 9429 section 5.2.2: the offer after the change has new credentials.
func TestNewServersAreAskedWithTheNextOffer(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		nat := r.net.NAT("nat", "203.0.113.5", simnet.FullCone)
		server := r.net.STUNServer("stun", "198.51.100.1:3478").Addr()
		must(t, r.a.Close())
		r.a = connectionOn(t, nat.Host("inner", "10.0.0.2"), SettingEngine{}, Configuration{})
		atA, atB := r.openPair("x", nil)
		r.endCandidates()
		finish := stream(t, atA, atB)
		old := localUfrag(t, r.a)
		next := r.a.GetConfiguration()
		next.ICEServers = []ICEServer{{URLs: []string{"stun:" + server.String()}}}
		needed := make(chan struct{}, 4)
		r.a.OnNegotiationNeeded(func() { needed <- struct{}{} })
		must(t, r.a.SetConfiguration(next))
		time.Sleep(time.Minute)
		if localUfrag(t, r.a) != old || r.a.ICEGatheringState() != ICEGatheringStateComplete || len(needed) != 0 {
			t.Error("the configuration alone restarts ICE")
		}
		negotiate(t, r.a, r.b)
		r.endCandidates()
		finish()
		if got, want := summary(r.a.ice.GetLocalCandidates()), []string{"host 10.0.0.2", "srflx 203.0.113.5"}; !slices.Equal(got, want) || localUfrag(t, r.a) == old {
			t.Errorf("candidates %q, want %q", got, want)
		}
		after := localUfrag(t, r.a)
		must(t, r.a.SetConfiguration(next)) // the same
		negotiate(t, r.a, r.b)
		if localUfrag(t, r.a) != after {
			t.Error("restarted without a change")
		}
	})
}

// webrtc-pc section 4.2.1, iceCandidatePoolSize: the sockets are open and the
// servers have answered before SetLocalDescription; candidates surface with it.
func TestThePoolIsGatheredBeforeTheLocalDescription(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		n.SetDefaultLink(simnet.Link{Delay: 100 * time.Millisecond})
		server := n.STUNServer("stun", "198.51.100.1:3478").Addr()
		nat := n.NAT("nat", "203.0.113.5", simnet.FullCone)
		var packets atomic.Int64
		n.Tap(func(simnet.Packet) simnet.Verdict { packets.Add(1); return simnet.Pass })
		pc := connectionOn(t, nat.Host("h", "10.0.0.2"), SettingEngine{}, Configuration{
			ICEServers: []ICEServer{{URLs: []string{"stun:" + server.String()}}}, ICECandidatePoolSize: 1,
		})
		defer pc.Close()
		var events []string
		pc.OnICECandidate(func(c *ICECandidate) {
			events = append(events, announcedAs(c))
			if c == nil {
				return
			}
			if c.SDPMid != "0" || c.UsernameFragment != localUfrag(t, pc) {
				t.Errorf("candidate %v", c)
			}
		})
		pc.OnICEGatheringStateChange(func(s ICEGatheringState) { events = append(events, s.String()) })
		_, err := pc.CreateDataChannel("x", nil)
		must(t, err)
		offer, err := pc.CreateOffer(nil)
		must(t, err)
		time.Sleep(10 * time.Second)
		if packets.Load() == 0 || len(pc.gatherer.published.Load().candidates) != 2 {
			t.Errorf("%d packets, candidates %v", packets.Load(), pc.gatherer.published.Load().candidates)
		}
		if len(events) != 0 || pc.ICEGatheringState() != ICEGatheringStateNew || strings.Contains(offer.SDP, "a=candidate") {
			t.Errorf("%v, %q before the local description", pc.ICEGatheringState(), events)
		}
		sent := packets.Load()
		must(t, pc.SetLocalDescription(offer))
		if s := pc.LocalDescription().SDP; strings.Count(s, "a=candidate") != 2 || !strings.Contains(s, "a=end-of-candidates") {
			t.Errorf("the description lacks candidates:\n%s", s)
		}
		synctest.Wait()
		if want := []string{"host", "srflx", "last", "complete", "end"}; !slices.Equal(events, want) || packets.Load() != sent {
			t.Errorf("events %q, want %q", events, want)
		}
	})
}

// A pool whose servers have changed is gathered again.
func TestThePoolFollowsTheConfiguration(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		n := simnet.New(1)
		defer n.Close()
		server := n.STUNServer("stun", "198.51.100.1:3478").Addr()
		pc := connectionOn(t, n.NAT("nat", "203.0.113.5", simnet.FullCone).Host("h", "10.0.0.2"), SettingEngine{}, Configuration{})
		defer pc.Close()
		pooled := func() []string {
			time.Sleep(10 * time.Second)
			candidates, err := pc.gatherer.GetLocalCandidates()
			must(t, err)
			return summary(candidates)
		}
		if got := pooled(); len(got) != 0 {
			t.Errorf("without a pool %q", got)
		}
		must(t, pc.SetConfiguration(Configuration{ICECandidatePoolSize: 1}))
		if got := pooled(); !slices.Equal(got, []string{"host 10.0.0.2"}) {
			t.Errorf("pool %q", got)
		}
		must(t, pc.SetConfiguration(Configuration{
			ICECandidatePoolSize: 1, ICEServers: []ICEServer{{URLs: []string{"stun:" + server.String()}}},
		}))
		if got := pooled(); !slices.Equal(got, []string{"host 10.0.0.2", "srflx 203.0.113.5"}) {
			t.Errorf("pool %q", got)
		}
		candidates, _ := gatherAll(t, pc)
		if got := summary(candidates); len(got) != 2 {
			t.Errorf("announced %q", got)
		}
	})
}
