package webrtc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// localUfrag is the username fragment of pc's local description, which all its
// m-sections share.
func localUfrag(t testing.TB, pc *PeerConnection) string {
	t.Helper()
	_, rest, ok := strings.Cut(pc.LocalDescription().SDP, "a=ice-ufrag:")
	if !ok {
		t.Fatal("no ice-ufrag")
	}
	ufrag, _, _ := strings.Cut(rest, "\r\n")
	return ufrag
}

// endCandidates signals the end of candidates to both ends, once all were.
func (r *rig) endCandidates() {
	r.t.Helper()
	time.Sleep(time.Second)
	for _, pc := range []*PeerConnection{r.a, r.b} {
		must(r.t, pc.AddICECandidate(ICECandidateInit{SDPMid: ptr("0")}))
	}
	time.Sleep(10 * time.Second)
}

// stream sends numbered messages from one end to the other, one every 10 ms, and
// returns what checks that all arrived in order.
func stream(t testing.TB, from, to *DataChannel) (finish func()) {
	t.Helper()
	var received atomic.Int64
	to.OnMessage(func(m DataChannelMessage) {
		if n := received.Add(1); string(m.Data) != fmt.Sprint(n) {
			t.Errorf("message %d is %q", n, m.Data)
		}
	})
	stop, sent := make(chan struct{}), make(chan int64)
	go func() {
		n := int64(0)
		for {
			select {
			case <-stop:
				sent <- n
				return
			case <-time.After(10 * time.Millisecond):
				n++
				if err := from.SendText(fmt.Sprint(n)); err != nil {
					t.Error(err)
				}
			}
		}
	}()
	return func() {
		t.Helper()
		close(stop)
		n := <-sent
		time.Sleep(time.Minute)
		if got := received.Load(); got != n || n == 0 {
			t.Errorf("received %d of %d messages", got, n)
		}
	}
}

// RFC 8445 section 9: each end has new credentials, and data goes over the old
// pair until there is a new one. W3C restartIce: negotiationneeded is fired, and
// not again when the exchange has ended.
func TestARestartByEitherSideLosesNoMessage(t *testing.T) {
	for _, name := range []string{"first offerer", "first answerer"} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				atA, atB := r.openPair("x", nil)
				r.endCandidates()
				offerer, answerer := r.a, r.b
				if name == "first answerer" {
					offerer, answerer = r.b, r.a
				}
				fromA, fromB := stream(t, atA, atB), stream(t, atB, atA)
				before := []string{localUfrag(t, r.a), localUfrag(t, r.b)}
				var states []ICEConnectionState
				var gathering []ICEGatheringState
				pairs, needed := 0, 0
				offerer.OnICEConnectionStateChange(func(s ICEConnectionState) { states = append(states, s) })
				offerer.OnICEGatheringStateChange(func(s ICEGatheringState) { gathering = append(gathering, s) })
				offerer.ice.OnSelectedCandidatePairChange(func(*ICECandidatePair) { pairs++ })
				offerer.OnNegotiationNeeded(func() { needed++ })
				offerer.RestartICE()
				offerer.RestartICE()
				time.Sleep(time.Second)
				synctest.Wait()
				if needed != 1 {
					t.Errorf("%d times negotiationneeded", needed)
				}
				role := offerer.ice.Role()
				negotiate(t, offerer, answerer)
				r.endCandidates()
				fromA()
				fromB()
				synctest.Wait()
				if after := []string{localUfrag(t, r.a), localUfrag(t, r.b)}; after[0] == before[0] || after[1] == before[1] {
					t.Errorf("username fragments %q, before %q", after, before)
				}
				if want := []ICEConnectionState{ICEConnectionStateConnected, ICEConnectionStateCompleted}; !slices.Equal(states, want) {
					t.Errorf("states %v, want %v", states, want)
				}
				if want := []ICEGatheringState{ICEGatheringStateGathering, ICEGatheringStateComplete}; !slices.Equal(gathering, want) {
					t.Errorf("gathering %v, want %v", gathering, want)
				}
				if pairs != 1 || needed != 1 || offerer.ice.Role() != role {
					t.Errorf("%d new pairs, %d times negotiationneeded, role %v", pairs, needed, offerer.ice.Role())
				}
				local, remote := selectedUfrags(t, offerer)
				if local != localUfrag(t, offerer) || remote != localUfrag(t, answerer) {
					t.Errorf("the selected pair is of %s and %s", local, remote)
				}
				// The next exchange restarts nothing.
				after := localUfrag(t, r.a)
				negotiate(t, r.a, r.b)
				if localUfrag(t, r.a) != after {
					t.Error("restarted again")
				}
			}, withLink(simnet.Link{Delay: 50 * time.Millisecond}))
		})
	}
}

