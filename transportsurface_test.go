package webrtc

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// webrtc-pc section 5.6: gatheringState and its event, which comes before the
// connection's; component; candidates and parameters of both ends; the selected
// pair, null after the end; of two events of one change that of the pair is first.
func TestAnICETransportShowsItsCandidatesAndParameters(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var mu sync.Mutex
		var got []string
		note := func(format string, args ...any) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, fmt.Sprintf(format, args...))
		}
		ice := r.a.ice
		if s := ice.GatheringState(); s != ICEGathererStateNew {
			t.Errorf("gathering state %v at first", s)
		}
		if _, err := ice.GetRemoteParameters(); !errors.Is(err, ErrInvalidState) {
			t.Errorf("remote parameters before there are any: %v", err)
		}
		ice.OnGatheringStateChange(func(s ICEGathererState) { note("transport gathering %v", s) })
		_, err := ice.AddEventListener("gatheringstatechange", func(s ICEGathererState) { note("listener %v", s) })
		must(t, err)
		r.a.OnICEGatheringStateChange(func(s ICEGatheringState) { note("connection gathering %v", s) })
		ice.OnSelectedCandidatePairChange(func(*ICECandidatePair) { note("pair") })
		ice.OnConnectionStateChange(func(s ICETransportState) { note("transport %v", s) })
		r.openPair("x", nil)
		time.Sleep(time.Second)
		mu.Lock()
		// Gathering and connecting go on side by side.
		var gathering, connecting []string
		for _, event := range got {
			if strings.Contains(event, "gathering") || strings.HasPrefix(event, "listener") {
				gathering = append(gathering, event)
			} else {
				connecting = append(connecting, event)
			}
		}
		want := []string{
			"transport gathering gathering", "listener gathering", "connection gathering gathering",
			"transport gathering complete", "listener complete", "connection gathering complete",
		}
		if !slices.Equal(gathering, want) {
			t.Errorf("got  %q\nwant %q", gathering, want)
		}
		want = []string{"transport checking", "pair", "transport connected"}
		if len(connecting) < len(want) || !slices.Equal(connecting[:len(want)], want) {
			t.Errorf("got  %q\nwant %q", connecting, want)
		}
		mu.Unlock()
		if c := ice.Component(); c != ICEComponentRTP {
			t.Errorf("component %v", c)
		}
		for name, c := range map[string]struct {
			candidates []ICECandidate
			address    string
		}{
			"local":  {ice.GetLocalCandidates(), "192.0.2.1"},
			"remote": {ice.GetRemoteCandidates(), "192.0.2.2"},
		} {
			if len(c.candidates) != 1 || c.candidates[0].Address != c.address || c.candidates[0].Typ != ICECandidateTypeHost {
				t.Errorf("%s candidates %v", name, c.candidates)
			}
			if name == "local" && c.candidates[0].SDPMid != "0" {
				t.Errorf("local candidate of m-section %q", c.candidates[0].SDPMid)
			}
		}
		local, err := ice.GetLocalParameters()
		must(t, err)
		remote, err := ice.GetRemoteParameters()
		must(t, err)
		atB, err := r.b.ice.GetLocalParameters()
		must(t, err)
		if remote != atB || !strings.Contains(r.a.LocalDescription().SDP, "a=ice-ufrag:"+local.UsernameFragment) {
			t.Errorf("parameters %v and %v", local, remote)
		}
		if pair, err := ice.GetSelectedCandidatePair(); err != nil || pair == nil || pair.Remote.Address != "192.0.2.2" {
			t.Errorf("selected %v, %v", pair, err)
		}
		must(t, r.a.Close())
		if pair, _ := ice.GetSelectedCandidatePair(); pair != nil || ice.GatheringState() != ICEGathererStateComplete {
			t.Errorf("after Close: selected %v, gathering %v", pair, ice.GatheringState())
		}
	})
}

// webrtc-pc section 5.6.2: peer-reflexive candidates are not remote candidates,
// as nobody signalled them.
func TestRemoteCandidatesAreThoseThatWereSignalled(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		_, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		synctest.Wait()
		must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		answer := *r.b.LocalDescription()
		answer.SDP = strings.ReplaceAll(answer.SDP, "a=candidate:", "a=x-candidate:")
		must(t, r.a.SetRemoteDescription(answer)) // b finds a, whose answers show b's address
		time.Sleep(10 * time.Second)
		if s := r.a.ConnectionState(); s != PeerConnectionStateConnected {
			t.Fatalf("connection %v", s)
		}
		if c := r.a.ice.GetRemoteCandidates(); len(c) != 0 {
			t.Errorf("remote candidates %v", c)
		}
	})
}

