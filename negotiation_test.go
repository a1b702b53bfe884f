package webrtc

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

func TestDescriptionsAreWhereW3CPutsThem(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		_, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		if r.a.LocalDescription() != nil || r.a.RemoteDescription() != nil || r.a.SCTP() != nil {
			t.Error("descriptions or a transport before the exchange")
		}
		if r.a.CanTrickleICECandidates() != ICETrickleCapabilityUnknown {
			t.Error("trickling is known before there is a remote description")
		}
		offer, err := r.a.CreateOffer(nil)
		must(t, err)
		must(t, r.a.SetLocalDescription(offer))
		if r.a.PendingLocalDescription() == nil || r.a.CurrentLocalDescription() != nil || r.a.SignalingState() != SignalingStateHaveLocalOffer {
			t.Error("an offer is pending")
		}
		must(t, r.b.SetRemoteDescription(offer))
		answer, err := r.b.CreateAnswer(nil)
		must(t, err)
		must(t, r.b.SetLocalDescription(answer))
		must(t, r.a.SetRemoteDescription(answer))
		if r.a.PendingLocalDescription() != nil || r.a.CurrentLocalDescription() == nil ||
			r.a.CurrentRemoteDescription().SDP != answer.SDP || r.a.SignalingState() != SignalingStateStable {
			t.Error("after the answer both descriptions are current")
		}
		if r.a.SCTP() == nil || r.b.SCTP() == nil || r.a.CanTrickleICECandidates() != ICETrickleCapabilitySupported {
			t.Error("the transport and trickling are negotiated")
		}
	})
}

func TestLocalDescriptionMustBeTheCreatedOne(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		_, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		offer, err := r.a.CreateOffer(nil)
		must(t, err)
		offer.SDP = strings.Replace(offer.SDP, "a=setup:actpass", "a=setup:active", 1)
		if err := r.a.SetLocalDescription(offer); !errors.Is(err, ErrInvalidModification) {
			t.Errorf("got %v", err)
		}
		if r.a.SignalingState() != SignalingStateStable {
			t.Error("a refused description changed the state")
		}
	})
}

func TestGlareRollsTheLocalOfferBack(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		fromA, err := r.a.CreateDataChannel("from a", nil)
		must(t, err)
		fromB, err := r.b.CreateDataChannel("from b", nil)
		must(t, err)
		ready := []<-chan struct{}{opened(fromA), opened(fromB)}
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		time.Sleep(time.Second) // a has gathered for an offer that is not to be
		negotiate(t, r.b, r.a)
		time.Sleep(time.Second)
		if role := r.a.ice.Role(); role != ICERoleControlled {
			t.Errorf("a is %v", role)
		}
		for _, done := range ready {
			wait(t, "open", done, time.Minute)
		}
	}, withLink(simnet.Link{Delay: 10 * time.Millisecond}))
}

func TestExplicitRollbackReturnsToStable(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		needed := 0
		r.a.OnNegotiationNeeded(func() { needed++ })
		_, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		synctest.Wait()
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
		must(t, r.b.SetRemoteDescription(SessionDescription{Type: SDPTypeRollback}))
		must(t, r.a.SetLocalDescription(SessionDescription{Type: SDPTypeRollback}))
		for _, pc := range []*PeerConnection{r.a, r.b} {
			if pc.SignalingState() != SignalingStateStable || pc.LocalDescription() != nil || pc.RemoteDescription() != nil {
				t.Errorf("state %v", pc.SignalingState())
			}
		}
		synctest.Wait()
		if needed != 2 {
			t.Errorf("negotiationneeded fired %d times, want once more after the rollback", needed)
		}
		r.openPair("y", nil)
	})
}

func TestAnOfferThatRejectsDataClosesTheChannels(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		d, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		closed := make(chan struct{})
		d.OnClose(func() { close(closed) })
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
		answer, err := r.b.CreateAnswer(nil)
		must(t, err)
		lines := strings.Split(answer.SDP, "\r\n")
		for i, line := range lines {
			switch {
			case strings.HasPrefix(line, "m=application"):
				lines[i] = "m=application 0 UDP/DTLS/SCTP webrtc-datachannel"
			case strings.HasPrefix(line, "a=group:BUNDLE"):
				lines[i] = "a=group:BUNDLE"
			}
		}
		must(t, r.a.SetRemoteDescription(SessionDescription{Type: SDPTypeAnswer, SDP: strings.Join(lines, "\r\n")}))
		wait(t, "close", closed, time.Minute)
	})
}

