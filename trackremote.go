package webrtc

import (
	"strings"
	"sync"
	"sync/atomic"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// TrackRemote is media that the peer sends. Its methods are safe for concurrent
// use, and those that do not read may be called in callbacks. A track is muted
// until packets arrive.
//
// See https://www.w3.org/TR/webrtc/#mediastreamtrack-network-use
type TrackRemote struct {
	receiver *RTPReceiver

	// Owned by the loop. told: OnTrack has had it since the peer announced it;
	// flows: a packet has come since.
	told, flows bool
	chained     *remoteChain // the interceptors that are bound last, or being bound

	chain     atomic.Pointer[remoteChain] // the interceptors that reads go through
	rtcpChain rtcpChain

	published slot[trackSnapshot]

	packets *packetQueue
	rtcp    *packetQueue
	batch   packetBatch // of the goroutine that calls ReadBatch

	frames  frameReader
	within  atomic.Pointer[readBounds] // of a frameReader that reads through interceptors; nil without
	framing atomic.Bool                // Frames is being ranged over

	mu    sync.Mutex
	known chan struct{} // closed when the codec and the SSRC are known, or the track has ended

	onMute   signalHandler
	onUnmute signalHandler
	onEnded  signalHandler
}

// trackSnapshot is what is known of a track.
type trackSnapshot struct {
	id        string
	rid       string // of the simulcast layer
	streamIDs []string
	streams   []*MediaStream     // of streamIDs
	codec     RTPCodecParameters // zero until known
	ssrc      SSRC               // 0 until known
	rtx       SSRC               // 0 until known
	muted     bool
	ended     bool
}

func newTrackRemote(r *RTPReceiver, id, rid string) *TrackRemote {
	t := &TrackRemote{receiver: r, known: make(chan struct{}),
		packets: newPacketQueue(maxQueuedPackets), rtcp: newPacketQueue(maxQueuedRTCP),
	}
	t.frames.track = t
	t.published.init(&trackSnapshot{id: id, rid: rid, muted: true})
	return t
}

func (t *TrackRemote) identity() *trackSnapshot { return t.published.Load() }

// newest is identity for the loop.
func (t *TrackRemote) newest() *trackSnapshot { return t.published.latest() }

// ID returns the track's identifier, which the peer chose where it made the
// m-line.
func (t *TrackRemote) ID() string { return t.identity().id }

// StreamID returns the id of the first stream that the track is in, or "".
func (t *TrackRemote) StreamID() string {
	if ids := t.identity().streamIDs; len(ids) > 0 {
		return ids[0]
	}
	return ""
}

// StreamIDs returns the ids of all streams that the track is in.
func (t *TrackRemote) StreamIDs() []string { return append([]string(nil), t.identity().streamIDs...) }

// Streams returns the streams that the track is in, in the order of StreamIDs.
func (t *TrackRemote) Streams() []*MediaStream {
	return append([]*MediaStream(nil), t.identity().streams...)
}

// Msid returns the stream's and the track's id, separated by a space.
func (t *TrackRemote) Msid() string { return strings.TrimSpace(t.StreamID() + " " + t.ID()) }

// RID returns the identifier of the simulcast layer, or "" without simulcast.
func (t *TrackRemote) RID() string { return t.identity().rid }

// Kind is audio or video.
func (t *TrackRemote) Kind() RTPCodecType { return t.receiver.owner.kind }

// Muted reports whether nothing comes at the moment.
func (t *TrackRemote) Muted() bool { return t.identity().muted }

// Codec returns the codec of the packets. Where signaling leaves it open it waits
// for the first packet or the end of the track, after which it may be zero. It may
// be called in OnTrack, whose handlers have goroutines of their own; in another callback it
// holds up the ones behind. With a callback executor it does not wait.
func (t *TrackRemote) Codec() RTPCodecParameters {
	<-t.waitKnown()
	return t.identity().codec.clone()
}

// PayloadType returns the payload type of the packets. It waits like Codec.
func (t *TrackRemote) PayloadType() PayloadType {
	<-t.waitKnown()
	return t.identity().codec.PayloadType
}

// SSRC returns the synchronization source of the packets. It waits like Codec.
func (t *TrackRemote) SSRC() SSRC {
	<-t.waitKnown()
	return t.identity().ssrc
}

// OnMute sets the handler for the peer ceasing to send.
func (t *TrackRemote) OnMute(f func()) { t.onMute.set(f) }

// OnUnmute sets the handler for media beginning to arrive.
func (t *TrackRemote) OnUnmute(f func()) { t.onUnmute.set(f) }

// OnEnded sets the handler for the end of the track.
func (t *TrackRemote) OnEnded(f func()) { t.onEnded.set(f) }

func (t *TrackRemote) waitKnown() <-chan struct{} {
	if t.receiver.owner.loop.HasExecutor() {
		return closedChannel // nothing may hold up the application's own loop
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.known
}

var closedChannel = func() <-chan struct{} { c := make(chan struct{}); close(c); return c }()

// change publishes a changed snapshot, and wakes who waits once all is known. On
// the loop.
func (t *TrackRemote) change(f func(*trackSnapshot)) {
	changed := *t.newest()
	f(&changed)
	t.published.publish(t.receiver.owner.loop, &changed)
	t.mu.Lock()
	defer t.mu.Unlock()
	if changed.ended || changed.ssrc != 0 && changed.codec.MimeType != "" {
		select {
		case <-t.known:
		default:
			close(t.known)
		}
	}
}

// negotiated takes what signaling says of the packets to come: the SSRC where
// there is one, the codec where there is no choice. On the loop.
func (t *TrackRemote) negotiated(state jsep.TransceiverState, codecs []RTPCodecParameters) {
	t.change(func(s *trackSnapshot) {
		if sources := state.Remote.Sources.Streams(); s.rid == "" && len(sources) > 0 && s.ssrc == 0 {
			s.ssrc = SSRC(sources[0])
		}
		var media []RTPCodecParameters
		for _, codec := range codecs {
			if !codec.jsepCodec().IsResiliency() {
				media = append(media, codec)
			}
		}
		if len(media) == 1 && s.codec.MimeType == "" {
			s.codec = media[0]
		}
	})
}

// end ends the track for good. On the loop.
func (t *TrackRemote) end() {
	if t.newest().ended {
		return
	}
	t.unchain()
	if pc := t.receiver.owner.pc; pc != nil {
		pc.onTrack.forget(pc.loop, t)
	}
	t.packets.end()
	t.rtcp.end()
	t.change(func(s *trackSnapshot) { s.ended, s.muted = true, true })
	t.onEnded.emit(t.receiver.owner.loop)
}