// webrtc-pc section 4.4.2.2, addIceCandidate: with the policy relay, a candidate
// that has to be resolved is prohibited, without a sign of it.
func TestNamesOfThePeerAreNotLookedUpWithThePolicyRelay(t *testing.T) {
	for policy, want := range map[ICETransportPolicy]int{ICETransportPolicyAll: 1, ICETransportPolicyRelay: 0} {
		inBubble(t, func(t *testing.T, r *rig) {
			r.hostA.SetDNSDelay(time.Second) // the look-up is under way when it is counted
			must(t, r.b.SetLocalDescription(SessionDescription{}))
			synctest.Wait()
			must(t, r.a.SetRemoteDescription(*r.b.LocalDescription()))
			must(t, r.a.SetLocalDescription(SessionDescription{}))
			must(t, r.a.AddICECandidate(ICECandidateInit{Candidate: "candidate:1 1 udp 2130706431 peer.example 5000 typ host", SDPMid: ptr("0")}))
			names := 0
			must(t, r.a.loop.Do(func(time.Time) { names = r.a.ice.names }))
			if names != want {
				t.Errorf("%v: %d names are looked up, want %d", policy, names, want)
			}
		}, withLink(simnet.Link{Delay: time.Second}), func(c *rigConfig) {
			c.configA.ICETransportPolicy = policy
			c.configB.AlwaysNegotiateDataChannels = true
		})
	}
}

// webrtc-pc section 5.5: iceTransport; getRemoteCertificates is empty until the
// transport is connected, then the chain in DER, and stays.
func TestADTLSTransportShowsThePeersCertificates(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		if chain := r.a.dtls.GetRemoteCertificates(); len(chain) != 0 || r.a.dtls.GetRemoteCertificate() != nil {
			t.Errorf("%d certificates at first", len(chain))
		}
		r.openPair("x", nil)
		if r.a.SCTP().Transport() != r.a.dtls || r.a.dtls.ICETransport() != r.a.ice {
			t.Error("the transports are not those of the connection")
		}
		chain := r.a.dtls.GetRemoteCertificates()
		theirs := r.b.GetConfiguration().Certificates[0].tlsCertificate()
		if !slices.EqualFunc(chain, theirs.Certificate, bytes.Equal) || !bytes.Equal(r.a.dtls.GetRemoteCertificate(), theirs.Certificate[0]) {
			t.Errorf("%d certificates, want b's", len(chain))
		}
		chain[0][0]++
		if bytes.Equal(chain[0], r.a.dtls.GetRemoteCertificates()[0]) {
			t.Error("what is returned is shared")
		}
		must(t, r.a.Close())
		if len(r.a.dtls.GetRemoteCertificates()) != 1 {
			t.Error("they are gone after Close")
		}
	})
}

// webrtc-pc section 11.1.2, sentAlert and receivedAlert: of a dtls-failure, the
// fatal alert of the end that found the fault.
func TestAFailureSaysWhichAlertWasSent(t *testing.T) {
	alerts := func(pc *PeerConnection) (kind ErrorKind, sent, received int) {
		var e *Error
		if !errors.As(pc.FailureReason(), &e) {
			t.Errorf("%v", pc.FailureReason())
			return "", 0, 0
		}
		number := func(alert *uint8) int {
			if alert == nil {
				return -1
			}
			return int(*alert)
		}
		return e.Kind, number(e.SentAlert), number(e.ReceivedAlert)
	}
	inBubble(t, func(t *testing.T, r *rig) {
		must(t, r.a.loop.Do(func(time.Time) { // whose signature is another key's
			broken := r.a.dtls.certificate
			broken.privateKey = value(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
			r.a.dtls.certificate = broken
		}))
		errs := make(chan error, 2)
		r.b.dtls.OnError(func(err error) { errs <- err })
		_, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		negotiate(t, r.a, r.b)
		err = wait(t, "error", errs, time.Minute)
		time.Sleep(10 * time.Second)
		var e *Error
		if !errors.As(err, &e) || e.SentAlert == nil {
			t.Errorf("the transport says %#v", err)
		}
		kind, sent, received := alerts(r.b)
		if kind != KindDTLSFailure || sent < 0 || received != -1 {
			t.Errorf("b: %s, sent %d, received %d", kind, sent, received)
		}
		if kind, s, r := alerts(r.a); kind != KindDTLSFailure || s != -1 || r != sent {
			t.Errorf("a: %s, sent %d, received %d; b sent %d", kind, s, r, sent)
		}
	})
}

// webrtc-pc section 6.1.3.4: maxChannels is null until the transport is connected.
// Sections 6.1.2 and 6.1.3.3: an identifier beyond it is an OperationError, or
// ends a channel that waits, with an error of data-channel-failure and close.
func TestChannelsBeyondTheStreamsOfThePeer(t *testing.T) {
	t.Run("65535 streams", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			if n := r.a.sctp.MaxChannels(); n != 0 {
				t.Errorf("%d channels before there is an association", n)
			}
			r.openPair("x", nil)
			if n := r.a.SCTP().MaxChannels(); n != 65535 {
				t.Errorf("%d channels", n)
			}
		})
	})
	t.Run("10 streams", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			var events []string
			late, err := r.a.CreateDataChannel("x", &DataChannelInit{Negotiated: ptr(true), ID: ptr(uint16(10))})
			must(t, err)
			late.OnClosing(func() { events = append(events, "closing") })
			late.OnError(func(err error) {
				var e *Error
				events = append(events, fmt.Sprint("error ", errors.As(err, &e) && e.Kind == KindDataChannelFailure, " ", late.ReadyState()))
			})
			late.OnClose(func() { events = append(events, "close") })
			r.a.dtls.OnStateChange(func(s DTLSTransportState) {
				if s == DTLSTransportStateConnected { // b's own INIT is still on its way
					r.a.sctp.engine.Load().HandlePacket(initOfTenStreams)
				}
			})
			r.openPair("y", nil)
			synctest.Wait()
			if want := []string{"error true closed", "close"}; !slices.Equal(events, want) {
				t.Errorf("events %q, want %q", events, want)
			}
			if n := r.a.SCTP().MaxChannels(); n != 10 {
				t.Errorf("%d channels", n)
			}
			for id, want := range map[uint16]error{9: nil, 10: ErrOperation, 20: ErrOperation} {
				if _, err := r.a.CreateDataChannel("z", &DataChannelInit{Negotiated: ptr(true), ID: &id}); !errors.Is(err, want) {
					t.Errorf("ID %d: %v", id, err)
				}
			}
		}, withLink(simnet.Link{Delay: 5 * time.Millisecond}),
			// The engine that takes an INIT as it comes, without the way back of a cookie.
			withEngines(func(a, _ *SettingEngine) { a.SetSCTPEngine(SCTPEnginePion) }))
	})
}

