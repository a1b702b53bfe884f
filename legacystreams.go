package webrtc

import (
	"slices"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
	"github.com/passerelle-rtc/webrtc/internal/loop"
)

// The interface of the years before tracks: webrtc-pc, W3C's editor's draft of 4
// July 2014, sections 4.3.2 and 6.1. All of it is a thin layer over tracks.

// legacyStreams are W3C's former sets of streams, and their events. Owned by the
// loop.
type legacyStreams struct {
	onAddStream    eventHandler[*MediaStream]
	onRemoveStream eventHandler[*MediaStream]
	published      slot[legacySnapshot]
}

type legacySnapshot struct{ local, remote []*MediaStream }

// change publishes changed sets. On the loop.
func (s *legacyStreams) change(l *loop.Loop, f func(*legacySnapshot)) {
	changed := legacySnapshot{local: slices.Clone(s.published.latest().local), remote: slices.Clone(s.published.latest().remote)}
	f(&changed)
	s.published.publish(l, &changed)
}

// joined announces a stream of the peer with its first track. On the loop.
func (s *legacyStreams) joined(l *loop.Loop, stream *MediaStream) {
	if slices.Contains(s.published.latest().remote, stream) {
		return
	}
	s.change(l, func(c *legacySnapshot) { c.remote = append(c.remote, stream) })
	s.onAddStream.emit(l, stream)
}

// left announces that a stream of the peer is gone with its last track. On the
// loop.
func (s *legacyStreams) left(l *loop.Loop, stream *MediaStream) {
	if len(stream.published.latest().tracks) > 0 || !slices.Contains(s.published.latest().remote, stream) {
		return
	}
	s.change(l, func(c *legacySnapshot) {
		c.remote = slices.DeleteFunc(c.remote, func(r *MediaStream) bool { return r == stream })
	})
	s.onRemoveStream.emit(l, stream)
}

// AddStream sends the tracks that are in the stream now, under the stream's id. A
// stream that was added before is left as it is. It returns a TypeError for nil
// and for a track that the peer sends (it is no [TrackLocal]), an
// InvalidAccessError for a track that has a sender already, and an
// InvalidStateError after Close; then nothing has changed.
//
// Deprecated: use AddTrack.
func (pc *PeerConnection) AddStream(stream *MediaStream) error {
	const op = "add stream"
	if stream == nil {
		return errorf(KindTypeError, op, "no stream")
	}
	var tracks []TrackLocal
	var inits []RTPTransceiverInit
	for _, track := range stream.GetTracks() {
		local, ok := track.(TrackLocal)
		if !ok {
			return errorf(KindTypeError, op, "track %s is a %T, which cannot be sent: want a TrackLocal", quoteShort(track.ID()), track)
		}
		init, err := pc.trackInit(local, []string{stream.ID()})
		if err != nil {
			return reop(op, err)
		}
		tracks, inits = append(tracks, local), append(inits, init)
	}
	return pc.do(op, func(time.Time) error {
		if slices.Contains(pc.legacy.published.latest().local, stream) {
			return nil
		}
		if i := slices.IndexFunc(tracks, pc.sends); i >= 0 {
			return errorf(KindInvalidAccess, op, "track %s: %w", quoteShort(tracks[i].ID()), ErrExistingTrack)
		}
		pc.legacy.change(pc.loop, func(c *legacySnapshot) { c.local = append(c.local, stream) })
		for i, track := range tracks {
			pc.sendTrack(track, inits[i])
		}
		pc.mediaChanged()
		return nil
	})
}

// RemoveStream ceases to send the tracks that are in the stream. A stream that
// was not added is ignored. It returns a TypeError for nil, and an
// InvalidStateError after Close.
//
// Deprecated: use RemoveTrack.
func (pc *PeerConnection) RemoveStream(stream *MediaStream) error {
	const op = "remove stream"
	if stream == nil {
		return errorf(KindTypeError, op, "no stream")
	}
	return pc.do(op, func(time.Time) error {
		if !slices.Contains(pc.legacy.published.latest().local, stream) {
			return nil
		}
		pc.legacy.change(pc.loop, func(c *legacySnapshot) {
			c.local = slices.DeleteFunc(c.local, func(l *MediaStream) bool { return l == stream })
		})
		tracks := stream.published.latest().tracks
		for _, t := range pc.transceivers {
			if track := t.sender.published.latest().track; track != nil && slices.Contains(tracks, MediaStreamTrack(track)) {
				pc.session.RemoveTrack(t.id)
				t.sender.setTrack(nil)
			}
		}
		pc.mediaChanged()
		return nil
	})
}

