package webrtc

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
)

// RFC 9438 section 1, RFC 9260 section 7.2: CUBIC regains the window of a long path after a
// loss sooner than NewReno, which is what is selected here, does.
func TestTheCongestionControlIsSelected(t *testing.T) {
	deliveredBy := func(control SCTPCongestionControl) (bytes int64) {
		inBubble(t, func(t *testing.T, r *rig) {
			atA, atB := r.openPair("x", nil)
			var got atomic.Int64
			atB.OnMessage(func(m DataChannelMessage) { got.Add(int64(len(m.Data))) })
			end := time.Now().Add(30 * time.Second)
			message := make([]byte, 64<<10)
			for time.Now().Before(end) {
				must(t, atA.SendContext(t.Context(), message))
			}
			bytes = got.Load()
		}, withLink(simnet.Link{Delay: 100 * time.Millisecond, Bandwidth: 20e6, Queue: 50 * time.Millisecond, Loss: 0.0005}),
			withEngines(func(a, _ *SettingEngine) { a.SetSCTPCongestionControl(control) }))
		return bytes
	}
	cubic, reno := deliveredBy(SCTPCongestionControlDefault), deliveredBy(SCTPCongestionControlNewReno)
	t.Logf("CUBIC %d, NewReno %d bytes in 30 s", cubic, reno)
	if reno < 1<<20 || cubic < reno*5/4 {
		t.Errorf("CUBIC delivered %d bytes, NewReno %d", cubic, reno)
	}
}
