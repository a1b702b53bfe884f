package webrtc

import (
	"encoding/binary"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/passerelle-rtc/webrtc/internal/simnet"
	"github.com/pion/rtp"
)

func withHeaderEncryption(a, b RTPHeaderEncryptionPolicy) rigOption {
	return func(c *rigConfig) { c.configA.RTPHeaderEncryptionPolicy, c.configB.RTPHeaderEncryptionPolicy = a, b }
}

// extensionMarks counts the marks "defined by profile" of the RTP packets on the
// wire that have a header extension.
type extensionMarks struct{ clear, encrypted atomic.Int64 }

func (m *extensionMarks) tap(p simnet.Packet) simnet.Verdict {
	if b := p.Data; len(b) > 16 && b[0]>>6 == 2 && !isRTCP(b) && b[0]&0x10 != 0 {
		if at := 12 + 4*int(b[0]&15); len(b) >= at+4 {
			switch binary.BigEndian.Uint16(b[at:]) {
			case 0xc0de, 0xc2de:
				m.encrypted.Add(1)
			default:
				m.clear.Add(1)
			}
		}
	}
	return simnet.Pass
}

// RFC 9335 section 4: header extensions are encrypted where both ends have said
// a=cryptex, and else are not; they arrive the same either way.
func TestHeaderExtensionsAreEncryptedWhereThatIsNegotiated(t *testing.T) {
	const (
		negotiate = RTPHeaderEncryptionPolicyUnknown // the default
		off       = RTPHeaderEncryptionPolicyDisable
		require   = RTPHeaderEncryptionPolicyRequire
	)
	for _, test := range []struct {
		name      string
		a, b      RTPHeaderEncryptionPolicy
		encrypted bool
	}{
		{"by default", negotiate, negotiate, true}, {"required", require, require, true},
		{"not offered", off, negotiate, false}, {"not answered", negotiate, off, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, r *rig) {
				var marks extensionMarks
				r.net.Tap(marks.tap)
				track := vp8Track(t, "video")
				sender, remote := r.mediaPair(track)
				for i := range 10 {
					must(t, track.WriteRTP(&rtp.Packet{
						Header:  rtp.Header{Version: 2, SequenceNumber: uint16(i), CSRC: []uint32{7, 8}},
						Payload: []byte{0x10, byte(i)},
					}))
				}
				var id uint8
				for _, e := range sender.GetParameters().HeaderExtensions {
					if e.URI == uriTransportCC {
						id = uint8(e.ID)
					}
				}
				for i := range 10 {
					p, _, err := remote.ReadRTP()
					must(t, err)
					if p.SequenceNumber != uint16(i) || p.Payload[1] != byte(i) || len(p.CSRC) != 2 || p.CSRC[1] != 8 || len(p.GetExtension(id)) != 2 {
						t.Fatalf("packet %d: %v", i, p)
					}
				}
				if c, e := marks.clear.Load(), marks.encrypted.Load(); test.encrypted != (e >= 10) || test.encrypted != (c == 0) {
					t.Errorf("%d packets with the extension encrypted, %d in the clear", e, c)
				}
				for _, pc := range []*PeerConnection{r.a, r.b} {
					if got := pc.GetTransceivers()[0].RTPHeaderEncryptionNegotiated(); got != test.encrypted {
						t.Errorf("RTPHeaderEncryptionNegotiated: %v, want %v", got, test.encrypted)
					}
				}
			}, withHeaderEncryption(test.a, test.b))
		})
	}
}

// W3C webrtc-extensions, RTCRtpHeaderEncryptionPolicy: require refuses the
// description of a peer that cannot, with an InvalidAccessError.
func TestHeaderEncryptionThatIsRequiredAndMissing(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		_, err := r.a.AddTrack(vp8Track(t, "video"))
		must(t, err)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		if err := r.b.SetRemoteDescription(*r.a.LocalDescription()); !errors.Is(err, ErrInvalidAccess) {
			t.Errorf("got %v, want an InvalidAccessError", err)
		}
	}, withHeaderEncryption(RTPHeaderEncryptionPolicyDisable, RTPHeaderEncryptionPolicyRequire))
}

// RFC 9335 section 4: a later exchange may change it, and what is sent follows.
func TestHeaderEncryptionEndsWithTheNextExchange(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		track := vp8Track(t, "video")
		_, remote := r.mediaPair(track)
		write := func(seq uint16) {
			must(t, track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: seq}, Payload: []byte{0x10, 1}}))
			_, _, err := remote.ReadRTP()
			must(t, err)
		}
		write(1)
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		offer := *r.b.LocalDescription()
		offer.SDP = strings.ReplaceAll(offer.SDP, "a=cryptex\r\n", "")
		must(t, r.a.SetRemoteDescription(offer))
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
		var marks extensionMarks
		r.net.Tap(marks.tap)
		write(2)
		if c, e := marks.clear.Load(), marks.encrypted.Load(); c != 1 || e != 0 {
			t.Errorf("%d packets with the extension encrypted, %d in the clear", e, c)
		}
	})
}

// RFC 6904 section 4: an extension that is offered to be encrypted on its own is
// not answered, as this package does not do that; the same one in the clear is.
func TestExtensionsThatAreEncryptedOnTheirOwnAreNotAnswered(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		_, err := r.a.AddTrack(vp8Track(t, "video"))
		must(t, err)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		offer := *r.a.LocalDescription()
		offer.SDP = strings.Replace(offer.SDP, "a=sendrecv\r\n",
			"a=extmap:13 urn:ietf:params:rtp-hdrext:encrypt "+uriTransportCC+"\r\na=sendrecv\r\n", 1)
		must(t, r.b.SetRemoteDescription(offer))
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		answer := r.b.LocalDescription().SDP
		if strings.Contains(answer, "rtp-hdrext:encrypt") || !strings.Contains(answer, " "+uriTransportCC) {
			t.Errorf("the answer:\n%s", answer)
		}
	})
}
