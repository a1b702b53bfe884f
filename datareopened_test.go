package webrtc

import (
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

var dataPort = regexp.MustCompile(`m=application \d+ `)

// withoutData is a description whose data m-section is rejected.
func withoutData(d SessionDescription) SessionDescription {
	_, data, _ := strings.Cut(d.SDP, "m=application ")
	d.SDP = dataPort.ReplaceAllString(d.SDP, "m=application 0 ")
	// The group does not name it any more (RFC 9143 section 7.3.3).
	mid := data[strings.Index(data, "a=mid:")+len("a=mid:"):]
	mid = mid[:strings.Index(mid, "\r\n")]
	group := d.SDP[strings.Index(d.SDP, "a=group:BUNDLE"):]
	group = group[:strings.Index(group, "\r\n")]
	d.SDP = strings.Replace(d.SDP, group, strings.Replace(group, " "+mid, "", 1), 1)
	return d
}

// webrtc-pc section 4.4.1.5, set a description that closes the SCTP association: sctp is null, its channels close. A channel
// that is made then opens with the next exchange that has data, on a new transport.
func TestARejectedDataSectionCanBeOpenedAgain(t *testing.T) {
	for name, media := range map[string]bool{"beside audio": true, "alone": false} {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				if media {
					_, err := r.a.AddTransceiverFromKind(RTPCodecTypeAudio)
					must(t, err)
				}
				atA, atB := r.openPair("first", nil)
				old := r.a.SCTP()
				var closed []<-chan struct{}
				for _, channel := range []*DataChannel{atA, atB} {
					done := make(chan struct{})
					channel.OnClose(func() { close(done) })
					closed = append(closed, done)
				}
				rejectData(t, r)
				for _, done := range closed {
					wait(t, "close", done, time.Minute)
				}
				if r.a.SCTP() != nil || r.b.SCTP() != nil || old.State() != SCTPTransportStateClosed {
					t.Errorf("after the rejection: sctp %v, %v, the old one %v", r.a.SCTP(), r.b.SCTP(), old.State())
				}
				rejectData(t, r) // an exchange that goes on without data
				again, atB := r.openPair("again", nil)
				if r.a.SCTP() == nil || r.a.SCTP() == old || r.a.SCTP().State() != SCTPTransportStateConnected {
					t.Errorf("sctp %p, was %p", r.a.SCTP(), old)
				}
				heard := make(chan string, 1)
				atB.OnMessage(func(m DataChannelMessage) { heard <- string(m.Data) })
				must(t, again.SendText("hello"))
				if got := wait(t, "message", heard, time.Minute); got != "hello" {
					t.Errorf("got %q", got)
				}
				if n := r.a.sctp.channelCounts; n.opened != 2 || n.closed != 1 {
					t.Errorf("%+v", n)
				}
			})
		})
	}
}

// rejectData runs an exchange that takes the data m-section away, as a peer without data channels would.
func rejectData(t *testing.T, r *rig) {
	t.Helper()
	r.a.OnICECandidate(nil)
	r.b.OnICECandidate(nil)
	must(t, r.a.SetLocalDescription(SessionDescription{}))
	offer := *r.a.LocalDescription()
	if !strings.Contains(offer.SDP, "m=application 0 ") {
		offer = withoutData(offer)
	}
	must(t, r.b.SetRemoteDescription(offer))
	must(t, r.b.SetLocalDescription(SessionDescription{}))
	must(t, r.a.SetRemoteDescription(*r.b.LocalDescription()))
	synctest.Wait()
}
