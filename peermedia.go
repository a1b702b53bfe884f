package webrtc

import (
	"slices"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
	"github.com/passerelle-rtc/webrtc/internal/sctp"
)

// sessionConfig is what signaling knows of this end.
func (pc *PeerConnection) sessionConfig() jsep.Config {
	support := func(kind RTPCodecType) jsep.MediaSupport {
		return jsep.MediaSupport{Codecs: jsepCodecs(pc.api.media.codecs(kind)), Extensions: pc.api.media.extensions(kind)}
	}
	config := jsep.Config{
		LocalMaxMessageSize: uint64(pc.api.settings.localMaxMessageSize()), SCTPPort: sctpPort,
		Audio: support(RTPCodecTypeAudio), Video: support(RTPCodecTypeVideo),
	}
	if pc.api.settings.signalsSCTP() {
		config.CheckSCTPInit = sctp.CheckInit
	}
	config.Cryptex = pc.config.RTPHeaderEncryptionPolicy.jsepPolicy()
	switch pc.config.BundlePolicy {
	case BundlePolicyMaxCompat:
		config.BundlePolicy = jsep.MaxCompat
	case BundlePolicyMaxBundle:
		config.BundlePolicy = jsep.MaxBundle
	}
	return config
}

// OnTrack sets the handler for media that the peer sends: it is called when a
// description of the peer announces it, once for each simulcast layer that the
// description names, and gets a goroutine of its own. Layers that the answer
// then leaves out end. The track is muted until packets arrive. See
// [SettingEngine.SetFireOnTrackBeforeFirstRTP] for another time.
//
// A handler that comes too late, because SetRemoteDescription has announced tracks
// to nobody, is called for those that the peer still sends.
//
// See https://www.w3.org/TR/webrtc/#event-track
func (pc *PeerConnection) OnTrack(f func(*TrackRemote, *RTPReceiver)) { pc.onTrack.set(pc.loop, f) }

