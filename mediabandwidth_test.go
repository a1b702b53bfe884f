package webrtc

import (
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
	"github.com/pion/rtp"
)

// draft-ietf-rmcat-gcc-02: the estimate finds the bottleneck. The program sends as
// much as the estimate says.
func TestTheEstimateFindsTheBottleneck(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "video")
		_, remote := r.mediaPair(track)
		go func() {
			b := make([]rtp.Packet, 64)
			for {
				if _, err := remote.ReadBatch(b); err != nil {
					return
				}
			}
		}()
		must(t, remote.SetReadDeadline(time.Time{}))
		const link = 1_000_000
		r.net.SetDefaultLink(simnet.Link{Delay: 25 * time.Millisecond, Bandwidth: link, Queue: 100 * time.Millisecond})
		out := &r.a.peerTransport.dtls.rtp.out
		target := func() int { out.mu.Lock(); defer out.mu.Unlock(); return int(out.estimator.Target()) }
		seq := uint16(0)
		sum, n := 0, 0
		for frame := range 30 * 20 {
			size := target() / 8 / 30
			for sent := 0; sent < size; sent += 1000 {
				seq++
				must(t, track.WriteRTP(&rtp.Packet{
					Header:  rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(frame) * 3000, Marker: sent+1000 >= size},
					Payload: make([]byte, min(1000, size-sent)),
				}))
			}
			time.Sleep(time.Second / 30)
			if frame > 30*10 {
				sum += target()
				n++
			}
			if frame%30 == 0 {
				t.Logf("%2d s: %d kbit/s %+v", frame/30, target()/1000, out.estimator.Stats().Loss)
			}
		}
		if mean := sum / n; mean < link*70/100 || mean > link {
			t.Errorf("the estimate is %d bit/s on a link of %d", mean, link)
		}
	})
}
