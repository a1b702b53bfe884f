package interop

import (
	"sync/atomic"
	"testing"
	"time"

	pion "github.com/pion/webrtc/v4"
	pionmedia "github.com/pion/webrtc/v4/pkg/media"
)

// pionCall is pion's end of a call.
type pionCall struct {
	pionMedia
	audio, video atomic.Int64 // packets received
	stop         chan struct{}
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
			if _, _, err := track.ReadRTP(); err != nil {
				return
			}
			count.Add(1)
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
	if _, err = p.pc.AddTrack(track); err != nil {
		return err
	}
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

func (p *pionCall) AddSimulcast() error {
	var sender *pion.RTPSender
	for _, rid := range []string{"q", "h", "f"} {
		track, err := pion.NewTrackLocalStaticRTP(pion.RTPCodecCapability{MimeType: pion.MimeTypeVP8}, "video", "stream", pion.WithRTPStreamID(rid))
		if err != nil {
			return err
		}
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
	return counts{int(p.audio.Load()), int(p.video.Load())}, nil
}
