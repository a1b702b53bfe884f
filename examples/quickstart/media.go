package main

import (
	"context"
	"fmt"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/film"
	"github.com/passerelle-rtc/webrtc/examples/internal/mirror"
)

// sendBack lets the transceivers of the page's camera and microphone send too.
func (s *session) sendBack() error {
	for _, transceiver := range s.pc.GetTransceivers() {
		if transceiver.Direction() != webrtc.RTPTransceiverDirectionRecvonly {
			continue // the film's, or one that has stopped
		}
		if err := transceiver.SetDirection(webrtc.RTPTransceiverDirectionSendrecv); err != nil {
			return err
		}
	}
	return nil
}

// reflect sends a track of the page back until it ends.
func (s *session) reflect(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	began := func(codec string) { s.note("the page's %v comes back as %s", remote.Kind(), codec) }
	if err := mirror.Reflect(remote, receiver, began); err != nil {
		s.note("the page's %v: %v", remote.Kind(), err)
	}
}

// play answers an offer that asks for a film, and plays it until the page stops
// the film's transceivers or the session ends.
func (s *session) play(offer webrtc.SessionDescription) (*webrtc.SessionDescription, error) {
	var files []*film.File
	var tracks []*webrtc.TrackLocalStaticSample
	var transceivers []*webrtc.RTPTransceiver
	answer, err := s.answer(offer, func() error {
		for _, name := range []string{"VP8", "Opus"} {
			file, err := film.Open(name, 0)
			if err != nil {
				return err
			}
			track, transceiver, err := file.AddTo(s.pc)
			if err != nil {
				return err
			}
			files, tracks, transceivers = append(files, file), append(tracks, track), append(transceivers, transceiver)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for i, transceiver := range transceivers {
		if transceiver.CurrentDirection() != webrtc.RTPTransceiverDirectionSendonly {
			return nil, fmt.Errorf("the offer has no place for %s", files[i].MimeType)
		}
	}
	ctx, stop := context.WithCancel(s.ctx)
	go func() {
		defer stop()
		film.Loop(ctx, files, tracks, s.note)
		s.note("the film has stopped")
	}()
	for _, transceiver := range transceivers {
		go func() {
			defer stop()
			for { // reading fails once the sender has stopped
				if _, _, err := transceiver.Sender().ReadRTCP(); err != nil {
					return
				}
			}
		}()
	}
	s.note("plays a film of VP8 and Opus")
	return answer, nil
}

// note tells the page a sentence for its log.
func (s *session) note(format string, args ...any) { s.emit("note", fmt.Sprintf(format, args...)) }
