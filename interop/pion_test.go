package interop

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	pion "github.com/pion/webrtc/v4"
)

// pionPeer is a PeerConnection of github.com/pion/webrtc/v4 in this process.
type pionPeer struct {
	restart bool // the next offer restarts ICE
	pc      *pion.PeerConnection

	mu         sync.Mutex
	changed    chan struct{} // closed and replaced at every change
	log        []string
	channels   map[string]*pionChannel
	candidates []json.RawMessage
}

type pionChannel struct {
	dc    *pion.DataChannel
	inbox *inbox
	echo  bool
}

func newPionPeer(t testing.TB) remote { return newPionPeerWith(t, func(*pion.SettingEngine) {}) }

// newPionPeerWith makes one with other settings.
func newPionPeerWith(t testing.TB, set func(*pion.SettingEngine)) remote {
	var settings pion.SettingEngine
	settings.SetIncludeLoopbackCandidate(true)
	settings.SetSCTPMaxMessageSize(largest)
	set(&settings)
	pc, err := pion.NewAPI(pion.WithSettingEngine(settings)).NewPeerConnection(pion.Configuration{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { pc.Close() })
	p := &pionPeer{pc: pc, changed: make(chan struct{}), channels: map[string]*pionChannel{}}
	pc.OnSignalingStateChange(func(to pion.SignalingState) { p.note("signaling " + to.String()) })
	pc.OnICEGatheringStateChange(func(to pion.ICEGatheringState) { p.note("gathering " + to.String()) })
	pc.OnICEConnectionStateChange(func(to pion.ICEConnectionState) { p.note("ice " + to.String()) })
	pc.OnConnectionStateChange(func(to pion.PeerConnectionState) { p.note("connection " + to.String()) })
	pc.OnICECandidate(func(c *pion.ICECandidate) {
		text := json.RawMessage("null")
		if c != nil {
			text, _ = json.Marshal(c.ToJSON())
		}
		p.change(func() { p.candidates = append(p.candidates, text) })
	})
	pc.OnDataChannel(func(dc *pion.DataChannel) {
		p.note("datachannel " + dc.Label())
		p.adopt(dc)
	})
	return p
}

func (p *pionPeer) change(f func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	f()
	close(p.changed)
	p.changed = make(chan struct{})
}

func (p *pionPeer) note(what string) { p.change(func() { p.log = append(p.log, what) }) }

// until waits until condition, which runs under the lock, is true.
func (p *pionPeer) until(what string, condition func() bool) error {
	limit := time.After(patience)
	for {
		p.mu.Lock()
		ok, changed, log := condition(), p.changed, strings.Join(p.log, ", ")
		p.mu.Unlock()
		if ok {
			return nil
		}
		select {
		case <-changed:
		case <-limit:
			return fmt.Errorf("pion: timeout waiting for %s; log: %s", what, log)
		}
	}
}

func (p *pionPeer) Offer() (string, error) {
	offer, err := p.pc.CreateOffer(&pion.OfferOptions{ICERestart: p.restart})
	p.restart = false
	if err != nil {
		return "", err
	}
	return offer.SDP, p.pc.SetLocalDescription(offer)
}

// RestartICE makes the next offer restart.
func (p *pionPeer) RestartICE() error {
	p.restart = true
	return nil
}

func (p *pionPeer) Answer(offer string) (string, error) {
	if err := p.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeOffer, SDP: offer}); err != nil {
		return "", err
	}
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return "", err
	}
	return answer.SDP, p.pc.SetLocalDescription(answer)
}

func (p *pionPeer) Accept(answer string) error {
	return p.pc.SetRemoteDescription(pion.SessionDescription{Type: pion.SDPTypeAnswer, SDP: answer})
}

func (p *pionPeer) Gathered() (string, error) {
	err := p.until("gathering", func() bool { return p.pc.ICEGatheringState() == pion.ICEGatheringStateComplete })
	if err != nil {
		return "", err
	}
	return p.pc.LocalDescription().SDP, nil
}

func (p *pionPeer) NextCandidates() (list []json.RawMessage, err error) {
	err = p.until("candidates", func() bool {
		list, p.candidates = p.candidates, nil
		return len(list) > 0
	})
	return list, err
}