// AddTrack sends a track: by a transceiver that has none and never sent, or by a
// new one, which needs an offer, see OnNegotiationNeeded. It returns an
// InvalidAccessError for a track that has a sender already, and an
// InvalidStateError after Close.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcpeerconnection-addtrack
func (pc *PeerConnection) AddTrack(track TrackLocal) (*RTPSender, error) {
	const op = "add track"
	if track == nil {
		return nil, errorf(KindTypeError, op, "no track")
	}
	init, err := pc.trackInit(track, streamsOf(track))
	if err != nil {
		return nil, reop(op, err)
	}
	var sender *RTPSender
	err = pc.do(op, func(time.Time) error {
		if pc.sends(track) {
			return newError(KindInvalidAccess, op, ErrExistingTrack)
		}
		sender = pc.sendTrack(track, init)
		pc.mediaChanged()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return sender, nil
}

// trackInit checks a track and the streams that it is to be in.
func (pc *PeerConnection) trackInit(track TrackLocal, streamIDs []string) (RTPTransceiverInit, error) {
	return RTPTransceiverInit{StreamIDs: streamIDs}.validated(track.Kind(), pc.api.media.codecs(track.Kind()))
}

// sendTrack finds or makes the sender of a track that has none. On the loop;
// mediaChanged must follow.
func (pc *PeerConnection) sendTrack(track TrackLocal, init RTPTransceiverInit) *RTPSender {
	id, _ := pc.session.AddTrack(track.Kind().mediaKind(), track.ID(), init.StreamIDs)
	t := pc.transceiver(id)
	if t == nil {
		t = pc.addTransceiver(id, track.Kind(), init)
	}
	if t.sender.stopped {
		t.sender.stopped, t.sender.flows = false, nil
	}
	t.sender.streamIDs = init.StreamIDs
	t.sender.setTrack(track)
	return t.sender
}

// streamsOf lists the streams that a track says it is in.
func streamsOf(track TrackLocal) []string {
	if id := track.StreamID(); id != "" {
		return []string{id}
	}
	return nil
}

// RemoveTrack ceases to send a sender's track; the transceiver stays. It returns
// a TypeError for nil, an InvalidAccessError for a sender of another connection, and an
// InvalidStateError after Close.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcpeerconnection-removetrack
func (pc *PeerConnection) RemoveTrack(sender *RTPSender) error {
	const op = "remove track"
	if sender == nil {
		return errorf(KindTypeError, op, "no sender")
	}
	return pc.do(op, func(time.Time) error {
		if sender.transceiver.pc != pc {
			return newError(KindInvalidAccess, op, ErrSenderNotCreatedByConnection)
		}
		if sender.published.latest().track == nil || pc.transceiver(sender.transceiver.id) == nil {
			return nil
		}
		pc.session.RemoveTrack(sender.transceiver.id)
		sender.setTrack(nil)
		pc.mediaChanged()
		return nil
	})
}

// AddTransceiverFromKind adds a transceiver without a track to send. The offers
// to come have an m-line for it. It returns a TypeError for an unknown kind or a
// bad encoding, a RangeError for a value out of range, and an InvalidStateError
// after Close.
//
// See https://www.w3.org/TR/webrtc/#dom-rtcpeerconnection-addtransceiver
func (pc *PeerConnection) AddTransceiverFromKind(kind RTPCodecType, init ...RTPTransceiverInit) (*RTPTransceiver, error) {
	return pc.newTransceiver(kind, nil, init)
}

// AddTransceiverFromTrack adds a transceiver that sends a track. See
// [PeerConnection.AddTransceiverFromKind].
func (pc *PeerConnection) AddTransceiverFromTrack(track TrackLocal, init ...RTPTransceiverInit) (*RTPTransceiver, error) {
	if track == nil {
		return nil, errorf(KindTypeError, "add transceiver", "no track")
	}
	return pc.newTransceiver(track.Kind(), track, init)
}

func (pc *PeerConnection) newTransceiver(kind RTPCodecType, track TrackLocal, inits []RTPTransceiverInit) (*RTPTransceiver, error) {
	const op = "add transceiver"
	var init RTPTransceiverInit
	if len(inits) > 1 {
		return nil, errorf(KindTypeError, op, "%d inits, at most one", len(inits))
	}
	if len(inits) == 1 {
		init = inits[0]
	}
	if track != nil && init.StreamIDs == nil {
		init.StreamIDs = streamsOf(track)
	}
	init, err := init.validated(kind, pc.api.media.codecs(kind))
	if err != nil {
		return nil, reop(op, err)
	}
	var transceiver *RTPTransceiver
	err = pc.do(op, func(time.Time) error {
		if err := pc.checkSSRCs(init.SendEncodings); err != nil {
			return reop(op, err)
		}
		record := jsep.TransceiverInit{
			Kind: kind.mediaKind(), Direction: init.Direction.jsepDirection(), StreamIDs: init.StreamIDs,
		}
		if track != nil {
			record.TrackID = track.ID()
		}
		for _, e := range init.SendEncodings {
			if e.RID != "" {
				record.SendRIDs = append(record.SendRIDs, e.RID)
			}
		}
		transceiver = pc.addTransceiver(pc.session.AddTransceiver(record), kind, init)
		transceiver.sender.setTrack(track)
		pc.mediaChanged()
		return nil
	})
	if err != nil {
		return nil, err
	}
	return transceiver, nil
}

// GetTransceivers returns the transceivers in the order of their addition.
func (pc *PeerConnection) GetTransceivers() []*RTPTransceiver {
	return slices.Clone(pc.published.Load().transceivers)
}

// GetSenders returns the senders of the transceivers that are not stopped.
func (pc *PeerConnection) GetSenders() []*RTPSender {
	var senders []*RTPSender
	for _, t := range pc.GetTransceivers() {
		if t.CurrentDirection() != RTPTransceiverDirectionStopped {
			senders = append(senders, t.sender)
		}
	}
	return senders
}

// GetReceivers returns the receivers of the transceivers that are not stopped.
func (pc *PeerConnection) GetReceivers() []*RTPReceiver {
	var receivers []*RTPReceiver
	for _, t := range pc.GetTransceivers() {
		if t.CurrentDirection() != RTPTransceiverDirectionStopped {
			receivers = append(receivers, t.receiver)
		}
	}
	return receivers
}

// addTransceiver makes the object of a transceiver. On the loop.
func (pc *PeerConnection) addTransceiver(id jsep.TransceiverID, kind RTPCodecType, init RTPTransceiverInit) *RTPTransceiver {
	t := newRTPTransceiver(pc, id, kind)
	pc.giveSSRCs(kind, init.SendEncodings)
	t.sender.encodings, t.sender.streamIDs = init.SendEncodings, init.StreamIDs
	pc.transceivers = append(slices.Clone(pc.transceivers), t)
	return t
}

func (pc *PeerConnection) transceiver(id jsep.TransceiverID) *RTPTransceiver {
	i := slices.IndexFunc(pc.transceivers, func(t *RTPTransceiver) bool { return t.id == id })
	if i < 0 {
		return nil
	}
	return pc.transceivers[i]
}

// sends reports whether a sender has the track. On the loop.
func (pc *PeerConnection) sends(track TrackLocal) bool {
	return slices.ContainsFunc(pc.transceivers, func(t *RTPTransceiver) bool { return t.sender.published.latest().track == track })
}

// mediaChanged publishes the transceivers and looks whether the peer must hear
// of it. On the loop.
func (pc *PeerConnection) mediaChanged() {
	pc.syncTransceivers()
	pc.updateNegotiationNeeded()
}

// syncTransceivers publishes what signaling says of every transceiver.
func (pc *PeerConnection) syncTransceivers() { pc.updateTransceivers(pc.session.Transceivers()) }

func (pc *PeerConnection) updateTransceivers(states []jsep.TransceiverState) {
	pc.dirty = true
	for _, state := range states {
		if t := pc.transceiver(state.ID); t != nil {
			t.update(state)
		}
	}
	pc.configureRTP(time.Now(), states)
}

// applyMedia carries out what a description did to transceivers and tracks, in
// W3C's order of events. On the loop.
//
// See https://www.w3.org/TR/webrtc/#set-description
func (pc *PeerConnection) applyMedia(applied *jsep.Applied) {
	states := pc.session.Transceivers()
	for _, state := range states {
		if slices.Contains(applied.Created, state.ID) {
			pc.acceptTransceiver(state)
		}
	}
	pc.updateTransceivers(states)
	for _, change := range applied.Tracks {
		if t := pc.transceiver(change.ID); t != nil {
			t.receiver.changed(change)
		}
	}
	for _, id := range applied.Stopped { // a task of its own in W3C's order: behind those above
		if t := pc.transceiver(id); t != nil {
			t.stopped()
		}
	}
	for _, t := range pc.transceivers {
		t.receiver.announceLayers()
	}
	if len(applied.Removed) > 0 {
		pc.transceivers = slices.DeleteFunc(slices.Clone(pc.transceivers), func(t *RTPTransceiver) bool {
			return slices.Contains(applied.Removed, t.id)
		})
	}
}

// acceptTransceiver makes the object of a transceiver that an offer of the peer
// has made. On the loop.
func (pc *PeerConnection) acceptTransceiver(state jsep.TransceiverState) {
	kind := newRTPCodecType(state.Kind)
	init, err := RTPTransceiverInit{}.validated(kind, nil)
	if err != nil {
		pc.log.warn("transceiver of the peer", "error", err)
	}
	t := pc.addTransceiver(state.ID, kind, init)
	if id := state.Remote.TrackID; id != "" {
		t.receiver.published.latest().tracks[0].change(func(s *trackSnapshot) { s.id = id })
	}
}

// closeMedia ends all transceivers without events. On the loop.
func (pc *PeerConnection) closeMedia() {
	for _, t := range pc.transceivers {
		t.stopped()
	}
}