// GetLocalStreams returns the streams that were added with AddStream.
//
// Deprecated: use GetSenders.
func (pc *PeerConnection) GetLocalStreams() []*MediaStream {
	return slices.Clone(pc.legacy.published.Load().local)
}

// GetRemoteStreams returns the streams of the peer that have tracks.
//
// Deprecated: use GetReceivers and [RTPReceiver.Streams].
func (pc *PeerConnection) GetRemoteStreams() []*MediaStream {
	return slices.Clone(pc.legacy.published.Load().remote)
}

// GetStreamByID returns the stream with that id among GetLocalStreams and
// GetRemoteStreams, or nil.
//
// Deprecated: use GetSenders and GetReceivers.
func (pc *PeerConnection) GetStreamByID(id string) *MediaStream {
	s := pc.legacy.published.Load()
	for _, stream := range slices.Concat(s.local, s.remote) {
		if stream.ID() == id {
			return stream
		}
	}
	return nil
}

// OnAddStream sets the handler for streams of the peer, called with the first
// track of each, before its OnTrack.
//
// Deprecated: use OnTrack.
func (pc *PeerConnection) OnAddStream(f func(*MediaStream)) { pc.legacy.onAddStream.set(f) }

// OnRemoveStream sets the handler for streams of the peer whose last track is
// gone.
//
// Deprecated: use [MediaStream.OnRemoveTrack].
func (pc *PeerConnection) OnRemoveStream(f func(*MediaStream)) { pc.legacy.onRemoveStream.set(f) }

// CreateDTMFSender returns what sends telephone keys beside a track. It returns an
// InvalidAccessError for a track that the connection does not send or that is not
// audio.
//
// Deprecated: use [RTPSender.DTMF].
func (pc *PeerConnection) CreateDTMFSender(track TrackLocal) (*DTMFSender, error) {
	const op = "create DTMF sender"
	for _, sender := range pc.GetSenders() {
		if track == nil || sender.Track() != track {
			continue
		}
		if d := sender.DTMF(); d != nil {
			return d, nil
		}
		return nil, errorf(KindInvalidAccess, op, "the track is %v", track.Kind())
	}
	return nil, errorf(KindInvalidAccess, op, "the track is not sent")
}

// offerToReceive carries out W3C's legacy options of createOffer, before the
// offer is made. On the loop.
//
// See https://www.w3.org/TR/webrtc/#legacy-configuration-extensions
func (pc *PeerConnection) offerToReceive(options OfferOptions) error {
	err := pc.offerToReceiveKind(RTPCodecTypeAudio, options.OfferToReceiveAudio)
	if err == nil {
		err = pc.offerToReceiveKind(RTPCodecTypeVideo, options.OfferToReceiveVideo)
	}
	return err
}

func (pc *PeerConnection) offerToReceiveKind(kind RTPCodecType, wanted *bool) error {
	if wanted == nil {
		return nil
	}
	receives := false
	for _, state := range pc.session.Transceivers() {
		if state.Kind != kind.mediaKind() || state.Stopping || state.Stopped {
			continue
		}
		sends, takes := state.Direction.Sends(), state.Direction.Receives()
		receives = receives || takes
		if *wanted || !takes {
			continue
		}
		if err := pc.session.SetDirection(state.ID, jsep.DirectionOf(sends, false)); err != nil {
			return err
		}
	}
	if *wanted && !receives {
		init, err := RTPTransceiverInit{Direction: RTPTransceiverDirectionRecvonly}.validated(kind, pc.api.media.codecs(kind))
		if err != nil {
			return err
		}
		pc.addTransceiver(pc.session.AddTransceiver(jsep.TransceiverInit{Kind: kind.mediaKind(), Direction: jsep.Recvonly}), kind, init)
	}
	pc.syncTransceivers() // W3C: without updating the negotiation-needed flag
	return nil
}
