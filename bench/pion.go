package main

import (
	"github.com/pion/ice/v4"
	pion "github.com/pion/webrtc/v4"
)

type pionPeer struct{ *pion.PeerConnection }

type pionChannel struct{ *pion.DataChannel }

func newPion() (peer, error) {
	var e pion.SettingEngine
	e.SetIncludeLoopbackCandidate(true)
	e.SetInterfaceFilter(loopback)
	e.SetNetworkTypes([]pion.NetworkType{pion.NetworkTypeUDP4})
	e.SetICEMulticastDNSMode(ice.MulticastDNSModeDisabled)
	pc, err := pion.NewAPI(pion.WithSettingEngine(e)).NewPeerConnection(pion.Configuration{})
	if err != nil {
		return nil, err
	}
	return pionPeer{pc}, nil
}

func (p pionPeer) newChannel(label string) (channel, error) {
	d, err := p.CreateDataChannel(label, nil)
	return pionChannel{d}, err
}

func (p pionPeer) onChannel(f func(channel)) {
	p.OnDataChannel(func(d *pion.DataChannel) { f(pionChannel{d}) })
}

func (p pionPeer) onCandidate(f func(any)) {
	p.OnICECandidate(func(c *pion.ICECandidate) {
		if c != nil {
			f(c.ToJSON())
		}
	})
}

func (p pionPeer) addCandidate(candidate any) error {
	return p.AddICECandidate(candidate.(pion.ICECandidateInit))
}

func (p pionPeer) offer() (any, error) {
	d, err := p.CreateOffer(nil)
	if err != nil {
		return nil, err
	}
	return d, p.SetLocalDescription(d)
}

func (p pionPeer) answer() (any, error) {
	d, err := p.CreateAnswer(nil)
	if err != nil {
		return nil, err
	}
	return d, p.SetLocalDescription(d)
}

func (p pionPeer) setRemote(description any) error {
	return p.SetRemoteDescription(description.(pion.SessionDescription))
}

func (c pionChannel) onMessage(f func([]byte)) {
	c.OnMessage(func(m pion.DataChannelMessage) { f(m.Data) })
}
