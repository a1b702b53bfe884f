package webrtc

import (
	"context"
	"errors"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// withAudioFirst puts an audio section with a transport of its own before the
// application section of an offer, as a peer does that bundles nothing.
func withAudioFirst(sdp string) string {
	audio := strings.Join([]string{
		"m=audio 9 UDP/TLS/RTP/SAVPF 111", "c=IN IP4 0.0.0.0", "a=mid:audio", "a=rtpmap:111 opus/48000/2",
		"a=ice-ufrag:theaudio", "a=ice-pwd:0123456789012345678901", "a=setup:actpass", "a=rtcp-mux", "a=sendrecv",
		"a=fingerprint:sha-256 " + strings.TrimSuffix(strings.Repeat("AB:", 32), ":"), "",
	}, "\r\n")
	at := strings.Index(sdp, "m=application")
	sdp = sdp[:at] + audio + sdp[at:]
	return strings.Replace(sdp, "a=group:BUNDLE 0\r\n", "", 1)
}

// negotiateWithRejectedAudio lets b answer an offer whose first section it
// rejects; a sees the answer without that section. Nothing is trickled to b.
func negotiateWithRejectedAudio(t *testing.T, r *rig) {
	t.Helper()
	must(t, r.a.SetLocalDescription(SessionDescription{}))
	time.Sleep(time.Second)
	offer := *r.a.LocalDescription()
	offer.SDP = strings.Replace(withAudioFirst(offer.SDP), "a=end-of-candidates\r\n", "", 1)
	must(t, r.b.SetRemoteDescription(offer))
	must(t, r.b.SetLocalDescription(SessionDescription{}))
	time.Sleep(time.Second)
	answer := *r.b.LocalDescription()
	from, to := strings.Index(answer.SDP, "m=audio"), strings.Index(answer.SDP, "m=application")
	answer.SDP = answer.SDP[:from] + answer.SDP[to:]
	must(t, r.a.SetRemoteDescription(answer))
}

// W3C section 4.4.2, addIceCandidate: a candidate belongs to the m-section that
// it names. What is said of one that was rejected is not said of the others.
func TestCandidatesOfARejectedSectionDoNotReachTheOthers(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		d, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		ready := opened(d)
		negotiateWithRejectedAudio(t, r)
		wait(t, "open", ready, time.Minute)
		const candidate = "candidate:1 1 udp 2130706431 192.0.2.99 5000 typ host"
		must(t, r.b.AddICECandidate(ICECandidateInit{Candidate: candidate, SDPMid: ptr("audio")}))
		must(t, r.b.AddICECandidate(ICECandidateInit{SDPMid: ptr("audio")}))
		time.Sleep(time.Minute)
		for _, c := range r.b.ice.GetRemoteCandidates() {
			if c.Address == "192.0.2.99" {
				t.Error("the candidate of the rejected section is checked")
			}
		}
		if s := r.b.ICEConnectionState(); s != ICEConnectionStateConnected {
			t.Errorf("%v: the end of the rejected section's candidates is not the end of all", s)
		}
		must(t, r.b.AddICECandidate(ICECandidateInit{SDPMid: ptr("0")}))
		time.Sleep(time.Minute)
		if s := r.b.ICEConnectionState(); s != ICEConnectionStateCompleted {
			t.Errorf("%v after the end of the section's candidates", s)
		}
	}, func(c *rigConfig) { c.mediaB = &MediaEngine{} })
}

// RFC 9429 section 4.1.10: an offer that is pending changes nothing of what is
// in force, and its rollback leaves no trace.
func TestAPendingOfferDoesNotReplaceTheCredentialsInForce(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.openPair("x", nil)
		before, err := r.b.ice.GetRemoteParameters()
		must(t, err)
		offer, err := r.a.CreateOffer(nil)
		must(t, err)
		offer.SDP = strings.Replace(offer.SDP, "a=ice-ufrag:"+before.UsernameFragment, "a=ice-ufrag:restarted", 1)
		must(t, r.b.SetRemoteDescription(offer))
		const candidate = "candidate:1 1 udp 2130706431 192.0.2.99 5000 typ host"
		must(t, r.b.AddICECandidate(ICECandidateInit{Candidate: candidate, SDPMid: ptr("0")}))
		must(t, r.b.AddICECandidate(ICECandidateInit{Candidate: candidate, SDPMid: ptr("0"), UsernameFragment: ptr("restarted")}))
		must(t, r.b.SetRemoteDescription(SessionDescription{Type: SDPTypeRollback}))
		after, err := r.b.ice.GetRemoteParameters()
		must(t, err)
		if after != before {
			t.Errorf("parameters %v, want %v", after, before)
		}
		for _, c := range r.b.ice.GetRemoteCandidates() {
			if c.Address == "192.0.2.99" {
				t.Error("a candidate of the pending offer is checked with the credentials in force")
			}
		}
	})
}

