package interop

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// inSession connects us with Chromium: a channel, audio and video.
func inSession(t *testing.T, weOffer bool) (*localMedia, mediaRemote, *localChannel) {
	t.Helper()
	r := newBrowserMedia(t, nil)
	l, ours := withMedia(t, r, signalling{weOffer: weOffer})
	open(t, l.local, r, ours)
	return l, r, ours
}

// tail is what was logged of signaling since the first n events.
func tail(log []string, n int) []string {
	return slices.DeleteFunc(slices.Clone(log[n:]), func(event string) bool { return !strings.HasPrefix(event, "signaling ") })
}

// wantTransceivers compares how many there are.
func wantTransceivers(t *testing.T, end negotiator, n int) {
	t.Helper()
	if list, err := end.Transceivers(); err != nil || len(list) != n {
		t.Errorf("%T has %v, want %d transceivers (%v)", end, list, n, err)
	}
}

// RFC 9429 section 4.1.10.2: rollback undoes what the offer did, at the end that
// made it and at the one that took it.
func TestAnOfferIsRolledBackAtBothEnds(t *testing.T) {
	for _, who := range []string{"ours", "theirs"} {
		t.Run(who, func(t *testing.T) {
			l, r, ours := inSession(t, true)
			offerer, answerer := negotiator(l), negotiator(r)
			if who == "theirs" {
				offerer, answerer = answerer, offerer
			}
			must(t, offerer.AddTransceiver("video", "sendrecv"))
			before := len(l.events())
			for range 2 {
				carry(t, "offer", offerer, answerer)
				wantSignaling(t, offerer, "have-local-offer")
				wantSignaling(t, answerer, "have-remote-offer")
				wantTransceivers(t, answerer, 3)
				echo(t, l.local, r, ours)
				_, err := offerer.SetLocal("rollback")
				must(t, err)
				must(t, answerer.SetRemote(description{Type: "rollback"}))
				for _, end := range []negotiator{l, r} {
					wantSignaling(t, end, "stable")
				}
				wantTransceivers(t, offerer, 3)
				wantTransceivers(t, answerer, 2)
				echo(t, l.local, r, ours)
			}
			pending := "signaling have-local-offer"
			if who == "theirs" {
				pending = "signaling have-remote-offer"
			}
			l.saw("signaling stable")
			want := []string{pending, "signaling stable", pending, "signaling stable"}
			l.until("two offers and rollbacks", func() bool { return slices.Equal(tail(l.log, before), want) })
			// The other end offers first, and knows nothing of the transceiver.
			exchange(t, answerer, offerer)
			wantTransceivers(t, answerer, 2)
			exchange(t, offerer, answerer)
			sameSession(t, l, r)
			wantTransceivers(t, answerer, 3)
			ping(t, l.local, r, "after", true)
		})
	}
}

// Webrtc-pc section 4.4.1.4: an offer that meets one of ours rolls it back.
func TestAnOfferThatMeetsAnotherRollsItBack(t *testing.T) {
	for _, who := range []string{"we give way", "they give way"} {
		t.Run(who, func(t *testing.T) {
			l, r, ours := inSession(t, false)
			winner, loser := negotiator(r), negotiator(l)
			if who == "they give way" {
				winner, loser = loser, winner
			}
			must(t, winner.AddTransceiver("audio", "sendonly"))
			must(t, loser.AddTransceiver("video", "sendrecv"))
			before := len(l.events())
			_, err := loser.SetLocal("offer")
			must(t, err)
			carry(t, "offer", winner, loser)
			wantSignaling(t, winner, "have-local-offer")
			wantSignaling(t, loser, "have-remote-offer")
			carry(t, "answer", loser, winner)
			for _, end := range []negotiator{l, r} {
				wantSignaling(t, end, "stable")
			}
			wantTransceivers(t, winner, 3)
			wantTransceivers(t, loser, 4)
			echo(t, l.local, r, ours)
			want := []string{"signaling have-local-offer", "signaling stable"}
			if who == "we give way" {
				want = []string{"signaling have-local-offer", "signaling stable", "signaling have-remote-offer", "signaling stable"}
			}
			l.until(fmt.Sprint(want), func() bool { return slices.Equal(tail(l.log, before), want) })
			exchange(t, loser, winner)
			sameSession(t, l, r)
			wantTransceivers(t, winner, 4)
			ping(t, l.local, r, "after", false)
		})
	}
}

// RFC 9429 section 4.1.7: a provisional answer, another one, then the answer.
func TestProvisionalAnswersComeBeforeTheAnswer(t *testing.T) {
	for _, who := range []string{"ours", "theirs"} {
		t.Run(who, func(t *testing.T) {
			r, l := newBrowserMedia(t, nil), newLocalMedia(t)
			logged(t, r)
			offerer, answerer := negotiator(r), negotiator(l)
			if who == "theirs" {
				offerer, answerer = answerer, offerer
			}
			ours := l.create("ours", channelInit{})
			must(t, r.CreateChannel("theirs", channelInit{}))
			for _, end := range []negotiator{l, r} {
				must(t, end.AddTrack("video"))
			}
			carry(t, "offer", offerer, answerer)
			for range 2 {
				carry(t, "pranswer", answerer, offerer)
				wantSignaling(t, answerer, "have-local-pranswer")
				wantSignaling(t, offerer, "have-remote-pranswer")
			}
			if l.CurrentLocalDescription() != nil || l.PendingLocalDescription() == nil || l.PendingRemoteDescription() == nil {
				t.Error("a provisional answer completed the exchange")
			}
			l.trickle(r)
			carry(t, "answer", answerer, offerer)
			for _, end := range []negotiator{l, r} {
				wantSignaling(t, end, "stable")
			}
			l.saw("connection connected")
			open(t, l.local, r, ours)
			sameSession(t, l, r)
			// The same once more, in a session that is up.
			must(t, offerer.AddTransceiver("audio", "sendrecv"))
			carry(t, "offer", offerer, answerer)
			carry(t, "pranswer", answerer, offerer)
			echo(t, l.local, r, ours)
			carry(t, "answer", answerer, offerer)
			sameSession(t, l, r)
			ping(t, l.local, r, "after", true)
		})
	}
}

// Webrtc-pc section 4.2.4: each bundle policy of Chromium's, from either side.
func TestEveryBundlePolicyOfChromiumEndsInOneTransport(t *testing.T) {
	for _, policy := range []string{"balanced", "max-compat", "max-bundle"} {
		for _, weOffer := range []bool{true, false} {
			t.Run(fmt.Sprintf("%s, we offer %v", policy, weOffer), func(t *testing.T) {
				r := newBrowserMedia(t, map[string]any{"bundlePolicy": policy})
				l, ours := withMedia(t, r, signalling{weOffer: weOffer, trickle: true})
				open(t, l.local, r, ours)
				sameSession(t, l, r)
				must(t, r.AddTransceiver("video", "sendonly"))
				must(t, r.AddTransceiver("audio", "sendonly"))
				exchange(t, r, l)
				sameSession(t, l, r)
				for _, transceiver := range l.GetTransceivers() {
					if transceiver.Receiver().Transport() != l.SCTP().Transport() {
						t.Errorf("mid %s is not bundled", transceiver.Mid())
					}
				}
				ping(t, l.local, r, "after", true)
			})
		}
	}
}
