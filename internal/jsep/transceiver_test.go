package jsep

import (
	"testing"
)

// RFC 9429 section 5.2.1 and section 5.3.1, webrtc-pc section 4.4.1.4: the whole way of one transceiver.
func TestAnAudioTransceiverIsOfferedAndAnswered(t *testing.T) {
	a, b := mediaPair()
	id := a.AddTransceiver(TransceiverInit{Kind: Audio, TrackID: "mic", StreamIDs: []string{"call"}})
	if st := state(t, a, id); st.MID != "" || st.Index != -1 || st.HasCurrent || st.Direction != Sendrecv {
		t.Errorf("before the offer: %+v", st)
	}
	if !a.NegotiationNeeded(mediaInput()) {
		t.Error("no negotiation needed")
	}
	got, answered, done := negotiate(t, a, b)
	if len(got.Created) != 1 {
		t.Fatalf("created %v", got.Created)
	}
	theirs := got.Created[0]
	want := []TrackChange{{theirs, StreamAdded, "mic", []string{"call"}}, {theirs, TrackAdded, "mic", []string{"call"}}}
	if !sameChanges(got.Tracks, want) || len(answered.Tracks) != 0 || len(done.Tracks) != 0 {
		t.Errorf("tracks %+v, then %+v and %+v", got.Tracks, answered.Tracks, done.Tracks)
	}
	mine, other := state(t, a, id), state(t, b, theirs)
	if mine.MID != "0" || mine.Index != 0 || !mine.HasCurrent || mine.CurrentDirection != Sendonly || mine.BundleTag != "0" {
		t.Errorf("offerer: %+v", mine)
	}
	if other.MID != "0" || other.CurrentDirection != Recvonly || other.Direction != Recvonly || !other.CreatedByRemote || !other.Receptive {
		t.Errorf("answerer: %+v", other)
	}
	const codecs = "111 opus/48000/2, 0 PCMU/8000"
	if codecNames(mine.Send) != codecs || codecNames(mine.Receive) != "" || codecNames(other.Receive) != codecs || codecNames(other.Send) != "" {
		t.Errorf("codecs: %+v %+v", mine, other)
	}
	if p := mine.Send; !p.RTCPMux || !p.ReducedSize || !p.AllowMixed || len(p.Extensions) != 2 {
		t.Errorf("parameters: %+v", p)
	}
	for _, s := range done.Sections {
		if s.Rejected || s.Transceiver != id || s.LocalSetup != Passive {
			t.Errorf("section %+v", s)
		}
	}
	if a.NegotiationNeeded(mediaInput()) || b.NegotiationNeeded(mediaPeerInput()) {
		t.Error("negotiation is needed again")
	}
}

func sameChanges(a, b []TrackChange) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i].ID != b[i].ID || a[i].Kind != b[i].Kind || a[i].TrackID != b[i].TrackID || len(a[i].StreamIDs) != len(b[i].StreamIDs) {
			return false
		}
		for j := range a[i].StreamIDs {
			if a[i].StreamIDs[j] != b[i].StreamIDs[j] {
				return false
			}
		}
	}
	return true
}