// An offer may be set again and again before it is answered; its candidates are
// counted once.
func TestRepeatedOffersDoNotUseUpTheCandidates(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		d, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		ready := opened(d)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		time.Sleep(time.Second)
		for range 150 {
			must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
		}
		must(t, r.b.AddICECandidate(ICECandidateInit{Candidate: "candidate:1 1 udp 1 192.0.2.99 5000 typ host", SDPMid: ptr("0")}))
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		time.Sleep(time.Second)
		must(t, r.a.SetRemoteDescription(*r.b.LocalDescription()))
		wait(t, "open", ready, time.Minute)
	})
}

// The candidates that were gathered for an offer that was rolled back belong to
// the next description too.
func TestCandidatesOutliveTheRollbackOfTheirOffer(t *testing.T) {
	for name, pause := range map[string]time.Duration{"after gathering": time.Second, "before gathering": 0} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				_, err := r.a.CreateDataChannel("x", nil)
				must(t, err)
				_, err = r.b.CreateDataChannel("y", nil)
				must(t, err)
				must(t, r.a.SetLocalDescription(SessionDescription{}))
				time.Sleep(pause)
				must(t, r.a.SetLocalDescription(SessionDescription{Type: SDPTypeRollback}))
				time.Sleep(time.Second)
				found := make(chan *ICECandidate, 16)
				r.a.OnICECandidate(func(c *ICECandidate) { found <- c })
				must(t, r.b.SetLocalDescription(SessionDescription{}))
				must(t, r.a.SetRemoteDescription(*r.b.LocalDescription()))
				must(t, r.a.SetLocalDescription(SessionDescription{}))
				time.Sleep(time.Second)
				synctest.Wait()
				if c := wait(t, "candidate", found, time.Minute); c == nil || c.SDPMid != "0" {
					t.Errorf("first candidate %v", c)
				}
				for _, want := range []string{"last", "end"} {
					if got := announcedAs(wait(t, want, found, time.Minute)); got != want {
						t.Errorf("then %s, want %s", got, want)
					}
				}
				sdp := r.a.LocalDescription().SDP
				if strings.Count(sdp, "a=candidate:") != 1 || !strings.Contains(sdp, "a=end-of-candidates") {
					t.Errorf("the answer lacks the candidates:\n%s", sdp)
				}
			})
		})
	}
}

// What is still being gathered when the offer is rolled back is announced with
// the answer, once, and not before it.
func TestCandidatesAreAnnouncedOnceAndForALocalDescription(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		for _, pc := range []*PeerConnection{r.a, r.b} {
			_, err := pc.CreateDataChannel("x", nil)
			must(t, err)
		}
		var found []string
		r.b.OnICECandidate(func(c *ICECandidate) { found = append(found, announcedAs(c)) })
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		must(t, r.b.SetRemoteDescription(*r.a.LocalDescription())) // rolls back
		time.Sleep(500 * time.Millisecond)
		synctest.Wait()
		if len(found) != 0 {
			t.Errorf("%q without a local description", found)
		}
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		time.Sleep(time.Minute)
		synctest.Wait()
		if want := []string{"host", "last", "end"}; !slices.Equal(found, want) {
			t.Errorf("announced %q, want %q", found, want)
		}
	}, withEngines(func(_, b *SettingEngine) {
		b.SetInterfaceFilter(func(string) bool { time.Sleep(100 * time.Millisecond); return true })
	}))
}

// slowNames is a network whose look-ups take their time.
type slowNames struct {
	netio.Network
	delay time.Duration
	addr  netip.Addr
}

