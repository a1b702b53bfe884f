package main

import (
	"context"
	"encoding/json"
	"errors"
	"sync"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/relay"
	"github.com/passerelle-rtc/webrtc/examples/internal/web"
)

// A studio has one broadcaster at a time. Those who watch may come before, and stay
// when the broadcaster goes: to them the next one goes on in the same tracks.
type studio struct {
	host   *web.Host
	tracks map[webrtc.RTPCodecType]*relay.Track

	mu          sync.Mutex
	broadcaster *webrtc.PeerConnection                         // nil while there is none
	live        bool                                           // the broadcaster is connected
	watching    map[*webrtc.PeerConnection]bool                // those who are connected
	channels    map[*webrtc.PeerConnection]*webrtc.DataChannel // of all, once open
}

// news is what everybody is told when it changes, over the data channel "news".
type news struct {
	Live     bool `json:"live"`
	Watching int  `json:"watching"`
}

func newStudio() (*studio, error) {
	s := &studio{tracks: map[webrtc.RTPCodecType]*relay.Track{}, watching: map[*webrtc.PeerConnection]bool{},
		channels: map[*webrtc.PeerConnection]*webrtc.DataChannel{}}
	for _, codec := range []webrtc.RTPCodecCapability{
		{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, {MimeType: webrtc.MimeTypeOpus, ClockRate: 48000, Channels: 2},
	} {
		track, err := relay.NewTrack(codec, codec.MimeType, "broadcast")
		if err != nil {
			return nil, err
		}
		s.tracks[track.Kind()] = track
	}
	return s, nil
}

// broadcast answers the offer of the page that sends.
func (s *studio) broadcast(ctx context.Context, pc *webrtc.PeerConnection, offer webrtc.SessionDescription) error {
	s.mu.Lock()
	taken := s.broadcaster != nil
	if !taken {
		s.broadcaster = pc
	}
	s.mu.Unlock()
	if taken {
		return errors.New("somebody broadcasts already: you can watch")
	}
	context.AfterFunc(ctx, func() { s.change(func() { s.broadcaster, s.live = nil, false }) })
	pc.OnTrack(func(remote *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		if err := s.tracks[remote.Kind()].Forward(remote); err != nil {
			s.host.Printf("%v: %v", remote.Kind(), err)
		}
	})
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state == webrtc.PeerConnectionStateConnected {
			s.change(func() { s.live = s.broadcaster == pc || s.live })
		}
	})
	return s.answer(ctx, pc, offer, func(transceiver *webrtc.RTPTransceiver) error {
		return transceiver.SetDirection(webrtc.RTPTransceiverDirectionRecvonly)
	})
}

// watch answers the offer of a page that watches.
func (s *studio) watch(ctx context.Context, pc *webrtc.PeerConnection, offer webrtc.SessionDescription) error {
	context.AfterFunc(ctx, func() { s.change(func() { delete(s.watching, pc) }) })
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		if state != webrtc.PeerConnectionStateConnected {
			return
		}
		s.change(func() {
			if ctx.Err() == nil { // else it has been taken out already
				s.watching[pc] = true
			}
		})
		// Who comes late has seen no picture that the next ones build upon.
		s.tracks[webrtc.RTPCodecTypeVideo].RequestKeyFrame()
	})
	return s.answer(ctx, pc, offer, func(transceiver *webrtc.RTPTransceiver) error {
		track, sender := s.tracks[transceiver.Kind()], transceiver.Sender()
		if err := sender.ReplaceTrack(track); err != nil {
			return err
		}
		go track.PassOnRequests(sender)
		return transceiver.SetDirection(webrtc.RTPTransceiverDirectionSendonly)
	})
}

// answer answers an offer whose transceivers get prepared.
func (s *studio) answer(ctx context.Context, pc *webrtc.PeerConnection, offer webrtc.SessionDescription, prepare func(*webrtc.RTPTransceiver) error) error {
	pc.OnDataChannel(func(channel *webrtc.DataChannel) {
		channel.OnOpen(func() {
			s.change(func() {
				if ctx.Err() == nil {
					s.channels[pc] = channel
				}
			})
		})
	})
	context.AfterFunc(ctx, func() { s.change(func() { delete(s.channels, pc) }) })
	if err := pc.SetRemoteDescription(offer); err != nil {
		return err
	}
	for _, transceiver := range pc.GetTransceivers() {
		if err := prepare(transceiver); err != nil {
			return err
		}
	}
	answer, err := pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	return pc.SetLocalDescription(answer)
}

// change changes who is there, and tells everybody.
func (s *studio) change(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := s.news()
	f()
	now := s.news()
	if before.Live != now.Live {
		s.host.Printf("%s", map[bool]string{true: "the broadcast begins", false: "the broadcast is over"}[now.Live])
	}
	if before.Watching != now.Watching {
		s.host.Printf("%d watching", now.Watching)
	}
	text, err := json.Marshal(now)
	if err != nil {
		return
	}
	for _, channel := range s.channels {
		_ = channel.SendText(string(text)) // one that has closed is on its way out
	}
}

// news is how things are. Under mu.
func (s *studio) news() news { return news{Live: s.live, Watching: len(s.watching)} }
