// Package relay passes what one connection receives on to any number of others,
// without decoding it; the examples with one sender and many watchers share it.
package relay

import (
	"errors"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/splice"
)

// A Track goes to everybody who watches it. Sources may come one after the other:
// to the watchers they are one stream. Its methods are safe for concurrent use.
type Track struct {
	*webrtc.TrackLocalStaticRTP // to be added to the watchers' connections

	mu     sync.Mutex
	source *webrtc.TrackRemote // nil while nothing comes
	stream splice.Stream
}

// NewTrack makes a track of a codec. Sources of another codec must not be
// forwarded to it.
func NewTrack(codec webrtc.RTPCodecCapability, id, streamID string) (*Track, error) {
	local, err := webrtc.NewTrackLocalStaticRTP(codec, id, streamID)
	if err != nil {
		return nil, err
	}
	return &Track{TrackLocalStaticRTP: local, stream: splice.Stream{
		ClockRate: codec.ClockRate, Opaque: !strings.EqualFold(codec.MimeType, webrtc.MimeTypeVP8)}}, nil
}

// Forward passes the packets of a source on until it ends, which is no error. It
// replaces the source before it.
func (t *Track) Forward(source *webrtc.TrackRemote) error {
	t.mu.Lock()
	t.source = source
	t.mu.Unlock()
	defer t.drop(source)
	packets := make([]rtp.Packet, 64)
	for begun := false; ; {
		n, err := source.ReadBatch(packets)
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if !t.forward(source, packets[:n], &begun) {
			return nil
		}
	}
}

// forward passes packets on. It reports false where another source has come.
func (t *Track) forward(source *webrtc.TrackRemote, packets []rtp.Packet, begun *bool) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.source != source {
		return false
	}
	now := time.Now()
	out := packets[:0]
	for i := range packets {
		p := packets[i]
		if !*begun {
			t.stream.Begin(&p, now)
			*begun = true
		}
		// Their numbers may mean something else in the watchers' connections.
		p.Extension, p.Extensions = false, nil
		if t.stream.Rewrite(&p, now) {
			out = append(out, p)
		}
	}
	_ = t.WriteBatch(out) // a connection that fails ends by itself
	return true
}

func (t *Track) drop(source *webrtc.TrackRemote) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.source == source {
		t.source = nil
	}
}

// RequestKeyFrame asks the source for a picture that needs no earlier one. Many may
// ask at a time: the source gets two requests a second at most.
func (t *Track) RequestKeyFrame() {
	t.mu.Lock()
	source := t.source
	t.mu.Unlock()
	if source != nil {
		source.RequestKeyFrame()
	}
}

// PassOnRequests asks the source for a key frame whenever a watcher's decoder does.
// It returns when the sender ends.
func (t *Track) PassOnRequests(sender *webrtc.RTPSender) { OnRequest(sender, t.RequestKeyFrame) }

// OnRequest calls f whenever the other end's decoder asks for a key frame (RFC 4585
// section 6.3.1, RFC 5104 section 4.3.1). It returns when the sender ends.
func OnRequest(sender *webrtc.RTPSender, f func()) {
	for {
		packets, _, err := sender.ReadRTCP()
		if err != nil {
			return
		}
		for _, p := range packets {
			switch p.(type) {
			case *rtcp.PictureLossIndication, *rtcp.FullIntraRequest:
				f()
			}
		}
	}
}