func (n slowNames) LookupNetIP(ctx context.Context, _, _ string) ([]netip.Addr, error) {
	select {
	case <-time.After(n.delay):
		return []netip.Addr{n.addr}, nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A candidate with a name counts from the moment it was added: an end of
// candidates behind it waits for its address.
func TestTheEndOfCandidatesWaitsForNames(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		d, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		ready := opened(d)
		r.b.api.network = slowNames{r.hostB, 4 * time.Second, r.hostA.Addr()}
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		time.Sleep(time.Second)
		must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
		must(t, r.b.AddICECandidate(ICECandidateInit{Candidate: "candidate:7 1 udp 1 peer.local 5000 typ host", SDPMid: ptr("0")}))
		must(t, r.b.AddICECandidate(ICECandidateInit{}))
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		start := time.Now()
		time.Sleep(time.Second)
		must(t, r.a.SetRemoteDescription(*r.b.LocalDescription()))
		wait(t, "open", ready, time.Minute)
		time.Sleep(3900*time.Millisecond - time.Since(start))
		if s := r.b.ICEConnectionState(); s != ICEConnectionStateConnected {
			t.Errorf("%v while a name is looked up", s)
		}
		time.Sleep(time.Minute)
		if s := r.b.ICEConnectionState(); s != ICEConnectionStateCompleted {
			t.Errorf("%v when all names are known", s)
		}
	})
}

// What a peer can make us do is bounded: names are looked up a few at a time.
func TestNamesInCandidatesCostABoundedNumberOfGoroutines(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		r.openPair("x", nil)
		r.b.api.network = slowNames{r.hostB, time.Hour, netip.Addr{}}
		synctest.Wait()
		before := runtime.NumGoroutine()
		refused := 0
		for i := range 200 {
			name := "n" + strings.Repeat("x", i%50) + string(rune('a'+i/50)) + ".example"
			err := r.b.AddICECandidate(ICECandidateInit{Candidate: "candidate:7 1 udp 1 " + name + " 5000 typ host", SDPMid: ptr("0")})
			if err != nil {
				refused++
				if !errors.Is(err, ErrOperation) {
					t.Errorf("got %v", err)
				}
			}
		}
		synctest.Wait()
		if n := runtime.NumGoroutine() - before; n > maxNames || refused == 0 {
			t.Errorf("%d goroutines more, %d candidates refused", n, refused)
		}
		must(t, r.b.Close())
		if err := r.a.Close(); err != nil {
			t.Error(err)
		}
	}, withLink(simnet.Link{Delay: time.Millisecond}))
}

// webrtc-pc section 5.6, finished gathering a generation: each transport ends with a
// candidate whose text is empty, once its description says so, and then all with nil.
func TestEachTransportAnnouncesItsEndOfCandidates(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var got []string
		r.a.OnICECandidate(func(c *ICECandidate) {
			got = append(got, announcedAs(c))
			if c == nil || !c.isEnd() {
				return
			}
			init := c.ToJSON()
			if init.Candidate != "" || *init.SDPMid != c.SDPMid || *init.SDPMLineIndex != c.SDPMLineIndex || *init.UsernameFragment == "" {
				t.Errorf("%+v", init)
			}
			_, section, _ := strings.Cut(r.a.LocalDescription().SDP, "a=mid:"+c.SDPMid+"\r\n")
			section, _, _ = strings.Cut(section, "\r\nm=")
			if !strings.Contains(section, "a=ice-ufrag:"+*init.UsernameFragment) || !strings.Contains(section, "a=end-of-candidates") {
				t.Errorf("m-line %s ended before its description:\n%s", c.SDPMid, section)
			}
			got[len(got)-1] += " " + c.SDPMid
		})
		_, err := r.a.AddTransceiverFromKind(RTPCodecTypeAudio)
		must(t, err)
		_, err = r.a.AddTransceiverFromKind(RTPCodecTypeVideo)
		must(t, err)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		time.Sleep(time.Minute)
		synctest.Wait()
		slices.Sort(got[:len(got)-1])
		if want := []string{"host", "host", "last 0", "last 1", "end"}; !slices.Equal(got, want) {
			t.Errorf("announced %q, want %q", got, want)
		}
	}, func(c *rigConfig) { c.configA.BundlePolicy = BundlePolicyMaxCompat })
}
