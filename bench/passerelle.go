package main

import (
	"github.com/passerelle-rtc/webrtc"
)

type ourPeer struct{ *webrtc.PeerConnection }

type ourChannel struct{ *webrtc.DataChannel }

func newPasserelle() (peer, error) {
	var e webrtc.SettingEngine
	e.SetIncludeLoopbackCandidate(true)
	e.SetInterfaceFilter(loopback)
	e.SetNetworkTypes([]webrtc.NetworkType{webrtc.NetworkTypeUDP4})
	pc, err := webrtc.NewAPI(webrtc.WithSettingEngine(e)).NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	return ourPeer{pc}, nil
}

func (p ourPeer) newChannel(label string) (channel, error) {
	d, err := p.CreateDataChannel(label, nil)
	return ourChannel{d}, err
}

func (p ourPeer) onChannel(f func(channel)) {
	p.OnDataChannel(func(d *webrtc.DataChannel) { f(ourChannel{d}) })
}

func (p ourPeer) onCandidate(f func(any)) {
	p.OnICECandidate(func(c *webrtc.ICECandidate) {
		if c != nil {
			f(c.ToJSON())
		}
	})
}

func (p ourPeer) addCandidate(candidate any) error {
	return p.AddICECandidate(candidate.(webrtc.ICECandidateInit))
}

func (p ourPeer) offer() (any, error) {
	d, err := p.CreateOffer(nil)
	if err != nil {
		return nil, err
	}
	return d, p.SetLocalDescription(d)
}

func (p ourPeer) answer() (any, error) {
	d, err := p.CreateAnswer(nil)
	if err != nil {
		return nil, err
	}
	return d, p.SetLocalDescription(d)
}

func (p ourPeer) setRemote(description any) error {
	return p.SetRemoteDescription(description.(webrtc.SessionDescription))
}

func (c ourChannel) onMessage(f func([]byte)) {
	c.OnMessage(func(m webrtc.DataChannelMessage) { f(m.Data) })
}

// loopback tells whether an interface is the loopback interface.
func loopback(name string) bool { return name == "lo" || name == "lo0" }
