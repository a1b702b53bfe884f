package jsep

import (
	"strings"
	"testing"
)

// mediaConfig is what the ends of media tests can do.
func mediaConfig(id uint64) Config {
	nack := []Feedback{{"nack", ""}, {"nack", "pli"}, {"transport-cc", ""}}
	mid := Extension{URI: "urn:ietf:params:rtp-hdrext:sdes:mid", ID: 1}
	return Config{
		SessionID: id, Random: strings.NewReader(strings.Repeat("passerelle", 1000)),
		Audio: MediaSupport{
			Codecs: []Codec{
				{Kind: Audio, Name: "opus", ClockRate: 48000, Channels: 2, Fmtp: "minptime=10;useinbandfec=1", PayloadType: 111, Feedback: []Feedback{{"transport-cc", ""}}},
				{Kind: Audio, Name: "PCMU", ClockRate: 8000, PayloadType: 0},
			},
			Extensions: []Extension{mid, {URI: "urn:ietf:params:rtp-hdrext:ssrc-audio-level", ID: 2}},
		},
		Video: MediaSupport{
			Codecs: []Codec{
				{Kind: Video, Name: "VP8", ClockRate: 90000, PayloadType: 96, Feedback: nack},
				{Kind: Video, Name: "rtx", ClockRate: 90000, Fmtp: "apt=96", PayloadType: 97},
				{Kind: Video, Name: "H264", ClockRate: 90000, PayloadType: 102, Feedback: nack, Fmtp: "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"},
				{Kind: Video, Name: "rtx", ClockRate: 90000, Fmtp: "apt=102", PayloadType: 103},
			},
			Extensions: []Extension{
				mid, {URI: "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", ID: 10},
				{URI: "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id", ID: 11},
				{URI: "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01", ID: 3},
			},
		},
	}
}

// mediaPair is two ends with media and no data channels.
func mediaPair() (a, b *Session) { return New(mediaConfig(1)), New(mediaConfig(2)) }

func mediaInput() LocalInput {
	in := input()
	in.Data = false
	return in
}

func mediaPeerInput() LocalInput {
	in := peerInput()
	in.Data = false
	return in
}

// negotiate lets a offer and b answer, and returns what each step did.
func negotiate(t testing.TB, a, b *Session) (remoteOffer, localAnswer, remoteAnswer *Applied) {
	t.Helper()
	text := offer(t, a, mediaInput())
	remoteOffer, err := b.SetRemote(Offer, text)
	if err != nil {
		t.Fatalf("SetRemote(offer): %v\n%s", err, text)
	}
	answer, err := b.CreateAnswer(mediaPeerInput())
	if err != nil {
		t.Fatalf("CreateAnswer: %v\n%s", err, text)
	}
	if localAnswer, err = b.SetLocal(Answer, answer); err != nil {
		t.Fatalf("SetLocal(answer): %v", err)
	}
	if remoteAnswer, err = a.SetRemote(Answer, answer); err != nil {
		t.Fatalf("SetRemote(answer): %v\n%s", err, answer)
	}
	return remoteOffer, localAnswer, remoteAnswer
}

// state is transceiver id of s.
func state(t testing.TB, s *Session, id TransceiverID) TransceiverState {
	t.Helper()
	st, ok := s.Transceiver(id)
	if !ok {
		t.Fatalf("no transceiver %d", id)
	}
	return st
}

// codecNames are payload types and names, "111 opus".
func codecNames(p MediaParameters) string {
	var out []string
	for _, c := range p.Codecs {
		out = append(out, c.Attributes()[0].Value)
	}
	return strings.Join(out, ", ")
}
