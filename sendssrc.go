package webrtc

import (
	"crypto/rand"
	"encoding/binary"
	"slices"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// ssrcs lists those of an encoding that are set: of the media, of what is sent
// again and of forward error correction.
func (p RTPCodingParameters) ssrcs() []SSRC {
	return slices.DeleteFunc([]SSRC{p.SSRC, p.RTX.SSRC, p.FEC.SSRC}, func(ssrc SSRC) bool { return ssrc == 0 })
}

// sendSSRCs are those of all senders. On the loop.
func (pc *PeerConnection) sendSSRCs() map[SSRC]bool {
	taken := make(map[SSRC]bool)
	for _, t := range pc.transceivers {
		for _, e := range t.sender.encodings {
			for _, ssrc := range e.ssrcs() {
				taken[ssrc] = true
			}
		}
	}
	return taken
}

// checkSSRCs refuses SSRCs of the application that another sender has. The
// error is an *Error without Op. On the loop.
func (pc *PeerConnection) checkSSRCs(encodings []RTPEncodingParameters) error {
	taken := pc.sendSSRCs()
	for i, e := range encodings {
		for _, ssrc := range e.ssrcs() {
			if taken[ssrc] {
				return errorf(KindInvalidAccess, "", "encoding %d: SSRC %d is that of another sender", i, ssrc)
			}
		}
	}
	return nil
}

// giveSSRCs gives the encodings of a sender the SSRCs that they lack: of the
// media, and of retransmissions and forward error correction where the media
// engine has them. They are there before the first offer, which names them, and
// do not change (RFC 3550 section 8.1: random, and each once in a session). On
// the loop.
func (pc *PeerConnection) giveSSRCs(kind RTPCodecType, encodings []RTPEncodingParameters) {
	taken := pc.sendSSRCs()
	for _, e := range encodings {
		for _, ssrc := range e.ssrcs() {
			taken[ssrc] = true
		}
	}
	give := func(to *SSRC) {
		for *to == 0 {
			if ssrc := randomSSRC(); ssrc != 0 && !taken[ssrc] {
				*to, taken[ssrc] = ssrc, true
			}
		}
	}
	codecs := jsepCodecs(pc.api.media.codecs(kind))
	rtx, fec := slices.ContainsFunc(codecs, jsep.Codec.IsRTX), slices.ContainsFunc(codecs, jsep.Codec.IsFlexFEC)
	for i := range encodings {
		e := &encodings[i]
		give(&e.SSRC)
		if rtx {
			give(&e.RTX.SSRC)
		}
		if fec {
			give(&e.FEC.SSRC)
		}
	}
}

func randomSSRC() SSRC {
	var b [4]byte
	_, _ = rand.Read(b[:]) // never fails
	return SSRC(binary.BigEndian.Uint32(b[:]))
}

// sendStreams is what offers and answers say of what is sent without RIDs. On
// the loop.
func (pc *PeerConnection) sendStreams() map[jsep.TransceiverID]jsep.SendStream {
	streams := make(map[jsep.TransceiverID]jsep.SendStream, len(pc.transceivers))
	for _, t := range pc.transceivers {
		if len(t.sender.encodings) > 0 {
			e := t.sender.encodings[0]
			streams[t.id] = jsep.SendStream{SSRC: uint32(e.SSRC), RTX: uint32(e.RTX.SSRC), FEC: uint32(e.FEC.SSRC)}
		}
	}
	return streams
}
