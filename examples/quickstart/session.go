package main

import (
	"context"
	"sync"

	"github.com/passerelle-rtc/webrtc"
)

// An event is something that happens on the Go side and that the page shows.
type event struct {
	Name  string
	Value any
}

// state is the value of an event named "state".
type state struct {
	Of string `json:"of"` // which machine: signaling, gathering, ice, ...
	Is string `json:"is"`
}

// A session is the Go end of one page's connection. It echoes every message, sends
// camera and microphone back and plays a film where the page asks for one.
type session struct {
	ctx    context.Context // ends with the session
	pc     *webrtc.PeerConnection
	events chan event
	turn   sync.Mutex // held from an offer to its answer
}

func newSession(ctx context.Context, api *webrtc.API) (*session, error) {
	pc, err := api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	s := &session{ctx: ctx, pc: pc, events: make(chan event, 64)}
	s.reportAll()

	pc.OnSignalingStateChange(func(to webrtc.SignalingState) { s.report("signaling", to.String()) })
	pc.OnICEGatheringStateChange(func(to webrtc.ICEGatheringState) { s.report("gathering", to.String()) })
	pc.OnICEConnectionStateChange(func(to webrtc.ICEConnectionState) { s.report("ice", to.String()) })
	pc.OnConnectionStateChange(func(to webrtc.PeerConnectionState) {
		if err := pc.FailureReason(); err != nil {
			s.emit("problem", err.Error())
		}
		s.report("connection", to.String())
	})

	pc.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c == nil { // gathering is complete
			s.emit("candidate", nil)
			return
		}
		s.emit("candidate", c.ToJSON())
	})
	pc.OnDataChannel(s.echo)
	pc.OnTrack(s.reflect)
	return s, nil
}

// answer applies the page's offer, the first one or a later one, and returns our
// answer. Our candidates follow as events (trickle ICE). prepare gets the
// transceivers ready that the offer has made.
func (s *session) answer(offer webrtc.SessionDescription, prepare func() error) (*webrtc.SessionDescription, error) {
	s.turn.Lock()
	defer s.turn.Unlock()
	if err := s.pc.SetRemoteDescription(offer); err != nil {
		return nil, err
	}
	if err := prepare(); err != nil {
		return nil, err
	}
	answer, err := s.pc.CreateAnswer(nil)
	if err != nil {
		return nil, err
	}
	if err := s.pc.SetLocalDescription(answer); err != nil {
		return nil, err
	}
	if sctp := s.pc.SCTP(); sctp != nil {
		sctp.OnStateChange(func(to webrtc.SCTPTransportState) { s.report("sctp", to.String()) })
		sctp.Transport().OnStateChange(func(to webrtc.DTLSTransportState) { s.report("dtls", to.String()) })
	}
	return &answer, nil
}

// echo sends every message back. SendContext waits while the page is slow to
// read, which in turn slows the page's sending.
func (s *session) echo(channel *webrtc.DataChannel) {
	name := "channel " + channel.Label()
	s.report(name, channel.ReadyState().String())
	channel.OnOpen(func() { s.report(name, "open") })
	channel.OnClose(func() { s.report(name, "closed") })
	channel.OnMessage(func(message webrtc.DataChannelMessage) {
		if message.IsString {
			channel.SendTextContext(s.ctx, string(message.Data))
		} else {
			channel.SendContext(s.ctx, message.Data)
		}
	})
}

// hangUp closes the connection, shows the page how that looks from here, and
// ends the stream of events.
func (s *session) hangUp() {
	s.pc.Close()
	s.reportAll()
	s.emit("bye", nil)
}

// reportAll reports the states as they are now.
func (s *session) reportAll() {
	s.report("signaling", s.pc.SignalingState().String())
	s.report("gathering", s.pc.ICEGatheringState().String())
	s.report("ice", s.pc.ICEConnectionState().String())
	s.report("connection", s.pc.ConnectionState().String())
	if sctp := s.pc.SCTP(); sctp != nil {
		s.report("dtls", sctp.Transport().State().String())
		s.report("sctp", sctp.State().String())
	}
}

func (s *session) report(of, is string) { s.emit("state", state{of, is}) }

// emit queues an event for the page. It waits while the page does not read,
// and drops the event once the session has ended.
func (s *session) emit(name string, value any) {
	select {
	case s.events <- event{name, value}:
	case <-s.ctx.Done():
	}
}
