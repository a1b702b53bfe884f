package webrtc

import (
	"regexp"
	"testing"
	"time"

	"github.com/pion/rtp"
)

// RFC 3264 section 5.1: who offers has to be ready for all of it. A peer that sends
// what it did not answer, as browsers do whose preferences were set after the offer
// came, is heard; what it did answer is what GetParameters says.
func TestACodecThatWasOfferedAndNotAnsweredIsReceived(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		got := make(chan *TrackRemote, 1)
		r.a.OnTrack(func(remote *TrackRemote, _ *RTPReceiver) { got <- remote })
		transceiver, err := r.a.AddTransceiverFromKind(RTPCodecTypeVideo, RTPTransceiverInit{Direction: RTPTransceiverDirectionRecvonly})
		must(t, err)
		track := vp8Track(t, "video")
		_, err = r.b.AddTrack(track)
		must(t, err)
		ours, theirs := connectedOnce(r.a), connectedOnce(r.b)
		toB, toA := newTrickle(t, r.a, r.b), newTrickle(t, r.b, r.a)
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		must(t, r.b.SetRemoteDescription(*r.a.LocalDescription()))
		toB.open()
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		answer := *r.b.LocalDescription()
		answer.SDP = regexp.MustCompile(`(?m)^a=[a-z-]+:9[67]\b.*\r\n`).ReplaceAllString(answer.SDP, "")
		answer.SDP = regexp.MustCompile(`(?m)^(m=video .*?) 96 97 `).ReplaceAllString(answer.SDP, "$1 ")
		must(t, r.a.SetRemoteDescription(answer))
		toA.open()
		wait(t, "connection", ours, time.Minute)
		wait(t, "connection", theirs, time.Minute) // what is written before has no keys, and is dropped
		for _, c := range transceiver.Receiver().GetParameters().Codecs {
			if c.MimeType == MimeTypeVP8 {
				t.Fatalf("VP8 was negotiated: %+v", c)
			}
		}
		remote := wait(t, "track", got, time.Minute)
		for i := range 3 {
			must(t, track.WriteRTP(&rtp.Packet{Header: rtp.Header{Version: 2, SequenceNumber: uint16(i)}, Payload: []byte{0x10, byte(i)}}))
			must(t, remote.SetReadDeadline(time.Now().Add(time.Minute)))
			p, _, err := remote.ReadRTP()
			must(t, err)
			if p.PayloadType != 96 || p.Payload[1] != byte(i) {
				t.Errorf("packet %d: %v", i, p)
			}
		}
		if c := remote.Codec(); c.MimeType != MimeTypeVP8 || c.PayloadType != 96 || !c.hasFeedback("nack", "") {
			t.Errorf("codec %+v", c)
		}
	})
}