// W3C section 4.4.2, addIceCandidate.
func TestAddICECandidateRefusesWhatW3CRefuses(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		const good = "candidate:1 1 udp 2130706431 192.0.2.77 5000 typ host"
		if err := r.a.AddICECandidate(ICECandidateInit{Candidate: good, SDPMid: ptr("0")}); !errors.Is(err, ErrInvalidState) || !errors.Is(err, ErrNoRemoteDescription) {
			t.Errorf("before a remote description: %v", err)
		}
		if err := r.a.AddICECandidate(ICECandidateInit{Candidate: good}); !errors.Is(err, ErrType) {
			t.Errorf("neither, before a remote description: %v", err) // the first step of W3C's addIceCandidate
		}
		if err := r.a.AddICECandidate(ICECandidateInit{}); !errors.Is(err, ErrInvalidState) {
			t.Errorf("end, before a remote description: %v", err)
		}
		r.openPair("x", nil)
		ufrag := r.b.gatherer.credentials.Ufrag
		for _, test := range []struct {
			name string
			init ICECandidateInit
			want error
		}{
			{"by mid", ICECandidateInit{Candidate: good, SDPMid: ptr("0")}, nil},
			{"by index", ICECandidateInit{Candidate: good, SDPMLineIndex: ptr(uint16(0))}, nil},
			{"with fragment", ICECandidateInit{Candidate: good, SDPMid: ptr("0"), UsernameFragment: &ufrag}, nil},
			{"end", ICECandidateInit{}, nil},
			{"end of section", ICECandidateInit{SDPMid: ptr("0")}, nil},
			{"unknown transport", ICECandidateInit{Candidate: strings.Replace(good, "udp", "sctp", 1), SDPMid: ptr("0")}, nil},
			{"neither", ICECandidateInit{Candidate: good}, ErrType},
			{"unknown mid", ICECandidateInit{Candidate: good, SDPMid: ptr("7")}, ErrOperation},
			{"unknown index", ICECandidateInit{Candidate: good, SDPMLineIndex: ptr(uint16(3))}, ErrOperation},
			{"unknown fragment", ICECandidateInit{Candidate: good, SDPMid: ptr("0"), UsernameFragment: ptr("nope")}, ErrOperation},
			{"garbage", ICECandidateInit{Candidate: "candidate:x", SDPMid: ptr("0")}, ErrOperation},
		} {
			if err := r.a.AddICECandidate(test.init); !errors.Is(err, test.want) {
				t.Errorf("%s: %v, want %v", test.name, err, test.want)
			}
		}
		if !strings.Contains(r.a.RemoteDescription().SDP, "192.0.2.77") {
			t.Error("the candidate is not in the remote description")
		}
	})
}

func TestFullDescriptionsConnectWithoutTrickling(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		d, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		ready := opened(d)
		done := GatheringCompletePromise(r.a)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		wait(t, "gathering", done, time.Minute)
		must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
		done = GatheringCompletePromise(r.b)
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		wait(t, "gathering", done, time.Minute)
		must(t, r.a.SetRemoteDescription(*r.b.LocalDescription()))
		wait(t, "open", ready, time.Minute)
	})
}

func TestSecondExchangeKeepsTheConnection(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, atB := r.openPair("x", nil)
		for range 3 {
			negotiate(t, r.b, r.a)
			negotiate(t, r.a, r.b)
		}
		got := make(chan DataChannelMessage, 1)
		atB.OnMessage(func(m DataChannelMessage) { got <- m })
		must(t, atA.SendText("still there"))
		wait(t, "message", got, time.Minute)
	}, withLink(simnet.Link{Delay: time.Millisecond}))
}

func TestAnsweringDTLSRoleIsObeyed(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, _ := r.openPair("x", nil)
		if *atA.ID()%2 != 0 {
			t.Errorf("ID %d: the offerer should be the DTLS client", *atA.ID())
		}
	}, withEngines(func(_, b *SettingEngine) { must(t, b.SetAnsweringDTLSRole(DTLSRoleServer)) }))
}

func TestConfigurationIsCopied(t *testing.T) {
	servers := []ICEServer{{URLs: []string{"stun:198.51.100.1"}}}
	pc, err := NewPeerConnection(Configuration{ICEServers: servers})
	must(t, err)
	defer pc.Close()
	servers[0].URLs[0] = "stun:changed"
	config := pc.GetConfiguration()
	config.ICEServers[0].URLs[0] = "stun:changed too"
	if got := pc.GetConfiguration().ICEServers[0].URLs[0]; got != "stun:198.51.100.1" {
		t.Errorf("got %q", got)
	}
}

func TestTheConstructorChecksTheConfiguration(t *testing.T) {
	for _, test := range []struct {
		name   string
		config Configuration
		want   error
	}{
		{"bad URL", Configuration{ICEServers: []ICEServer{{URLs: []string{"http://example.org"}}}}, ErrSyntax},
		{"no credential", Configuration{ICEServers: []ICEServer{{URLs: []string{"turn:example.org"}, Username: "u"}}}, ErrInvalidAccess},
	} {
		if _, err := NewPeerConnection(test.config); !errors.Is(err, test.want) || !strings.Contains(err.Error(), "new peer connection") {
			t.Errorf("%s: %v, want %v", test.name, err, test.want)
		}
	}
}
