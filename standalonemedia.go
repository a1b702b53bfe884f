package webrtc

import (
	"errors"
	"slices"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/rtpsession"
)

// standaloneMedia is what a program sends and receives over a DTLS transport
// without a connection (ORTC). Owned by the loop.
type standaloneMedia struct {
	senders   []*RTPSender
	receivers []*standaloneReceiver
	sections  uint64 // that were numbered
}

// standaloneReceiver is a receiver and what Receive was told.
type standaloneReceiver struct {
	*RTPReceiver
	key       uint64
	encodings []RTPDecodingParameters
}

// NewRTPSender makes a sender of a track that stands alone, on a transport of the
// program's (ORTC section 5). GetParameters tells the SSRCs, the media engine's
// codecs and payload types, and identifiers of its header extensions: the peer has
// to have the same. Send begins to send. It returns a TypeError without track or
// transport, and an InvalidAccessError for a transport of a connection.
func (api *API) NewRTPSender(track TrackLocal, transport *DTLSTransport) (*RTPSender, error) {
	const op = "new RTP sender"
	if track == nil || transport == nil {
		return nil, errorf(KindTypeError, op, "want a track and a transport")
	}
	owner, err := newStandaloneOwner(api, track.Kind(), transport)
	if err != nil {
		return nil, reop(op, err)
	}
	s := &RTPSender{owner: owner}
	s.encodings = []RTPEncodingParameters{RTPEncodingParameters{}.withDefaults()}
	s.giveSSRCs()
	s.published.init(&senderSnapshot{
		track: track, transport: transport, parameters: owner.parameters(), encodings: s.encodings,
	})
	return s, doOn(owner.loop, op, func(time.Time) error {
		s.matchFlows()
		return nil
	})
}

// NewRTPReceiver makes a receiver that stands alone, on a transport of the program's
// (ORTC section 6). Receive begins to receive. It returns a TypeError for an unknown
// kind or without transport, and an InvalidAccessError for a transport of a
// connection.
func (api *API) NewRTPReceiver(kind RTPCodecType, transport *DTLSTransport) (*RTPReceiver, error) {
	const op = "new RTP receiver"
	if transport == nil {
		return nil, errorf(KindTypeError, op, "want a transport")
	}
	owner, err := newStandaloneOwner(api, kind, transport)
	if err != nil {
		return nil, reop(op, err)
	}
	r := newRTPReceiver(nil, owner)
	s := *r.published.latest()
	s.transport, s.parameters = transport, owner.parameters()
	r.published.init(&s)
	return r, nil
}

func newStandaloneOwner(api *API, kind RTPCodecType, transport *DTLSTransport) (*mediaOwner, error) {
	if err := kind.validate(); err != nil {
		return nil, err
	}
	if transport.onState != nil {
		return nil, errorf(KindInvalidAccess, "", "the transport is that of a connection")
	}
	return &mediaOwner{api: api, loop: transport.loop, log: transport.log, kind: kind, cname: newConnectionID()}, nil
}

// parameters are what both ends of a transport without negotiation have from the
// same media engine.
func (o *mediaOwner) parameters() RTPParameters {
	p := RTPParameters{RTCP: RTCPParameters{CNAME: o.cname, ReducedSize: true}}
	for _, c := range o.api.media.codecs(o.kind) {
		if c.hasPayloadType() {
			p.Codecs = append(p.Codecs, c)
		}
	}
	taken := map[int]bool{}
	extensions := o.api.media.extensions(o.kind)
	for _, e := range extensions {
		taken[e.ID] = true
	}
	for _, e := range extensions {
		id := e.ID
		for next := 1; id == 0 && next <= 14; next++ {
			if !taken[next] {
				id, taken[next] = next, true
			}
		}
		if id != 0 && e.URI != uriMID { // there are no m-lines
			p.HeaderExtensions = append(p.HeaderExtensions, RTPHeaderExtensionParameter{URI: e.URI, ID: id})
		}
	}
	return p
}