func (p *pionPeer) AddCandidate(init json.RawMessage) error {
	var candidate pion.ICECandidateInit // stays empty for null: the end
	if err := json.Unmarshal(init, &candidate); err != nil {
		return err
	}
	return p.pc.AddICECandidate(candidate)
}

func (p *pionPeer) CreateChannel(label string, init channelInit) error {
	dc, err := p.pc.CreateDataChannel(label, &pion.DataChannelInit{
		Ordered: init.Ordered, MaxRetransmits: init.MaxRetransmits, MaxPacketLifeTime: init.MaxPacketLifeTime,
		Protocol: init.Protocol, Negotiated: init.Negotiated, ID: init.ID,
	})
	if err == nil {
		p.adopt(dc)
	}
	return err
}

func (p *pionPeer) adopt(dc *pion.DataChannel) {
	channel := &pionChannel{dc: dc, inbox: newInbox()}
	p.change(func() { p.channels[dc.Label()] = channel })
	dc.OnOpen(func() { p.note("channel " + dc.Label() + " open") })
	dc.OnClose(func() { p.note("channel " + dc.Label() + " close") })
	dc.OnMessage(func(m pion.DataChannelMessage) {
		p.mu.Lock()
		echo := channel.echo
		p.mu.Unlock()
		switch {
		case !echo:
			channel.inbox.add(m.IsString, m.Data)
		case m.IsString:
			dc.SendText(string(m.Data))
		default:
			dc.Send(m.Data)
		}
	})
}

func (p *pionPeer) channel(label string) *pionChannel {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.channels[label]
}

func (p *pionPeer) WaitChannel(label, state string) (channelInfo, error) {
	var channel *pionChannel
	err := p.until("channel "+label+" "+state, func() bool {
		channel = p.channels[label]
		return channel != nil && channel.dc.ReadyState().String() == state
	})
	if err != nil {
		return channelInfo{}, err
	}
	dc := channel.dc
	info := channelInfo{Label: dc.Label(), Protocol: dc.Protocol(), Ordered: dc.Ordered(),
		MaxRetransmits: dc.MaxRetransmits(), MaxPacketLifeTime: dc.MaxPacketLifeTime(), Negotiated: dc.Negotiated()}
	if id := dc.ID(); id != nil {
		info.ID = *id
	}
	return info, nil
}

func (p *pionPeer) Echo(label string) error {
	channel := p.channel(label)
	p.change(func() { channel.echo = true })
	return nil
}

func (p *pionPeer) CloseChannel(label string) error { return p.channel(label).dc.Close() }

func (p *pionPeer) Send(label string, plan []message) ([]string, error) {
	dc := p.channel(label).dc
	prints := make([]string, len(plan))
	for i, m := range plan {
		payload := m.content(i)
		prints[i] = fingerprint(m.Text, payload)
		send := func() error { return dc.Send(payload) }
		if m.Text {
			send = func() error { return dc.SendText(string(payload)) }
		}
		if err := send(); err != nil {
			return nil, fmt.Errorf("pion: send message %d of %d bytes: %w", i, len(payload), err)
		}
		for dc.BufferedAmount() > 4<<20 {
			time.Sleep(time.Millisecond)
		}
	}
	return prints, nil
}

func (p *pionPeer) Received(label string, n int) ([]string, error) {
	return p.channel(label).inbox.wait(n)
}

func (p *pionPeer) Fill(label string, size, threshold int) (fillResult, error) {
	dc := p.channel(label).dc
	low := make(chan uint64, 16)
	dc.SetBufferedAmountLowThreshold(uint64(threshold))
	dc.OnBufferedAmountLow(func() {
		select {
		case low <- dc.BufferedAmount():
		default:
		}
	})
	for left := size; left > 0; left -= 65536 {
		if err := dc.Send(make([]byte, min(left, 65536))); err != nil {
			return fillResult{}, err
		}
	}
	queued := dc.BufferedAmount()
	select {
	case amount := <-low:
		return fillResult{queued, amount}, nil
	case <-time.After(patience):
		return fillResult{}, errors.New("pion: no bufferedamountlow event")
	}
}

func (p *pionPeer) WaitState(states ...string) (state string, err error) {
	err = p.until(strings.Join(states, " or "), func() bool {
		state = p.pc.ConnectionState().String()
		return slices.Contains(states, state)
	})
	return state, err
}

func (p *pionPeer) Events() ([]string, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.log), nil
}

func (p *pionPeer) Close() error { return p.pc.Close() }