// initOfTenStreams is an INIT chunk (RFC 9260 section 3.3.2) in a packet whose
// checksum is wrong, so that the engine itself does not take it.
var initOfTenStreams = []byte{
	0x13, 0x88, 0x13, 0x88, 0, 0, 0, 0, 0xde, 0xad, 0xbe, 0xef,
	1, 0, 0, 20, 0, 0, 0, 1, 0, 1, 0, 0, 0, 10, 0xff, 0xff, 0, 0, 0, 1,
}

// webrtc-pc section 4.4.1.4, set a session description: the SCTP transport is there
// with the first offer that describes one, connecting; a rollback takes it back,
// and an answer that rejects it ends it.
func TestTheSCTPTransportIsThereWithTheOffer(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		shown := func(step string, a, b bool) {
			t.Helper()
			if got := r.a.SCTP() != nil; got != a {
				t.Errorf("%s: a has an SCTP transport: %v", step, got)
			}
			if got := r.b.SCTP() != nil; got != b {
				t.Errorf("%s: b has an SCTP transport: %v", step, got)
			}
		}
		must(t, second(r.a.AddTrack(audioTrack("voice"))))
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		shown("an offer without data", false, false)
		must(t, second(r.a.CreateDataChannel("x", nil)))
		shown("a channel", false, false)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		shown("an offer with data", true, false)
		if transport := r.a.SCTP(); transport.State() != SCTPTransportStateConnecting || transport.Transport() != r.a.dtls {
			t.Errorf("state %v", transport.State())
		}
		must(t, r.a.SetLocalDescription(SessionDescription{Type: SDPTypeRollback}))
		shown("rollback", false, false)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
		shown("the offer at the peer", true, true)
		must(t, r.b.SetRemoteDescription(SessionDescription{Type: SDPTypeRollback}))
		shown("rollback at the peer", true, false)
		exchange(t, r.a, r.b)
		shown("answer", true, true)
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		must(t, r.b.SetLocalDescription(SessionDescription{Type: SDPTypeRollback}))
		shown("rollback of a later offer", true, true)
	})
}

// webrtc-pc section 4.4.1.4, set a session description: a sender's and a receiver's
// transport is there with a local offer, at the peer with the answer; a rollback
// takes it back.
func TestTransportsOfMediaAreThereWithTheOffer(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		ours, err := r.a.AddTransceiverFromKind(RTPCodecTypeAudio)
		must(t, err)
		shown := func(step string, transceiver *RTPTransceiver, want *DTLSTransport) {
			t.Helper()
			if s, r := transceiver.Sender().Transport(), transceiver.Receiver().Transport(); s != want || r != want {
				t.Errorf("%s: transports %p and %p, want %p", step, s, r, want)
			}
		}
		shown("before", ours, nil)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		shown("a local offer", ours, r.a.dtls)
		must(t, r.a.SetLocalDescription(SessionDescription{Type: SDPTypeRollback}))
		shown("rollback", ours, nil)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
		theirs := r.b.GetTransceivers()[0]
		shown("a remote offer", theirs, nil)
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		shown("a local answer", theirs, r.b.dtls)
		must(t, r.a.SetRemoteDescription(*r.b.LocalDescription()))
		shown("a remote answer", ours, r.a.dtls)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		must(t, r.a.SetLocalDescription(SessionDescription{Type: SDPTypeRollback}))
		shown("rollback of a later offer", ours, r.a.dtls)
	})
}