// giveSSRCs draws those that the encodings of a sender that stands alone lack.
func (s *RTPSender) giveSSRCs() {
	rtx, fec := s.owner.api.media.repairs(s.owner.kind)
	for i := range s.encodings {
		e := &s.encodings[i]
		for _, want := range []struct {
			ssrc *SSRC
			is   bool
		}{{&e.SSRC, true}, {&e.RTX.SSRC, rtx}, {&e.FEC.SSRC, fec}} {
			for want.is && *want.ssrc == 0 {
				*want.ssrc = randomSSRC()
			}
		}
	}
}

// Send begins to send over the transport of a sender that stands alone, with the
// parameters that GetParameters returned, changed or not: codecs, header extensions,
// and an encoding for each layer. It returns an InvalidStateError for a sender of a
// connection, and after Send or Stop, a TypeError for another number of encodings,
// and what the track's Bind does.
func (s *RTPSender) Send(parameters RTPSendParameters) error {
	const op = "send"
	if s.owner.pc != nil {
		return errorf(KindInvalidState, op, "the sender of a connection sends what is negotiated")
	}
	parameters = parameters.clone()
	var results chan error
	begun := 0
	err := doOn(s.owner.loop, op, func(now time.Time) error {
		switch {
		case s.stopped:
			return errorf(KindInvalidState, op, "the sender is stopped")
		case s.sends:
			return errorf(KindInvalidState, op, "sent before")
		case len(parameters.Encodings) != len(s.encodings):
			return errorf(KindTypeError, op, "%d encodings, want %d", len(parameters.Encodings), len(s.encodings))
		}
		s.sends, s.last, s.encodings = true, nil, parameters.Encodings
		s.giveSSRCs()
		s.publish(func(p *senderSnapshot) { p.parameters, p.encodings = parameters.RTPParameters, s.encodings })
		rtp := s.published.latest().transport.rtp
		rtp.standalone.senders = append(rtp.standalone.senders, s)
		rtp.activate(now, s.owner.cname)
		results = make(chan error, len(s.encodings))
		begun = s.flowOn(rtp, "", func(_ TrackLocal, err error) { results <- err })
		rtp.distribute(now, rtp.standalone.senders)
		return nil
	})
	for ; err == nil && begun > 0; begun-- {
		select {
		case err = <-results:
		case <-s.owner.loop.Done():
			err = closedError(op)
		}
	}
	return reop(op, err)
}

// Stop ends the sender for good: its track is unbound, its streams say goodbye, and
// its readers get io.EOF. The transceiver of a connection's sender stays as it is,
// and AddTrack may use it again. Idempotent; the error is always nil.
func (s *RTPSender) Stop() error {
	_ = doOn(s.owner.loop, "stop sender", func(time.Time) error {
		s.stop()
		if pc := s.owner.pc; pc != nil {
			_ = pc.session.SetSender(s.transceiver.id, "", s.streamIDs) // fails for one that has ended
			pc.mediaChanged()
		}
		return nil
	})
	return nil
}

// stop runs on the loop.
func (s *RTPSender) stop() {
	s.stopped = true
	s.setTrack(nil)
	s.endFlows()
}

// Receive begins to receive, over the transport of a receiver that stands alone, the
// streams that encodings name by their SSRCs, or several layers by their RIDs, which
// have to be different. There is a track for each: see Tracks. It returns an
// InvalidStateError for a receiver of a connection and after Receive or Stop, and a
// TypeError for encodings that cannot be told apart.
func (r *RTPReceiver) Receive(parameters RTPReceiveParameters) error {
	const op = "receive"
	if r.owner.pc != nil {
		return errorf(KindInvalidState, op, "the receiver of a connection receives what is negotiated")
	}
	encodings := slices.Clone(parameters.Encodings)
	rids, err := layersOf(encodings)
	if err != nil {
		return reop(op, err)
	}
	return doOn(r.owner.loop, op, func(now time.Time) error {
		if r.standalone != nil || r.Track().newest().ended {
			return errorf(KindInvalidState, op, "received before, or stopped")
		}
		s := *r.published.latest()
		s.tracks = r.layers(rids, s.tracks)
		for i, track := range s.tracks {
			track.change(func(t *trackSnapshot) { t.ssrc, t.rtx = encodings[i].SSRC, encodings[i].RTX.SSRC })
		}
		r.published.publish(r.owner.loop, &s)
		rtp := s.transport.rtp
		rtp.standalone.sections++
		r.standalone = &standaloneReceiver{RTPReceiver: r, key: rtp.standalone.sections, encodings: encodings}
		rtp.standalone.receivers = append(rtp.standalone.receivers, r.standalone)
		rtp.activate(now, r.owner.cname)
		rtp.configureStandalone(now)
		return nil
	})
}

