package webrtc

import (
	"errors"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
	"github.com/pion/rtp"
)

// webrtc-pc section 5.3.2, getContributingSources and getSynchronizationSources.
func TestReceiversTellWhoIsHeard(t *testing.T) {
	media := plainMedia(t)
	must(t, media.RegisterHeaderExtension(RTPHeaderExtensionCapability{URI: uriAudioLevel}, RTPCodecTypeAudio))
	must(t, media.RegisterHeaderExtension(RTPHeaderExtensionCapability{URI: uriCSRCLevel}, RTPCodecTypeAudio))
	const delay = 10 * time.Millisecond
	inBubble(t, func(t *testing.T, r *rig) {
		track, err := NewTrackLocalStaticRTP(RTPCodecCapability{MimeType: MimeTypePCMU, ClockRate: 8000}, "audio", "stream")
		must(t, err)
		sender, remote := r.mediaPair(track)
		receiver := remote.receiver
		if n := len(receiver.GetContributingSources()) + len(receiver.GetSynchronizationSources()); n != 0 {
			t.Errorf("%d sources before media", n)
		}
		ids := make(map[string]uint8)
		for _, e := range sender.GetParameters().HeaderExtensions {
			ids[e.URI] = uint8(e.ID)
		}
		write := func(seq uint16, csrcs []uint32, level byte, levels []byte) {
			p := rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq, Timestamp: uint32(seq) * 160, CSRC: csrcs}, Payload: []byte{1}}
			must(t, p.SetExtension(ids[uriAudioLevel], []byte{level}))
			if levels != nil {
				must(t, p.SetExtension(ids[uriCSRCLevel], levels))
			}
			must(t, track.WriteRTP(&p))
		}
		first := time.Now()
		write(1, []uint32{11, 12}, 0x80|20, []byte{6, 127})
		time.Sleep(3 * time.Second)
		second := time.Now()
		write(2, []uint32{13}, 127, nil)
		time.Sleep(delay)
		synctest.Wait()

		level := func(dB int) float64 { return math.Pow(10, float64(dB)/20) }
		check := func(name string, got []RTPContributingSource, want ...RTPContributingSource) {
			t.Helper()
			if len(got) != len(want) {
				t.Fatalf("%s: %+v, want %+v", name, got, want)
			}
			for i, w := range want {
				g := got[i]
				same := (g.AudioLevel == nil) == (w.AudioLevel == nil) && (g.AudioLevel == nil || *g.AudioLevel == *w.AudioLevel)
				if g.Source != w.Source || g.Timestamp != w.Timestamp || g.RTPTimestamp != w.RTPTimestamp || !same {
					t.Errorf("%s %d: %+v, want %+v", name, i, g, w)
				}
			}
		}
		at := func(sent time.Time) StatsTimestamp { return newStatsTimestamp(sent.Add(delay)) }
		silent, six, none := 0.0, level(-6), (*float64)(nil)
		ssrc := sender.GetParameters().Encodings[0].SSRC
		check("SSRC", receiver.GetSynchronizationSources(), RTPContributingSource{at(second), ssrc, &silent, 320})
		check("CSRC", receiver.GetContributingSources(),
			RTPContributingSource{at(second), 13, none, 320},
			RTPContributingSource{at(first), 11, &six, 160}, RTPContributingSource{at(first), 12, &silent, 160})
		if s := one[InboundRTPStreamStats](t, receiver.GetStats()); s.AudioLevel == nil || *s.AudioLevel != 0 {
			t.Errorf("level in statistics %v", s.AudioLevel)
		}
		time.Sleep(8 * time.Second)
		check("CSRC after 10 s", receiver.GetContributingSources(), RTPContributingSource{at(second), 13, none, 320})
		time.Sleep(3 * time.Second)
		check("SSRC after 10 s", receiver.GetSynchronizationSources())
	}, withLink(simnet.Link{Delay: delay}), withMedia(media))
}

// webrtc-pc section 5.3.1, jitterBufferTarget: "If target is negative or larger than
// 4000 milliseconds, then throw a RangeError".
func TestJitterBufferTargets(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		transceiver, err := r.a.AddTransceiverFromKind(RTPCodecTypeAudio)
		must(t, err)
		receiver := transceiver.Receiver()
		if got := receiver.JitterBufferTarget(); got != nil {
			t.Errorf("at first %v", *got)
		}
		for _, good := range []time.Duration{0, 1500 * time.Microsecond, 4 * time.Second} {
			given := good
			must(t, receiver.SetJitterBufferTarget(&given))
			given = 7
			if got := receiver.JitterBufferTarget(); got == nil || *got != good {
				t.Errorf("%v became %v", good, got)
			}
		}
		for _, bad := range []time.Duration{-1, 4*time.Second + 1} {
			if err := receiver.SetJitterBufferTarget(&bad); !errors.Is(err, ErrRange) || *receiver.JitterBufferTarget() != 4*time.Second {
				t.Errorf("%v: %v", bad, err)
			}
		}
		must(t, receiver.SetJitterBufferTarget(nil))
		if got := receiver.JitterBufferTarget(); got != nil {
			t.Errorf("nil became %v", *got)
		}
	})
}

// RFC 3550 section 6.4.1.
func TestATrackHasNoCaptureTimesBeforeAReport(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "video")
		_, remote := r.mediaPair(track)
		transceiver, err := r.a.AddTransceiverFromKind(RTPCodecTypeAudio)
		must(t, err)
		if at, ok := transceiver.Receiver().Track().CaptureTime(1); ok || !at.IsZero() {
			t.Errorf("without a transport: %v", at)
		}
		must(t, track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, Timestamp: 5}, Payload: []byte{1}}))
		synctest.Wait()
		if at, ok := remote.CaptureTime(5); ok || !at.IsZero() {
			t.Errorf("before a report: %v", at)
		}
		time.Sleep(time.Second)
		if _, ok := remote.CaptureTime(5); !ok {
			t.Error("a report came, and there is no time")
		}
	}, withMedia(plainMedia(t)))
}
