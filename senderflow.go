package webrtc

import (
	"slices"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// flow makes the encodings of the sender follow what was negotiated: their
// streams, the tracks that are bound to them, and whether packets go out. On the
// loop.
func (s *RTPSender) flow(state jsep.TransceiverState) {
	var transport *rtpTransport
	if len(state.Send.Codecs) > 0 {
		transport = s.owner.pc.rtpOf(state)
	}
	s.flowOn(transport, state.MID, func(track TrackLocal, err error) {
		if err != nil {
			s.owner.log.warn("bind track", "track", track.ID(), "error", err)
		}
	})
}

// flowOn is flow over a transport, nil while nothing is sent. It returns how many
// tracks it is binding; bound gets the result of each. On the loop.
func (s *RTPSender) flowOn(transport *rtpTransport, mid string, bound func(TrackLocal, error)) (binding int) {
	if s.stopped {
		return 0
	}
	s.matchFlows()
	s.sourcesChanged()
	parameters := s.published.latest().parameters
	for i, e := range s.flows {
		encoding := s.encodings[i]
		e.paused.Store(encoding.Active != nil && !*encoding.Active)
		track := s.trackOf(i)
		if transport == nil || track == nil {
			e.pending = nil
			e.unbind()
			continue
		}
		e.attach(transport, mid)
		if e.bound == nil || e.bound.track != track || e.formed != formOf(parameters) {
			binding++
			e.bind(track, parameters, func(err error) { bound(track, err) })
		}
	}
	return binding
}

// reflow is flow after a change on this side. On the loop.
func (s *RTPSender) reflow() {
	pc := s.owner.pc
	if pc == nil {
		if s.sends {
			rtp := s.published.latest().transport.rtp
			s.flowOn(rtp, "", func(TrackLocal, error) {})
			rtp.distribute(time.Now(), rtp.standalone.senders)
		}
		return
	}
	if state, ok := pc.session.Transceiver(s.transceiver.id); ok {
		s.flow(state)
		pc.distributeBandwidth(time.Now())
	}
}

// tryTrack binds a track to the encoding that is to send it, in the place of the
// one before; where nothing is sent at the moment there is nothing to try. then
// gets what the track says. On the loop.
func (s *RTPSender) tryTrack(track TrackLocal, then func(error)) {
	i := s.encodingOf(track)
	if i < 0 || i >= len(s.flows) || s.flows[i].bound == nil || s.flows[i].bound.track == track {
		then(nil)
		return
	}
	s.flows[i].bind(track, s.published.latest().parameters, func(err error) {
		if err != nil {
			err = newError(KindInvalidModification, "", err)
		}
		then(err)
	})
}

// encodingOf is the encoding that a track is for: that of its layer, the first for
// one that is of no layer, -1 for none.
func (s *RTPSender) encodingOf(track TrackLocal) int {
	if track == nil {
		return -1
	}
	if track.RID() == "" {
		return 0
	}
	return slices.IndexFunc(s.encodings, func(e RTPEncodingParameters) bool { return e.RID == track.RID() })
}

// matchFlows gives each encoding its flow, and ends those of encodings that are
// gone. On the loop.
func (s *RTPSender) matchFlows() {
	old := s.flows
	s.flows = make([]*sendEncoding, len(s.encodings))
	for i, e := range s.encodings {
		at := slices.IndexFunc(old, func(f *sendEncoding) bool { return f.coding.SSRC == e.SSRC })
		if at >= 0 {
			s.flows[i] = old[at]
			s.flows[i].coding = e.RTPCodingParameters
			continue
		}
		s.flows[i] = newSendEncoding(s, e.RTPCodingParameters)
	}
	for _, f := range old {
		if !slices.Contains(s.flows, f) {
			f.end()
		}
	}
	s.publish(func(p *senderSnapshot) { p.flows = s.flows })
}

// trackOf is the track of an encoding: the one for its layer, and for the first
// encoding one that is of no layer.
func (s *RTPSender) trackOf(encoding int) TrackLocal {
	if track := s.published.latest().track; s.encodingOf(track) == encoding {
		return track
	}
	if layer, ok := s.layers[s.encodings[encoding].RID]; ok {
		return layer
	}
	return nil
}

// callTrack calls a track: ours at once, those of the application on a goroutine
// of their own, as the loop runs no application code. then runs on the loop.
func (s *RTPSender) callTrack(track TrackLocal, call, then func()) {
	switch track.(type) {
	case *TrackLocalStaticRTP, *TrackLocalStaticSample:
		call()
		then()
		return
	}
	go func() {
		call()
		s.owner.loop.Post(func(time.Time) { then() })
	}()
}

// endFlows ends what is sent. On the loop.
func (s *RTPSender) endFlows() {
	for _, f := range s.flows {
		f.end()
	}
}
