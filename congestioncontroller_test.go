package webrtc

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
	"github.com/pion/interceptor"
	"github.com/pion/interceptor/pkg/cc"
	"github.com/pion/interceptor/pkg/gcc"
	"github.com/pion/rtcp"
	"github.com/pion/rtp"
)

// withCongestionController gives a registry with pion's, and the header extension that
// it works by, to the first end. The estimator of the connection comes by the channel.
func withCongestionController(t *testing.T, initial int) (rigOption, <-chan cc.BandwidthEstimator) {
	t.Helper()
	estimators := make(chan cc.BandwidthEstimator, 1)
	option := func(c *rigConfig) {
		registry, engine := &interceptor.Registry{}, &MediaEngine{}
		must(t, engine.RegisterDefaultCodecs())
		controller, err := cc.NewInterceptor(func() (cc.BandwidthEstimator, error) {
			return gcc.NewSendSideBWE(gcc.SendSideBWEInitialBitrate(initial))
		})
		must(t, err)
		controller.OnNewPeerConnection(func(_ string, e cc.BandwidthEstimator) { estimators <- e })
		registry.Add(controller)
		must(t, ConfigureTWCCHeaderExtensionSender(engine, registry))
		must(t, RegisterDefaultInterceptors(engine, registry))
		c.mediaA = engine
		c.apiA = []func(*API){WithInterceptorRegistry(registry)}
	}
	return option, estimators
}

// A program's own congestion controller, as in pion's example
// bandwidth-estimation-from-disk: it numbers the packets, gets the peer's feedback by
// the sender's Read, and finds the bottleneck. The connection's own estimate and pacer
// stand aside.
func TestACongestionControllerOfTheProgramFindsTheBottleneck(t *testing.T) {
	const link = 1_000_000
	option, estimators := withCongestionController(t, 300_000)
	inBubble(t, func(t *testing.T, r *rig) {
		estimator := <-estimators
		track := vp8Track(t, "video")
		sender, remote := r.mediaPair(track)
		go func() {
			for b := make([]byte, 1500); ; {
				if _, _, err := sender.Read(b); err != nil {
					return
				}
			}
		}()
		must(t, remote.SetReadDeadline(time.Time{}))
		go func() {
			for b := make([]rtp.Packet, 64); ; {
				if _, err := remote.ReadBatch(b); err != nil {
					return
				}
			}
		}()
		r.net.SetDefaultLink(simnet.Link{Delay: 25 * time.Millisecond, Bandwidth: link, Queue: 100 * time.Millisecond})
		seq := uint16(0)
		sum, n := 0, 0
		for frame := range 30 * 30 {
			target := estimator.GetTargetBitrate()
			size := target / 8 / 30
			for sent := 0; sent < size; sent += 1000 {
				seq++
				must(t, track.WriteRTP(&rtp.Packet{
					Header:  rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(frame) * 3000, Marker: sent+1000 >= size},
					Payload: make([]byte, min(1000, size-sent)),
				}))
			}
			time.Sleep(time.Second / 30)
			if frame > 30*15 {
				sum += target
				n++
			}
		}
		t.Logf("the program's estimate: %d bit/s", sum/n)
		// Its own rules are coarser than ours: what is shown is that it gets all it
		// needs, not how well it does.
		if mean := sum / n; mean < link*50/100 || mean > link*120/100 {
			t.Errorf("the program's estimate is %d bit/s on a link of %d", mean, link)
		}
		if own := r.a.TargetBitrate().Total; own != 0 {
			t.Errorf("the connection has an estimate of its own: %d bit/s", own)
		}
		out := &r.a.peerTransport.dtls.rtp.out
		out.mu.Lock()
		defer out.mu.Unlock()
		if !out.steered || out.paced || out.estimator.Stats().Received > 0 {
			t.Errorf("steered %v, paced %v, the connection's estimator was told %+v", out.steered, out.paced, out.estimator.Stats())
		}
	}, option)
}

// The numbers that an interceptor writes are those on the wire
// (draft-holmer-rmcat-transport-wide-cc-extensions-01 section 2); one that a packet
// brings from another connection is not. Retransmissions, which do not pass by the
// interceptors, have none: it would be taken twice.
func TestTransportWideNumbersOfAnInterceptorAreKept(t *testing.T) {
	var id uint8
	number := uint16(40000)
	stamp := &tap{change: func(h *rtp.Header) {
		if h.GetExtension(id) != nil {
			panic("the number of another connection")
		}
		if err := h.SetExtension(id, binary.BigEndian.AppendUint16(nil, number)); err != nil {
			panic(err)
		}
		number += 3
	}}
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "video")
		sender, remote := r.mediaPair(track)
		for _, e := range sender.GetParameters().HeaderExtensions {
			if e.URI == uriTransportCC {
				id = uint8(e.ID)
			}
		}
		lost := false
		r.net.Tap(func(p simnet.Packet) simnet.Verdict {
			if b := p.Data; !lost && len(b) > 12 && b[0]>>6 == 2 && !isRTCP(b) && binary.BigEndian.Uint16(b[2:]) == 5 {
				lost = true
				return simnet.Drop
			}
			return simnet.Pass
		})
		for i := range 10 {
			h := rtp.Header{Version: 2, SequenceNumber: uint16(i), Timestamp: uint32(i) * 3000}
			must(t, h.SetExtension(id, []byte{1, 2}))
			must(t, track.WriteRTP(&rtp.Packet{Header: h, Payload: []byte{0x10, byte(i)}}))
			time.Sleep(20 * time.Millisecond)
		}
		came := 0
		for range 10 {
			p, _, err := remote.ReadRTP()
			must(t, err)
			came++
			want := uint16(40000) + 3*p.SequenceNumber
			if got := p.GetExtension(id); p.SequenceNumber != 5 && (len(got) != 2 || binary.BigEndian.Uint16(got) != want) {
				t.Errorf("packet %d has number %v, want %d", p.SequenceNumber, got, want)
			}
			if p.SequenceNumber == 5 && remote.HasRTX() && len(p.GetExtension(id)) != 0 {
				t.Errorf("the retransmission has number %v", p.GetExtension(id))
			}
		}
		if !lost || came != 10 {
			t.Errorf("lost %v, %d packets came", lost, came)
		}
	}, withInterceptors(stamp, nil))
}

// draft-holmer-rmcat-transport-wide-cc-extensions-01 section 3.1: feedback is about the
// transport, whatever SSRC it names.
func TestTransportFeedbackThatNamesNoStreamReachesAReader(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		sender, _ := r.mediaPair(vp8Track(t, "video"))
		raw := &rtcp.TransportLayerCC{
			Header:     rtcp.Header{Count: rtcp.FormatTCC, Type: rtcp.TypeTransportSpecificFeedback, Length: 5},
			SenderSSRC: 1, MediaSSRC: 0xdeadbeef, PacketStatusCount: 1,
			PacketChunks: []rtcp.PacketStatusChunk{&rtcp.RunLengthChunk{Type: rtcp.TypeTCCRunLengthChunk, PacketStatusSymbol: rtcp.TypeTCCPacketNotReceived, RunLength: 1}},
		}
		must(t, r.b.WriteRTCP([]rtcp.Packet{raw}))
		must(t, sender.SetReadDeadline(time.Now().Add(time.Minute)))
		for {
			packets, _, err := sender.ReadRTCP()
			must(t, err)
			for _, p := range packets {
				if cc, ok := p.(*rtcp.TransportLayerCC); ok && cc.MediaSSRC == 0xdeadbeef {
					return
				}
			}
		}
	})
}
