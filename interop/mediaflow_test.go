package interop

import (
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/pkg/media"
)

// localCall is our end of a call. It sends silence and a picture, and counts the
// packets that come.
type localCall struct {
	*localMedia
	codec        string // of video
	audio, video atomic.Int64
}

func newLocalCall(t testing.TB, codec string) *localCall {
	l := &localCall{localMedia: newLocalMedia(t), codec: codec}
	l.OnTrack(func(track *webrtc.TrackRemote, _ *webrtc.RTPReceiver) { l.receive(track) })
	l.play(webrtc.MimeTypeOpus, silence, 20*time.Millisecond)
	l.play("video/"+codec, picture(codec), 33*time.Millisecond)
	l.prefer(codec)
	return l
}

// prefer offers and takes no other codec of video, and its retransmissions. The
// other end cannot choose alone: browsers send the first codec of an offer that
// they can, be it in their answer or not.
func (l *localCall) prefer(codec string) {
	l.t.Helper()
	for _, transceiver := range l.GetTransceivers() {
		if transceiver.Kind() != webrtc.RTPCodecTypeVideo {
			continue
		}
		var codecs []webrtc.RTPCodecParameters
		for _, c := range transceiver.Sender().GetCapabilities(transceiver.Kind()).Codecs {
			if strings.EqualFold(c.MimeType, "video/"+codec) || strings.EqualFold(c.MimeType, webrtc.MimeTypeRTX) {
				codecs = append(codecs, webrtc.RTPCodecParameters{RTPCodecCapability: c})
			}
		}
		if err := transceiver.SetCodecPreferences(codecs); err != nil {
			l.t.Fatal(err)
		}
	}
}

// play sends the same frame again and again.
func (l *localCall) play(mimeType string, frame []byte, period time.Duration) {
	l.t.Helper()
	kind, _, _ := strings.Cut(mimeType, "/")
	track, err := webrtc.NewTrackLocalStaticSample(webrtc.RTPCodecCapability{MimeType: mimeType}, kind, "stream")
	if err == nil {
		_, err = l.PeerConnection.AddTrack(track)
	}
	if err != nil {
		l.t.Fatal(err)
	}
	done, ended := make(chan struct{}), make(chan struct{})
	l.t.Cleanup(func() { close(done); <-ended })
	go func() {
		defer close(ended)
		ticker := time.NewTicker(period)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				if err := track.WriteSample(media.Sample{Data: frame, Duration: period}); err != nil {
					l.note("write " + kind + ": " + err.Error())
				}
			case <-done:
				return
			}
		}
	}()
}

// receive counts the packets of a track that are of the codec that is expected.
func (l *localCall) receive(track *webrtc.TrackRemote) {
	count, want := &l.audio, webrtc.MimeTypeOpus
	if track.Kind() == webrtc.RTPCodecTypeVideo {
		count, want = &l.video, "video/"+l.codec
	}
	for {
		packet, _, err := track.ReadRTP()
		if err != nil {
			return
		}
		if codec := track.Codec(); !strings.EqualFold(codec.MimeType, want) || packet.PayloadType != uint8(codec.PayloadType) {
			l.note(fmt.Sprintf("a packet of payload type %d on a track of %s %d", packet.PayloadType, codec.MimeType, codec.PayloadType))
			continue
		}
		if count.Add(1) == 1 {
			l.note(fmt.Sprintf("first packet of %v", track.Kind()))
		}
	}
}

func (l *localCall) counts() counts { return counts{int(l.audio.Load()), int(l.video.Load())} }

// enough is what both ends must have got of each kind.
var enough = counts{Audio: 25, Video: 15}

func (c counts) enough() bool { return c.Audio >= enough.Audio && c.Video >= enough.Video }

// flows waits until enough has come at both ends.
func flows(t *testing.T, l *localCall, r callPeer) {
	t.Helper()
	began := time.Now()
	for {
		theirs, err := r.Counts()
		if err != nil {
			t.Fatal(err)
		}
		ours := l.counts()
		if ours.enough() && theirs.enough() {
			t.Logf("packets here %+v, frames or packets there %+v, in %.1f s", ours, theirs, time.Since(began).Seconds())
			return
		}
		if time.Since(began) > patience {
			t.Fatalf("after %v: here %+v, there %+v", patience, ours, theirs)
		}
		time.Sleep(50 * time.Millisecond) // the other stack has no event for a frame
	}
}

// Opus and each codec of video that a stack has, both ways at once, either side
// offering. What has come is counted at both ends: packets here, and there the
// frames that were decoded, or packets where the stack does not decode.
func TestMediaFlowsBothWaysWithEveryStack(t *testing.T) {
	for _, c := range callers {
		for _, codec := range c.codecs {
			for _, how := range []signalling{{weOffer: true}, {weOffer: false}} {
				t.Run(c.name+"/"+codec+"/"+how.String(), func(t *testing.T) {
					r, l := c.newPeer(t), newLocalCall(t, codec)
					if err := r.AddMedia(codec); err != nil {
						t.Fatal(err)
					}
					l.connect(r, how)
					flows(t, l, r)
				})
			}
		}
	}
}

// Janus sends back what it gets.
func TestJanusEchoesAudioAndVideo(t *testing.T) {
	r, l := janus.newPeer(t), newLocalCall(t, "VP8")
	l.connect(r, signalling{weOffer: true})
	flowsBack(t, l)
}

func flowsBack(t *testing.T, l *localCall) {
	t.Helper()
	for began := time.Now(); !l.counts().enough(); time.Sleep(50 * time.Millisecond) {
		if time.Since(began) > patience {
			t.Fatalf("after %v only %+v came back", patience, l.counts())
		}
	}
}