func selectedUfrags(t testing.TB, pc *PeerConnection) (local, remote string) {
	t.Helper()
	pair, err := pc.ice.GetSelectedCandidatePair()
	must(t, err)
	parameters, err := pc.ice.GetRemoteParameters()
	must(t, err)
	return pair.Local.UsernameFragment, parameters.UsernameFragment
}

// W3C section 4.2.6, iceRestart; RFC 8838 section 16: what is gathered for the
// new generation names it, and candidates of the old one are refused when it is
// over.
func TestARestartSignalsItsCandidatesAnew(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.openPair("x", nil)
		time.Sleep(10 * time.Second)
		var announced []string
		r.a.OnICECandidate(func(c *ICECandidate) {
			if c == nil {
				announced = append(announced, "end")
				return
			}
			announced = append(announced, c.UsernameFragment)
			if c.isEnd() {
				announced = append(announced, "last")
				return
			}
			if c.Address != "192.0.2.1" || c.SDPMid != "0" {
				t.Errorf("candidate %v", c)
			}
		})
		r.b.OnICECandidate(nil)
		old := localUfrag(t, r.a)
		candidates := r.a.ice.GetLocalCandidates()
		offer, err := r.a.CreateOffer(&OfferOptions{ICERestart: true})
		must(t, err)
		other, err := r.a.CreateOffer(&OfferOptions{ICERestart: true})
		must(t, err)
		if strings.Contains(offer.SDP, old) || strings.Contains(offer.SDP, "a=candidate") || offer.SDP == other.SDP {
			t.Errorf("offer of a restart:\n%s", offer.SDP)
		}
		if localUfrag(t, r.a) != old || len(announced) != 0 {
			t.Error("CreateOffer changes something")
		}
		must(t, r.a.SetLocalDescription(other))
		time.Sleep(time.Second)
		synctest.Wait()
		fresh := localUfrag(t, r.a)
		if want := []string{fresh, fresh, "last", "end"}; fresh == old || !slices.Equal(announced, want) {
			t.Errorf("announced %q, want %q", announced, want)
		}
		if s := r.a.LocalDescription().SDP; strings.Count(s, "a=candidate") != 1 || !strings.Contains(s, "a=end-of-candidates") {
			t.Errorf("the description lacks candidates:\n%s", s)
		}
		must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
		late := func(ufrag string) error {
			return r.b.AddICECandidate(ICECandidateInit{
				Candidate: candidates[0].ToJSON().Candidate, SDPMid: ptr("0"), UsernameFragment: &ufrag,
			})
		}
		must(t, late(old)) // both generations are alive
		must(t, late(fresh))
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		must(t, r.a.SetRemoteDescription(*r.b.LocalDescription()))
		time.Sleep(time.Second)
		if err := late(old); !errors.Is(err, ErrOperation) {
			t.Errorf("candidate of the old generation: %v", err)
		}
		must(t, late(fresh))
	})
}