// layersOf checks the encodings of Receive and returns their RIDs.
func layersOf(encodings []RTPDecodingParameters) ([]string, error) {
	var rids []string
	for _, e := range encodings {
		switch {
		case e.RID != "" && !isRID(e.RID):
			return nil, errorf(KindTypeError, "", "%s is no RID", quoteShort(e.RID))
		case slices.Contains(rids, e.RID):
			return nil, errorf(KindTypeError, "", "two encodings have the RID %s", quoteShort(e.RID))
		}
		rids = append(rids, e.RID)
	}
	if len(rids) == 0 || len(rids) > 1 && slices.Contains(rids, "") {
		return nil, newError(KindTypeError, "", errors.New("want one encoding, or several with RIDs"))
	}
	return rids, nil
}

// SetRTPParameters sets the codecs and header extensions of a receiver that stands
// alone, where the peer's differ from the media engine's. A connection's receiver,
// which has what is negotiated, stays as it is.
func (r *RTPReceiver) SetRTPParameters(params RTPParameters) {
	if r.owner.pc != nil {
		return
	}
	params = params.clone()
	_ = doOn(r.owner.loop, "set RTP parameters", func(now time.Time) error {
		s := *r.published.latest()
		s.parameters = params
		r.published.publish(r.owner.loop, &s)
		if r.standalone != nil {
			s.transport.rtp.configureStandalone(now)
		}
		return nil
	})
}

// Stop ends the receiver for good: its tracks end, and readers get io.EOF. The
// transceiver of a connection's receiver stays as it is. Idempotent; the error is
// always nil.
func (r *RTPReceiver) Stop() error {
	_ = doOn(r.owner.loop, "stop receiver", func(now time.Time) error {
		if r.standalone != nil {
			rtp := r.published.latest().transport.rtp
			rtp.standalone.receivers = slices.DeleteFunc(rtp.standalone.receivers, func(other *standaloneReceiver) bool {
				return other == r.standalone
			})
			rtp.configureStandalone(now)
		}
		r.end()
		return nil
	})
	return nil
}

// configureStandalone tells the transport what may come. On the loop.
func (t *rtpTransport) configureStandalone(now time.Time) {
	var ids rtpsession.Extensions
	var sections []rtpsession.Section
	tracks := make(map[trackKey]*TrackRemote)
	for _, r := range t.standalone.receivers {
		s := r.published.latest()
		section := r.section(s.parameters)
		for i, track := range s.tracks {
			key := trackKey{section: section.Key}
			if len(section.RIDs) > 0 {
				key.rid = section.RIDs[i]
			}
			tracks[key] = track
		}
		sections = append(sections, section)
		ids = ids.With(sessionExtensions(s.parameters.HeaderExtensions))
	}
	t.in.configure(t, now, ids, sections, tracks)
}

// section is what the session needs to know of the receiver. One encoding with an
// SSRC needs no RID.
func (r *standaloneReceiver) section(p RTPParameters) rtpsession.Section {
	section := rtpsession.Section{Key: r.key, ReducedSize: p.RTCP.ReducedSize}
	for _, c := range p.Codecs {
		section.Codecs = append(section.Codecs, sessionCodec(c))
	}
	for _, e := range r.encodings {
		if e.SSRC != 0 {
			section.SSRCs = append(section.SSRCs, rtpsession.Source{
				SSRC: rtpsession.SSRC(e.SSRC), RTX: rtpsession.SSRC(e.RTX.SSRC), FEC: rtpsession.SSRC(e.FEC.SSRC),
			})
		}
		if len(r.encodings) > 1 || e.SSRC == 0 && e.RID != "" {
			section.RIDs = append(section.RIDs, rtpsession.RID(e.RID))
		}
	}
	return section
}

// end ends what stands alone with its transport. On the loop.
func (m *standaloneMedia) end() {
	for _, s := range m.senders {
		s.stop()
	}
	for _, r := range m.receivers {
		r.end()
	}
	m.senders, m.receivers = nil, nil
}
