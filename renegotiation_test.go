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

// RFC 8827 section 6.5: the peer's certificate matches what was signalled, and
// goes on to do so. There is no second association (RFC 8842 section 5.5), so
// the transport fails rather than to go on with somebody who was not signalled.
func TestAnAnswerThatNamesAnotherCertificateEndsTheConnection(t *testing.T) {
	check := func(t *testing.T, r *rig) {
		t.Helper()
		time.Sleep(time.Second)
		synctest.Wait()
		var e *Error
		err := r.a.FailureReason()
		if s := r.a.ConnectionState(); s != PeerConnectionStateFailed || !errors.Is(err, ErrFingerprint) || !errors.As(err, &e) || e.Kind != KindFingerprintFailure {
			t.Errorf("%v, %v", s, err)
		}
		if s := r.a.SCTP().State(); s != SCTPTransportStateClosed {
			t.Errorf("SCTP %v", s)
		}
	}
	t.Run("in a second exchange", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			r.openPair("x", nil)
			must(t, r.a.SetRemoteDescription(withOtherFingerprint(answerTo(t, r))))
			check(t, r)
		})
	})
	t.Run("while the handshake runs", func(t *testing.T) {
		inBubble(t, func(t *testing.T, r *rig) {
			_, err := r.a.CreateDataChannel("x", nil)
			must(t, err)
			answer := answerTo(t, r)
			provisional := answer
			provisional.Type = SDPTypePranswer
			r.a.dtls.OnStateChange(func(s DTLSTransportState) {
				if s == DTLSTransportStateConnecting {
					time.Sleep(250 * time.Millisecond)
					must(t, r.a.SetRemoteDescription(withOtherFingerprint(answer)))
				}
			})
			must(t, r.a.SetRemoteDescription(provisional))
			time.Sleep(10 * time.Second)
			check(t, r)
		}, withLink(simnet.Link{Delay: 100 * time.Millisecond}))
	})
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
