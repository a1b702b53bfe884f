package main

import (
	"strings"
	"sync"

	"github.com/passerelle-rtc/webrtc"
)

// A message of the signalling channel holds one of the two.
type message struct {
	Description *webrtc.SessionDescription `json:"description,omitempty"`
	Candidate   *webrtc.ICECandidateInit   `json:"candidate,omitempty"`
}

// peer is one end of W3C's perfect negotiation: either end changes its
// connection whenever it likes, both run this same code, and when two offers
// cross, the polite end gives way.
//
// See https://www.w3.org/TR/webrtc/#perfect-negotiation-example
type peer struct {
	*webrtc.PeerConnection
	polite bool
	send   func(message)
	failed func(error)

	// mu makes each offer, and each message, one step. JavaScript, where other
	// code runs between the two halves of an await, needs the flags makingOffer
	// and isSettingRemoteAnswerPending instead.
	mu          sync.Mutex
	ignoreOffer bool
}

func newPeer(polite bool, send func(message), failed func(error)) (*peer, error) {
	pc, err := webrtc.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	p := &peer{PeerConnection: pc, polite: polite, send: send, failed: failed}
	pc.OnNegotiationNeeded(func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		p.report(p.describe())
	})
	pc.OnICECandidate(p.candidate)
	return p, nil
}

// describe makes the offer or answer that the signaling state asks for, and
// sends it.
func (p *peer) describe() error {
	if err := p.SetLocalDescription(webrtc.SessionDescription{}); err != nil {
		return err
	}
	p.send(message{Description: p.LocalDescription()})
	return nil
}

// candidate sends a candidate. It waits for the lock, so that it does not
// overtake the description that it belongs to; when that has been rolled back
// meanwhile, the candidate is nobody's.
func (p *peer) candidate(c *webrtc.ICECandidate) {
	p.mu.Lock()
	defer p.mu.Unlock()
	local := p.LocalDescription()
	if c == nil || local == nil {
		return
	}
	init := c.ToJSON()
	if strings.Contains(local.SDP, "a=ice-ufrag:"+*init.UsernameFragment) {
		p.send(message{Candidate: &init})
	}
}

// receive handles a message of the other end.
func (p *peer) receive(m message) {
	p.mu.Lock()
	defer p.mu.Unlock()
	switch {
	case m.Description != nil:
		p.report(p.description(*m.Description))
	case m.Candidate != nil:
		if err := p.AddICECandidate(*m.Candidate); !p.ignoreOffer {
			p.report(err)
		}
	}
}

func (p *peer) description(d webrtc.SessionDescription) error {
	offer := d.Type == webrtc.SDPTypeOffer
	collision := offer && p.SignalingState() != webrtc.SignalingStateStable
	if p.ignoreOffer = collision && !p.polite; p.ignoreOffer {
		return nil // the other end takes its offer back
	}
	if err := p.SetRemoteDescription(d); err != nil || !offer {
		return err
	}
	return p.describe()
}

// report passes errors on. After Close every call fails, and nobody cares.
func (p *peer) report(err error) {
	if err != nil && p.SignalingState() != webrtc.SignalingStateClosed {
		p.failed(err)
	}
}