// RFC 9429 section 4.1.10.2: a rollback of a restart leaves the old credentials
// in force; W3C: what restartIce asked for is still needed.
func TestRollbackOfARestartKeepsTheOldGeneration(t *testing.T) {
	for _, name := range []string{"explicit", "glare"} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				atA, atB := r.openPair("x", nil)
				r.endCandidates()
				finish := stream(t, atA, atB)
				old := localUfrag(t, r.a)
				needed := 0
				r.a.OnNegotiationNeeded(func() { needed++ })
				r.a.OnICECandidate(nil)
				r.a.RestartICE()
				synctest.Wait()
				must(t, r.a.SetLocalDescription(SessionDescription{}))
				if localUfrag(t, r.a) == old {
					t.Error("no restart")
				}
				time.Sleep(time.Second)
				if name == "explicit" {
					must(t, r.a.SetLocalDescription(SessionDescription{Type: SDPTypeRollback}))
				} else {
					negotiate(t, r.b, r.a)
				}
				time.Sleep(10 * time.Second)
				synctest.Wait()
				if got := localUfrag(t, r.a); got != old {
					t.Errorf("username fragment %q after the rollback, want %q", got, old)
				}
				if parameters, _ := r.a.ice.GetLocalParameters(); parameters.UsernameFragment != old {
					t.Errorf("the transport has %q", parameters.UsernameFragment)
				}
				if r.a.ICEConnectionState() != ICEConnectionStateCompleted || needed != 2 {
					t.Errorf("%v, %d times negotiationneeded", r.a.ICEConnectionState(), needed)
				}
				negotiate(t, r.a, r.b)
				r.endCandidates()
				finish()
				if localUfrag(t, r.a) == old {
					t.Error("the restart was forgotten")
				}
				if s := r.a.ICEConnectionState(); s != ICEConnectionStateCompleted || needed != 2 {
					t.Errorf("%v, %d times negotiationneeded", s, needed)
				}
			})
		})
	}
}

// A host that moved to another address is found again by a restart, with the
// same DTLS and SCTP associations, and messages that were under way arrive.
func TestARestartHealsAPathThatMoved(t *testing.T) {
	for _, name := range []string{"disconnected", "failed"} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				must(t, r.a.Close())
				host := r.net.Host("mobile", "wifi=192.0.2.10", "cell=192.0.2.20")
				host.SetInterface("cell", false)
				r.a = connectionOn(t, host, SettingEngine{}, Configuration{})
				atA, atB := r.openPair("x", nil)
				time.Sleep(10 * time.Second)
				host.SetInterface("wifi", false)
				finish := stream(t, atA, atB)
				pause, want := 10*time.Second, ICEConnectionStateDisconnected
				if name == "failed" {
					pause, want = time.Minute, ICEConnectionStateFailed
				}
				time.Sleep(pause)
				if r.a.ICEConnectionState() != want {
					t.Fatalf("state %v, want %v", r.a.ICEConnectionState(), want)
				}
				host.SetInterface("cell", true)
				r.a.RestartICE()
				negotiate(t, r.a, r.b)
				time.Sleep(5 * time.Second)
				for _, pc := range []*PeerConnection{r.a, r.b} {
					if pc.ConnectionState() != PeerConnectionStateConnected {
						t.Errorf("%v after the restart", pc.ConnectionState())
					}
				}
				finish()
				pair, err := r.a.ice.GetSelectedCandidatePair()
				must(t, err)
				if pair == nil || pair.Local.Address != "192.0.2.20" {
					t.Errorf("selected %v", pair)
				}
			})
		})
	}
}

// W3C restartIce: without local credentials there is nothing to replace.
func TestRestartBeforeADescriptionAndAfterCloseDoesNothing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		needed := make(chan struct{}, 4)
		r.a.OnNegotiationNeeded(func() { needed <- struct{}{} })
		r.a.RestartICE()
		must(t, r.a.Close())
		r.a.RestartICE()
		synctest.Wait()
		if len(needed) != 0 {
			t.Error("negotiationneeded")
		}
	})
}
