package main

import (
	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc"
)

// A sound is the microphone of a participant. All others get the same packets, so
// that one track in all their connections does.
type sound struct{ track *webrtc.TrackLocalStaticRTP }

func newSound(owner *participant) *sound {
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeOpus}, "sound", owner.id)
	if err != nil {
		panic(err) // it is audio
	}
	return &sound{track: track}
}

func (s *sound) subscribe(*participant) (webrtc.TrackLocal, error) { return s.track, nil }
func (s *sound) unsubscribe(*participant)                          {}

// forward passes packets on until the track ends.
func (s *sound) forward(remote *webrtc.TrackRemote) {
	packets := make([]rtp.Packet, 32)
	for {
		n, err := remote.ReadBatch(packets)
		if err != nil {
			return
		}
		_ = s.track.WriteBatch(packets[:n]) // connections that fail leave the room by themselves
	}
}
