package webrtc

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
	"github.com/passerelle-rtc/webrtc/internal/rtpsession"
	"github.com/pion/interceptor"
	"github.com/pion/rtcp"
)

// rtpOf is what carries a transceiver's media, nil before there is a transport.
// On the loop.
func (pc *PeerConnection) rtpOf(state jsep.TransceiverState) *rtpTransport {
	if t := pc.transportOf(state); t != nil {
		return t.rtp
	}
	return nil
}

// configureRTP tells every transport what may come over it. On the loop.
func (pc *PeerConnection) configureRTP(now time.Time, states []jsep.TransceiverState) {
	var carriers []*rtpTransport
	for _, transport := range pc.transports {
		var sections []rtpsession.Section
		var ids rtpsession.Extensions
		tracks := make(map[trackKey]*TrackRemote)
		media, cryptex := false, true
		for _, state := range states {
			if pc.rtpOf(state) != transport.dtls.rtp {
				continue
			}
			media = true
			cryptex = cryptex && state.HeadersEncrypted
			t := pc.transceiver(state.ID)
			if t == nil || len(state.Receive.Codecs) == 0 {
				continue
			}
			section := receiveSection(state)
			sections = append(sections, section)
			ids = ids.With(sessionExtensions(newRTPHeaderExtensions(state.Receive.Extensions)))
			for _, track := range t.receiver.published.latest().tracks {
				tracks[trackKey{section.Key, rtpsession.RID(track.newest().rid)}] = track
			}
		}
		if media {
			transport.dtls.rtp.setCryptex(cryptex, pc.config.RTPHeaderEncryptionPolicy.inbound())
			transport.dtls.rtp.activate(now, pc.id)
			carriers = append(carriers, transport.dtls.rtp)
		}
		if media || transport.dtls.rtp.active {
			transport.dtls.rtp.in.configure(transport.dtls.rtp, now, ids, sections, tracks)
		}
	}
	pc.mediaTransports.Store(&carriers)
	pc.distributeBandwidth(now)
}

// WriteRTCP sends RTCP packets to the peer as one compound packet, over each
// transport that carries media: with BUNDLE there is one. The connection sends
// reports, NACKs and feedback on its own; this is for what only the program knows,
// such as that it needs a keyframe. It returns a TypeError for packets that cannot
// be marshalled, and an InvalidStateError after Close. While there is no path the
// packets are dropped.
func (pc *PeerConnection) WriteRTCP(pkts []rtcp.Packet) error {
	const op = "write RTCP"
	if pc.closing.Load() {
		return closedError(op)
	}
	var err error
	if c := pc.interceptors; c != nil {
		_, err = c.rtcp.Write(pkts, interceptor.Attributes{})
	} else {
		_, err = pc.sendRTCP(pkts)
	}
	return reop(op, err)
}

// sendRTCP is WriteRTCP below the interceptors. It returns the size of the compound
// packet.
func (pc *PeerConnection) sendRTCP(pkts []rtcp.Packet) (n int, err error) {
	carriers := pc.mediaTransports.Load()
	if carriers == nil {
		return 0, nil
	}
	for _, t := range *carriers {
		if n, err = t.writeRTCP(pkts); err != nil {
			return 0, err
		}
	}
	return n, nil
}
