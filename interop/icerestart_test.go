package interop

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc"
)

// restarter is a peer that can restart ICE.
type restarter interface{ RestartICE() error }

// RFC 8445 section 9: either end restarts ICE while messages go both ways. None is lost, no channel closes,
// and the data moves to the new path.
func TestICERestartKeepsChannelsAndMessages(t *testing.T) {
	each(t, func(t *testing.T, newPeer func(testing.TB) remote) {
		for _, how := range []signalling{{true, true}, {false, true}, {true, false}, {false, false}} {
			t.Run(how.String(), func(t *testing.T) {
				l, r, ours := connected(t, newPeer, signalling{weOffer: true, trickle: true})
				open(t, l, r, ours)
				theirs := l.channel("theirs")
				open(t, l, r, theirs)
				const n = 1500
				plan := make([]message, n)
				for i := range plan {
					plan[i] = message{i%2 == 0, 3000}
				}
				sent, received := make(chan []string, 2), make(chan []string, 2)
				go collect(t, sent, func() ([]string, error) { return l.send(ours, plan) })
				go collect(t, received, func() ([]string, error) { return theirs.inbox.wait(n) })
				theySent := make(chan []string, 1)
				go collect(t, theySent, func() ([]string, error) { return r.Send("theirs", plan) })
				rounds := 2
				if strings.Contains(t.Name(), "/Firefox/") {
					rounds = 1 // its transport sometimes fails when another follows at once (seen in 153)
				}
				for round := range rounds {
					before := pathOf(t, l)
					ufrag := ufragOf(l.CurrentLocalDescription().SDP) + ufragOf(l.CurrentRemoteDescription().SDP)
					if how.weOffer {
						l.RestartICE()
					} else {
						must(t, r.(restarter).RestartICE())
					}
					l.connect(r, how)
					if now := ufragOf(l.CurrentLocalDescription().SDP) + ufragOf(l.CurrentRemoteDescription().SDP); now == ufrag {
						t.Errorf("round %d: the credentials are still %s", round, now)
					}
					moved(t, l, before)
				}
				sameMessages(t, "theirs", true, <-theySent, <-received)
				heard, err := r.Received("ours", n)
				must(t, err)
				sameMessages(t, "ours", true, <-sent, heard)
				ping(t, l, r, "after", how.weOffer)
				events, err := r.Events()
				must(t, err)
				for _, event := range append(events, l.events()...) {
					if strings.HasPrefix(event, "channel ") && strings.Contains(event, "clos") || strings.HasSuffix(event, "failed") {
						t.Error(event)
					}
				}
			})
		}
	})
}

// collect runs what sends or receives beside the test.
func collect(t *testing.T, to chan<- []string, f func() ([]string, error)) {
	prints, err := f()
	if err != nil {
		t.Error(err)
	}
	to <- prints
}

func ufragOf(sdp string) string {
	_, ufrag, _ := strings.Cut(sdp, "a=ice-ufrag:")
	ufrag, _, _ = strings.Cut(ufrag, "\r\n")
	return ufrag + " "
}

// pathOf names the pair that carries the data.
func pathOf(t *testing.T, l *local) string {
	t.Helper()
	pair, err := l.SCTP().Transport().ICETransport().GetSelectedCandidatePair()
	if err != nil || pair == nil {
		t.Fatal("no pair is selected", err)
	}
	port := func(c *webrtc.ICECandidate) string { return fmt.Sprintf("%s:%d", c.Address, c.Port) }
	return port(pair.Local) + " " + port(pair.Remote)
}

// moved waits until another pair carries the data.
func moved(t *testing.T, l *local, before string) {
	t.Helper()
	limit := time.After(patience)
	for pathOf(t, l) == before {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-limit:
			t.Fatalf("the data still goes over %s", before)
		}
	}
}
