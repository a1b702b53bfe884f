package webrtc

import (
	"fmt"
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

// draft-ietf-rmcat-gcc-02 section 5.5 lets the estimate grow to 1.5 times of what
// arrives. A program that sends the small layer of a simulcast has to learn that there
// is room for a larger one: probes, which retransmissions fill, show it. Nothing beyond
// the path is believed, and without a limit of the encodings no more is looked for than
// is usual.
func TestProbesFindMoreThanTheProgramSends(t *testing.T) {
	const sends, usual = 100_000, 2_500_000
	for _, link := range []int{1_000_000, 5_000_000, 100_000_000} {
		t.Run(fmt.Sprint(link), func(t *testing.T) {
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
				r.net.SetDefaultLink(simnet.Link{Delay: 25 * time.Millisecond, Bandwidth: link, Queue: 100 * time.Millisecond})
				least, most := link, 0
				for n := range 25 * 40 {
					must(t, track.WriteRTP(&rtp.Packet{
						Header:  rtp.Header{Version: 2, SequenceNumber: uint16(n), Timestamp: uint32(n) * 3600, Marker: true},
						Payload: make([]byte, sends/8/25),
					}))
					time.Sleep(time.Second / 25)
					if told := r.a.TargetBitrate().Total; n > 25*10 {
						least, most = min(least, told), max(most, told)
					}
				}
				t.Logf("%d to %d bit/s", least, most)
				if want := min(link, usual) * 6 / 10; least < want {
					t.Errorf("the estimate was %d bit/s after 10 s, want %d", least, want)
				}
				if limit := min(link*13/10, 2*usual*11/10); most > limit {
					t.Errorf("the estimate grew to %d bit/s, want at most %d", most, limit)
				}
			})
		})
	}
}

// W3C webrtc-priority section 4, webrtc-pc section 5.2.7.1 (maxBitrate, active): the
// estimate is shared out by priority, no encoding gets more than its limit, and one
// that is not active gets nothing.
func TestTheTargetObeysTheEncodings(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		var senders []*RTPSender
		for i := range 3 {
			s, err := r.a.AddTrack(vp8Track(t, fmt.Sprintf("video-%d", i)))
			must(t, err)
			senders = append(senders, s)
		}
		told := make(chan TargetBitrate, 64)
		r.a.OnTargetBitrate(func(b TargetBitrate) { told <- b })
		negotiate(t, r.a, r.b)
		time.Sleep(time.Second)
		change := func(s *RTPSender, f func(*RTPEncodingParameters)) {
			p := s.GetParameters()
			f(&p.Encodings[0])
			must(t, s.SetParameters(p))
		}
		change(senders[0], func(e *RTPEncodingParameters) { e.MaxBitrate = ptr(uint32(100_000)) })
		change(senders[1], func(e *RTPEncodingParameters) { e.Priority = PriorityTypeHigh })
		change(senders[2], func(e *RTPEncodingParameters) { e.Active = ptr(false) })
		must(t, r.a.loop.Do(func(now time.Time) { r.a.peerTransport.dtls.rtp.targetChanged(now, 1_000_000) }))
		got := wait(t, "target", told, time.Minute)
		if got.Total != 1_000_000 || len(got.Encodings) != 3 {
			t.Fatalf("target %+v", got)
		}
		shares := make(map[*RTPSender]int)
		for _, e := range got.Encodings {
			shares[e.Sender] = e.Bitrate
		}
		if a, b, c := shares[senders[0]], shares[senders[1]], shares[senders[2]]; a != 100_000 || b != 900_000 || c != 0 {
			t.Errorf("shares %d, %d, %d", a, b, c)
		}
		if now := r.a.TargetBitrate(); now.Total != got.Total || len(now.Encodings) != 3 {
			t.Errorf("TargetBitrate %+v", now)
		}
	})
}
