package webrtc

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// withOtherFingerprint changes the certificate that a description speaks of.
func withOtherFingerprint(d SessionDescription) SessionDescription {
	at := strings.Index(d.SDP, "a=fingerprint:sha-256 ") + len("a=fingerprint:sha-256 ")
	end := at + strings.Index(d.SDP[at:], "\r\n")
	d.SDP = d.SDP[:at] + strings.TrimSuffix(strings.Repeat("AB:", 32), ":") + d.SDP[end:]
	return d
}

// answerTo lets b answer a's offer, with all candidates; a has not seen the
// answer yet.
func answerTo(t *testing.T, r *rig) SessionDescription {
	t.Helper()
	must(t, r.a.SetLocalDescription(SessionDescription{}))
	time.Sleep(time.Second)
	must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
	must(t, r.b.SetLocalDescription(SessionDescription{}))
	time.Sleep(time.Second)
	return *r.b.LocalDescription()
}

// RFC 9429 section 4.1.10.1: what a provisional answer said may be different in
// the final one.
func TestAnAnswerReplacesAProvisionalOne(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		d, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		ready := opened(d)
		answer := answerTo(t, r)
		provisional := withOtherFingerprint(answer)
		provisional.Type = SDPTypePranswer
		provisional.SDP = strings.Replace(provisional.SDP, "a=candidate:", "a=x-candidate:", -1)
		provisional.SDP = strings.Replace(provisional.SDP, "a=setup:active", "a=setup:passive", 1)
		r.net.SetDefaultLink(simnet.Link{Down: true})
		must(t, r.a.SetRemoteDescription(provisional))
		time.Sleep(100 * time.Millisecond)
		must(t, r.a.SetRemoteDescription(answer))
		r.net.SetDefaultLink(simnet.Link{})
		wait(t, "open", ready, time.Minute)
	})
}

// RFC 8842 section 4, RFC 8827 section 6.5: an answer with another fingerprint ends the association, at once and with its channels,
// and another begins, which only the holder of that certificate can complete.
func TestAnAnswerThatNamesAnotherCertificateEndsTheAssociation(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		atA, atB := r.openPair("x", nil)
		old := r.a.SCTP()
		atA.OnMessage(func(DataChannelMessage) { t.Error("a message of a peer that was not signalled") })
		ended := make(chan error, 1)
		atA.OnError(func(err error) { ended <- err })
		must(t, r.a.SetRemoteDescription(withOtherFingerprint(answerTo(t, r))))
		if err := wait(t, "end of the channel", ended, time.Second); !errors.Is(err, errNewPeer) {
			t.Errorf("the channel ended by %v", err)
		}
		_ = atB.SendText("hello")
		time.Sleep(time.Minute)
		synctest.Wait()
		if s := r.a.ConnectionState(); s != PeerConnectionStateConnecting || old.State() != SCTPTransportStateClosed || r.a.SCTP() == old {
			t.Errorf("%v, SCTP %v", s, old.State())
		}
		if certificates := r.a.SCTP().Transport().GetRemoteCertificates(); len(certificates) != 0 {
			t.Errorf("%d certificates of the old association", len(certificates))
		}
	})
}

// RFC 8842 sections 4 and 5.5: another end, with its own certificate and ICE credentials, takes the place of the
// peer. A new association begins on the transport, with SCTP over it (RFC 8841), whoever offers and whether ICE restarts too.
func TestAnotherEndMayTakeThePlaceOfThePeer(t *testing.T) {
	for name, exchange := range map[string]func(t *testing.T, r *rig, c *PeerConnection){
		"it answers": func(t *testing.T, r *rig, c *PeerConnection) { negotiate(t, r.a, c) },
		"it answers a restart": func(t *testing.T, r *rig, c *PeerConnection) {
			r.a.RestartICE()
			negotiate(t, r.a, c)
		},
		"it offers": func(t *testing.T, r *rig, c *PeerConnection) {
			_, err := c.CreateDataChannel("of c", nil)
			must(t, err)
			negotiate(t, c, r.a)
		},
		"the peer has gone before": func(t *testing.T, r *rig, c *PeerConnection) {
			must(t, r.b.Close())
			time.Sleep(time.Second)
			negotiate(t, r.a, c)
		},
	} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				first, atB := r.openPair("first", nil)
				atB.OnMessage(func(DataChannelMessage) { t.Error("the old peer hears the new one's messages") })
				transport := r.a.SCTP().Transport()
				c := connectionOn(t, r.net.Host("c", "192.0.2.3"), SettingEngine{}, Configuration{})
				defer c.Close()
				exchange(t, r, c)
				if s := first.ReadyState(); s != DataChannelStateClosed {
					t.Errorf("the channel to the old peer is %v", s)
				}
				heard := make(chan string, 1)
				c.OnDataChannel(func(d *DataChannel) { d.OnMessage(func(m DataChannelMessage) { heard <- string(m.Data) }) })
				second, err := r.a.CreateDataChannel("second", nil)
				must(t, err)
				wait(t, "open", opened(second), time.Minute)
				must(t, second.SendText("hello"))
				if got := wait(t, "message", heard, time.Minute); got != "hello" {
					t.Errorf("got %q", got)
				}
				if r.a.SCTP().Transport() != transport || r.a.ConnectionState() != PeerConnectionStateConnected {
					t.Errorf("state %v", r.a.ConnectionState())
				}
				theirs := c.GetConfiguration().Certificates[0]
				fingerprints, err := theirs.GetFingerprints()
				must(t, err)
				if err := verifyFingerprints(transport.GetRemoteCertificate(), fingerprints); err != nil {
					t.Error(err)
				}
			})
		})
	}
}

// W3C, RTCError: what the peer's alert was.
func TestAFailureSaysWhichAlertCame(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		_, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		must(t, r.a.SetRemoteDescription(withOtherFingerprint(answerTo(t, r))))
		time.Sleep(10 * time.Second)
		var e *Error
		if err := r.b.FailureReason(); !errors.As(err, &e) || e.Kind != KindDTLSFailure || e.ReceivedAlert == nil || *e.ReceivedAlert != 42 {
			t.Errorf("%#v", err)
		}
		if err := r.a.FailureReason(); !errors.Is(err, ErrFingerprint) || !errors.Is(err, ErrOperation) {
			t.Errorf("%v", err)
		}
	})
}

// RFC 8841 section 6.1: an exchange may raise the size of messages.
func TestALaterExchangeMayRaiseTheMessageSize(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		d, err := r.a.CreateDataChannel("x", nil)
		must(t, err)
		ready := opened(d)
		answer := answerTo(t, r)
		at := strings.Index(answer.SDP, "a=max-message-size:")
		small := answer
		small.SDP = answer.SDP[:at] + "a=max-message-size:1000\r\n" + answer.SDP[at+strings.Index(answer.SDP[at:], "\r\n")+2:]
		must(t, r.a.SetRemoteDescription(small))
		wait(t, "open", ready, time.Minute)
		if err := d.Send(make([]byte, 1001)); !errors.Is(err, ErrType) {
			t.Errorf("got %v", err)
		}
		must(t, r.a.SetRemoteDescription(answerTo(t, r)))
		must(t, d.Send(make([]byte, 100_000)))
		if _, err := r.a.CreateDataChannel(strings.Repeat("x", 60000), nil); err != nil {
			t.Error(err)
		}
	})
}
