package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/relay"
)

// A participant is the program's end of one page's connection.
//
// The first offer is the page's: only the sender of simulcast knows its layers. It
// also opens the data channel "room". From then on only the program offers, over
// that channel, and the page only answers. So two offers never meet, and neither
// end needs the rollbacks of perfect negotiation. The page has no reason to offer:
// it mutes tracks instead of removing them.
type participant struct {
	room *room
	id   string
	name string
	pc   *webrtc.PeerConnection

	ctx     context.Context // ends with the connection
	end     context.CancelFunc
	changed chan struct{}                  // has an element while an offer is due
	answers chan webrtc.SessionDescription // of the page, to offers

	// Under room.mu.
	channel *webrtc.DataChannel // once it is open
	muted   muted
	sound   *sound
	picture *picture
	sent    map[publication]*webrtc.RTPTransceiver // what it gets of the others
	views   map[*picture]*view
}

// A publication is a track of one participant for the others.
type publication interface {
	// subscribe makes a track for one more of them.
	subscribe(p *participant) (webrtc.TrackLocal, error)
	// unsubscribe ends that.
	unsubscribe(p *participant)
}

func newParticipant(r *room, id, name string) (*participant, error) {
	name = strings.TrimSpace(name)
	if name == "" || utf8.RuneCountInString(name) > 40 {
		return nil, fmt.Errorf("a name has 1 to 40 characters")
	}
	pc, err := r.api.NewPeerConnection(webrtc.Configuration{})
	if err != nil {
		return nil, err
	}
	p := &participant{room: r, id: id, name: name, pc: pc,
		changed: make(chan struct{}, 1), answers: make(chan webrtc.SessionDescription, 1),
		sent: make(map[publication]*webrtc.RTPTransceiver), views: make(map[*picture]*view)}
	p.ctx, p.end = context.WithCancel(context.Background())
	pc.OnTrack(p.receive)
	pc.OnTargetBitrate(p.share)
	pc.OnDataChannel(func(channel *webrtc.DataChannel) {
		if channel.Label() == "room" {
			p.talk(channel)
		}
	})
	pc.OnConnectionStateChange(func(state webrtc.PeerConnectionState) {
		switch state {
		case webrtc.PeerConnectionStateFailed:
			go r.leave(id, fmt.Sprintf("was lost: %v", pc.FailureReason()))
		case webrtc.PeerConnectionStateClosed:
			go r.leave(id, "left")
		}
	})
	return p, nil
}

func (p *participant) close() {
	p.end()
	p.pc.Close()
}

