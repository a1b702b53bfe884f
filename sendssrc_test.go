package webrtc

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
)

// RFC 5576 section 4 and RFC 9143 section 9.2: a sender has its SSRCs from its creation, offers name them with
// their groups, and they stay.
func TestOffersNameTheSSRCsOfSenders(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		camera, err := r.a.AddTrack(videoTrack("camera"))
		must(t, err)
		microphone, err := r.a.AddTrack(audioTrack("microphone"))
		must(t, err)
		video, audio := camera.GetParameters().Encodings[0], microphone.GetParameters().Encodings[0]
		if n := len(slices.Compact(slices.Sorted(slices.Values([]SSRC{video.SSRC, video.RTX.SSRC, video.FEC.SSRC, audio.SSRC})))); n != 4 || video.SSRC == 0 {
			t.Errorf("SSRCs %+v, %+v", video.RTPCodingParameters, audio.RTPCodingParameters)
		}
		if audio.RTX.SSRC != 0 || audio.FEC.SSRC != 0 {
			t.Errorf("audio has neither RTX nor FEC: %+v", audio.RTPCodingParameters)
		}
		for round := range 3 {
			offer, err := r.a.CreateOffer(nil)
			must(t, err)
			for _, line := range []string{
				fmt.Sprintf("a=ssrc-group:FID %d %d", video.SSRC, video.RTX.SSRC),
				fmt.Sprintf("a=ssrc-group:FEC-FR %d %d", video.SSRC, video.FEC.SSRC),
				fmt.Sprintf("a=ssrc:%d msid:stream camera", video.SSRC),
				fmt.Sprintf("a=ssrc:%d cname:%s", audio.SSRC, r.a.ID()),
			} {
				if strings.Count(offer.SDP, line+"\r\n") != 1 {
					t.Errorf("round %d: %s is not once in\n%s", round, line, offer.SDP)
				}
			}
			exchange(t, r.a, r.b)
		}
		for _, receiver := range r.b.GetReceivers() {
			want := video.SSRC
			if receiver.Track().Kind() == RTPCodecTypeAudio {
				want = audio.SSRC
			}
			if got := receiver.Track().identity().ssrc; got != want {
				t.Errorf("the %v track has SSRC %d, want %d", receiver.Track().Kind(), got, want)
			}
		}
	}, withMedia(protectedEngine(t)))
}

// ORTC section 9.6, ssrc: a program may choose SSRCs, but not those of another sender.
func TestTheProgramMayChooseSSRCs(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		with := func(p RTPCodingParameters) RTPTransceiverInit {
			return RTPTransceiverInit{SendEncodings: []RTPEncodingParameters{{RTPCodingParameters: p}}}
		}
		chosen, err := r.a.AddTransceiverFromKind(RTPCodecTypeVideo, with(RTPCodingParameters{SSRC: 7, RTX: RTPRtxParameters{SSRC: 8}}))
		must(t, err)
		if e := chosen.Sender().GetParameters().Encodings[0]; e.SSRC != 7 || e.RTX.SSRC != 8 || e.FEC.SSRC == 0 {
			t.Errorf("%+v", e.RTPCodingParameters)
		}
		_, err = r.a.AddTransceiverFromKind(RTPCodecTypeAudio, with(RTPCodingParameters{SSRC: 8}))
		if !errors.Is(err, ErrInvalidAccess) {
			t.Errorf("the SSRC of another sender: %v", err)
		}
		if n := len(r.a.GetTransceivers()); n != 1 {
			t.Errorf("%d transceivers", n)
		}
	}, withMedia(protectedEngine(t)))
}

// webrtc-pc section 4.4.1.4: an offer to receive simulcast gives a sender without RIDs an encoding for each layer, the
// largest last; a rollback takes them back ([[LastStableRidlessSendEncodings]]).
func TestAPeerThatAsksForLayersGetsEncodings(t *testing.T) {
	inBubble(t, func(t *testing.T, r *rig) {
		sender, err := r.a.AddTrack(videoTrack("camera"))
		must(t, err)
		before := sender.GetParameters().Encodings
		_, err = r.b.AddTransceiverFromKind(RTPCodecTypeVideo, RTPTransceiverInit{Direction: RTPTransceiverDirectionRecvonly})
		must(t, err)
		must(t, r.b.SetLocalDescription(SessionDescription{}))
		offer := *r.b.LocalDescription()
		offer.SDP += "a=rid:lo recv\r\na=rid:mid recv\r\na=rid:hi recv\r\na=simulcast:recv lo;mid;hi\r\n"
		must(t, r.a.SetRemoteDescription(offer))
		proposed := sender.GetParameters().Encodings
		must(t, r.a.SetRemoteDescription(SessionDescription{Type: SDPTypeRollback}))
		if back := sender.GetParameters().Encodings; len(back) != 1 || back[0].RTPCodingParameters != before[0].RTPCodingParameters {
			t.Errorf("after rollback %+v", back)
		}
		must(t, r.a.SetRemoteDescription(offer))
		must(t, r.a.SetLocalDescription(SessionDescription{}))
		synctest.Wait()
		for when, encodings := range map[string][]RTPEncodingParameters{"offer": proposed, "answer": sender.GetParameters().Encodings} {
			if len(encodings) != 3 {
				t.Fatalf("%s: %d encodings", when, len(encodings))
			}
			for i, rid := range []string{"lo", "mid", "hi"} {
				if e := encodings[i]; e.RID != rid || *e.ScaleResolutionDownBy != float64(int(4)>>i) || e.SSRC == 0 || e.RTX.SSRC == 0 {
					t.Errorf("%s: encoding %d: %+v", when, i, e)
				}
			}
		}
		if answer := r.a.LocalDescription().SDP; !strings.Contains(answer, "a=simulcast:send lo;mid;hi\r\n") {
			t.Error(answer)
		}
	})
}
