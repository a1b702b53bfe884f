package webrtc

import (
	"slices"
	"strings"
	"testing"

	"github.com/pion/rtp"
)

// The default engine's header extensions, under the numbers that Chromium gives them:
// RFC 6464 (audio level), color-space, without which browsers take the colours of VP9
// and AV1 for darker than they are, and what the session itself uses.
func TestTheDefaultOfferHasTheseHeaderExtensions(t *testing.T) {
	pc, err := NewPeerConnection(Configuration{})
	must(t, err)
	defer pc.Close()
	for _, kind := range []RTPCodecType{RTPCodecTypeAudio, RTPCodecTypeVideo} {
		_, err := pc.AddTransceiverFromKind(kind)
		must(t, err)
	}
	offer, err := pc.CreateOffer(nil)
	must(t, err)
	sections := strings.Split(offer.SDP, "\r\nm=")[1:]
	for i, want := range [][]string{
		{"1 " + uriAudioLevel, "3 " + uriTransportCC, "4 " + uriMID},
		{"10 " + uriRID, "11 " + uriRepairedRID, "3 " + uriTransportCC, "4 " + uriMID, "8 " + uriColorSpace},
	} {
		var got []string
		for line := range strings.SplitSeq(sections[i], "\r\n") {
			if e, ok := strings.CutPrefix(line, "a=extmap:"); ok {
				got = append(got, e)
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("section %d: %q, want %q", i, got, want)
		}
	}
}

// RFC 8285 section 5: a number means what its connection has negotiated. A packet that
// is forwarded may bring another extension under it: what cannot be the one that was
// negotiated stays behind, what can passes.
func TestElementsOfAnotherSizeAreNotForwarded(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "video")
		sender, remote := r.mediaPair(track)
		var id uint8
		for _, e := range sender.GetParameters().HeaderExtensions {
			if e.URI == uriColorSpace {
				id = uint8(e.ID)
			}
		}
		for i, element := range [][]byte{{1, 2, 3}, {9, 16, 9, 0x35}, {7}, make([]byte, 16)} {
			h := rtp.Header{Version: 2, SequenceNumber: uint16(i)}
			must(t, h.SetExtension(id, element))
			must(t, track.WriteRTP(&rtp.Packet{Header: h, Payload: []byte{0x10}}))
			p, _, err := remote.ReadRTP()
			must(t, err)
			if got := p.GetExtension(id); (got != nil) != (len(element) == 4) {
				t.Errorf("an element of %d bytes came as %v", len(element), got)
			}
		}
	})
}