// answer answers the page's first offer. The answer holds all candidates.
func (p *participant) answer(ctx context.Context, offer webrtc.SessionDescription) error {
	if err := p.pc.SetRemoteDescription(offer); err != nil {
		return err
	}
	answer, err := p.pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	gathered := webrtc.GatheringCompletePromise(p.pc)
	if err := p.pc.SetLocalDescription(answer); err != nil {
		return err
	}
	select {
	case <-gathered:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// talk begins when the channel is there, and with it the program's offers.
func (p *participant) talk(channel *webrtc.DataChannel) {
	channel.OnOpen(func() {
		p.room.mu.Lock()
		p.channel = channel
		p.room.mu.Unlock()
		p.room.tellPeople()
		if err := p.negotiate(channel); err != nil && p.ctx.Err() == nil {
			p.room.leave(p.id, "was lost: "+err.Error())
		}
	})
	channel.OnClose(func() { go p.room.leave(p.id, "left") })
	channel.OnMessage(func(m webrtc.DataChannelMessage) {
		var said message
		if err := json.Unmarshal(m.Data, &said); err != nil {
			go p.room.leave(p.id, "said nonsense: "+err.Error())
			return
		}
		p.hear(said)
	})
}

// negotiate offers whenever something has changed, one offer after the other.
func (p *participant) negotiate(channel *webrtc.DataChannel) error {
	for {
		select {
		case <-p.changed:
		case <-p.ctx.Done():
			return nil
		}
		offer, err := p.pc.CreateOffer(nil)
		if err != nil {
			return err
		}
		if err := p.pc.SetLocalDescription(offer); err != nil {
			return err
		}
		p.room.mu.Lock()
		p.send(message{Offer: p.pc.LocalDescription()})
		p.room.mu.Unlock()
		select {
		case answer := <-p.answers:
			if err := p.pc.SetRemoteDescription(answer); err != nil {
				return err
			}
		case <-time.After(20 * time.Second):
			return fmt.Errorf("the page does not answer")
		case <-p.ctx.Done():
			return nil
		}
	}
}

// renegotiate makes an offer due.
func (p *participant) renegotiate() {
	select {
	case p.changed <- struct{}{}:
	default: // it is already
	}
}

// hear does what the page says.
func (p *participant) hear(said message) {
	switch {
	case said.Answer != nil:
		select {
		case p.answers <- *said.Answer:
		default: // there was no offer
		}
	case said.Muted != nil:
		p.room.mu.Lock()
		p.muted = *said.Muted
		p.room.mu.Unlock()
		p.room.tellPeople()
	case said.Choose != nil:
		p.room.mu.Lock()
		for of, view := range p.views {
			if of.owner.id == said.Choose.Of {
				view.choice = said.Choose.Layer
			}
		}
		p.chooseLayers()
		p.room.mu.Unlock()
	}
}

// send says something to the page, if it can hear already. Under room.mu.
func (p *participant) send(m message) {
	if p.channel == nil {
		return
	}
	text, err := json.Marshal(m)
	if err == nil {
		err = p.channel.SendText(string(text))
	}
	if err != nil && p.ctx.Err() == nil {
		p.room.printer.Printf("%s cannot be told: %v", p.name, err)
	}
}

// subscribe sends the participant what another one publishes. Under room.mu.
func (p *participant) subscribe(to publication) {
	track, err := to.subscribe(p)
	if err != nil {
		p.room.printer.Printf("%s: %v", p.name, err)
		return
	}
	transceiver, err := p.pc.AddTransceiverFromTrack(track, webrtc.RTPTransceiverInit{Direction: webrtc.RTPTransceiverDirectionSendonly})
	if err != nil { // the connection has been closed
		to.unsubscribe(p)
		return
	}
	p.sent[to] = transceiver
	if picture, ok := to.(*picture); ok {
		view := p.views[picture]
		view.sender = transceiver.Sender()
		go relay.OnRequest(view.sender, view.askForKeyframe)
	}
	p.renegotiate()
}

// unsubscribe ends what the participant gets of another. The transceivers are
// stopped: the next offer gives up their m-lines, and one of a later offer takes
// them for whoever comes then (RFC 8829 section 5.2.2). Under room.mu.
func (p *participant) unsubscribe(from *participant) {
	for _, publication := range from.publications() {
		publication.unsubscribe(p)
		if transceiver := p.sent[publication]; transceiver != nil {
			if err := transceiver.Stop(); err == nil {
				p.renegotiate()
			}
			delete(p.sent, publication)
		}
	}
}

// publications are what the participant sends. Under room.mu.
func (p *participant) publications() (list []publication) {
	if p.sound != nil {
		list = append(list, p.sound)
	}
	if p.picture != nil {
		list = append(list, p.picture)
	}
	return list
}

// receive is called for the microphone and for each layer of the camera. The
// page's offer has one m-line for each of the two; others are ignored.
func (p *participant) receive(remote *webrtc.TrackRemote, receiver *webrtc.RTPReceiver) {
	switch remote.Kind() {
	case webrtc.RTPCodecTypeAudio:
		var sound *sound
		p.room.publish(p, func() publication {
			if p.sound != nil {
				return nil
			}
			sound = newSound(p)
			p.sound = sound
			return sound
		})
		if sound != nil {
			sound.forward(remote)
		}
	case webrtc.RTPCodecTypeVideo:
		var picture *picture
		p.room.publish(p, func() publication {
			isNew := p.picture == nil
			if isNew {
				p.picture = newPicture(p, receiver)
			}
			picture = p.picture
			if !isNew {
				return nil
			}
			return picture
		})
		picture.forward(remote)
	}
}

// share hears what the network carries of each picture to this participant.
func (p *participant) share(target webrtc.TargetBitrate) {
	p.room.mu.Lock()
	defer p.room.mu.Unlock()
	for _, encoding := range target.Encodings {
		for _, view := range p.views {
			if view.sender == encoding.Sender {
				view.share = encoding.Bitrate
			}
		}
	}
	p.chooseLayers()
}

// chooseLayers chooses a layer of each picture that the participant gets. Under
// room.mu.
func (p *participant) chooseLayers() (pictures []shown) {
	for picture, view := range p.views {
		pictures = append(pictures, picture.chooseFor(view))
	}
	return pictures
}
