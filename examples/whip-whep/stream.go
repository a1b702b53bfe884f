package main

import (
	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/relay"
)

// A stream is what one publisher sends.
type stream struct {
	name   string
	ready  chan struct{}                        // closed when the publisher has its answer
	tracks map[webrtc.RTPCodecType]*relay.Track // from then on; they never change
	live   bool                                 // the publisher is connected; under server.mu
}

func newStream(name string) *stream {
	return &stream{name: name, ready: make(chan struct{}), tracks: map[webrtc.RTPCodecType]*relay.Track{}}
}

// receive passes on a track of the publisher's until it ends. Of simulcast the
// first layer counts: WHEP has no way to choose among them.
func (st *stream) receive(s *session, remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	select {
	case <-st.ready:
	case <-s.ctx.Done():
		return
	}
	track := st.tracks[remote.Kind()]
	if track == nil || receiver.Track() != remote {
		return
	}
	if err := track.Forward(remote); err != nil {
		s.printf("%v: %v", remote.Kind(), err)
	}
}

// requestKeyFrames is for those who have seen nothing of the stream yet.
func (st *stream) requestKeyFrames() {
	for _, track := range st.tracks {
		track.RequestKeyFrame()
	}
}
