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

// checkSSRCs refuses SSRCs of the application that another sender has. The
// error is an *Error without Op. On the loop.
func (pc *PeerConnection) checkSSRCs(encodings []RTPEncodingParameters) error {
	for i, e := range encodings {
		for _, ssrc := range e.ssrcs() {
			if pc.ssrcs[ssrc] {
				return errorf(KindInvalidAccess, "", "encoding %d: SSRC %d is that of another sender", i, ssrc)
			}
		}
	}
	return nil
}

// giveSSRCs gives the encodings of a sender the SSRCs that they lack: of the
// media, and of retransmissions and forward error correction where the media
// engine has them. None is used again in the connection. They are there before the first offer, which names them, and
// do not change (RFC 3550 section 8.1: random, and each once in a session). On
// the loop.
func (pc *PeerConnection) giveSSRCs(kind RTPCodecType, encodings []RTPEncodingParameters) {
	for _, e := range encodings {
		for _, ssrc := range e.ssrcs() {
			pc.ssrcs[ssrc] = true
		}
	}
	give := func(to *SSRC) {
		for *to == 0 {
			if ssrc := randomSSRC(); ssrc != 0 && !pc.ssrcs[ssrc] {
				*to, pc.ssrcs[ssrc] = ssrc, true
			}
		}
	}
	rtx, fec := pc.api.media.repairs(kind)
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
