package interop

import (
	"sync/atomic"
	"testing"
	"time"

	"github.com/pion/rtcp"
	pion "github.com/pion/webrtc/v4"
	pionmedia "github.com/pion/webrtc/v4/pkg/media"
)

// pionCall is pion's end of a call.
type pionCall struct {
	pionMedia
	audio, video arrivals     // packets received
	plis, nacks  atomic.Int64 // heard
	stop         chan struct{}
	layers       []*pion.TrackLocalStaticRTP // of AddSimulcast
}

func newPionCall(t testing.TB) callPeer {
	p := &pionCall{pionMedia: newPionMedia(t).(pionMedia), stop: make(chan struct{})}
	t.Cleanup(func() { close(p.stop) })
	p.pc.OnTrack(func(track *pion.TrackRemote, _ *pion.RTPReceiver) {
		count := &p.audio
		if track.Kind() == pion.RTPCodecTypeVideo {
			count = &p.video
		}
		for {
			packet, _, err := track.ReadRTP()
			if err != nil {
				return
			}
			count.note(packet)
		}
	})
	return p
}

func (p *pionCall) AddMedia(codec string) error {
	return errorsOf(
		p.play(pion.RTPCodecCapability{MimeType: pion.MimeTypeOpus}, silence, 20*time.Millisecond),
		p.play(pion.RTPCodecCapability{MimeType: "video/" + codec}, picture(codec), 33*time.Millisecond))
}

// play adds a track that sends the same frame again and again.
func (p *pionCall) play(codec pion.RTPCodecCapability, frame []byte, period time.Duration) error {
	track, err := pion.NewTrackLocalStaticSample(codec, codec.MimeType, "stream")
	if err != nil {
		return err
	}
	sender, err := p.pc.AddTrack(track)
	if err != nil {
		return err
	}
	go p.hear(sender)
	go func() {
		ticker := time.NewTicker(period)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				track.WriteSample(pionmedia.Sample{Data: frame, Duration: period})
			case <-p.stop:
				return
			}
		}
	}()
	return nil
}

// hear reads RTCP, without which pion repairs nothing, until the sender ends.
func (p *pionCall) hear(sender *pion.RTPSender) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, packet := range packets {
			switch packet.(type) {
			case *rtcp.PictureLossIndication:
				p.plis.Add(1)
			case *rtcp.TransportLayerNack:
				p.nacks.Add(1)
			}
		}
	}
}

func (p *pionCall) AddSimulcast() error {
	var sender *pion.RTPSender
	for _, rid := range []string{"q", "h", "f"} {
		track, err := pion.NewTrackLocalStaticRTP(pion.RTPCodecCapability{MimeType: pion.MimeTypeVP8}, "video", "stream", pion.WithRTPStreamID(rid))
		if err != nil {
			return err
		}
		p.layers = append(p.layers, track)
		if sender == nil {
			sender, err = p.pc.AddTrack(track)
		} else {
			err = sender.AddEncoding(track)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (p *pionCall) Counts() (counts, error) {
	return counts{p.audio.count(), p.video.count()}, nil
}
