package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/relay"
	"github.com/passerelle-rtc/webrtc/examples/internal/splice"
)

// A call is one page's connection. The page offers an m-line for its camera, then
// one for each layer to come back, and a last one for the picture that changes.
type call struct {
	pc     *webrtc.PeerConnection
	printf func(format string, args ...any)
	layers []*layer                    // in the order of the offer
	choice *webrtc.TrackLocalStaticRTP // the picture that changes

	mu      sync.Mutex
	wanted  *layer // that the choice is of from its next key frame on
	current *layer // that the choice is of; nil before the first key frame
	stream  splice.Stream
	channel *webrtc.DataChannel // once it is open
}

// A layer is the camera's picture in one size.
type layer struct {
	rid    string
	remote *webrtc.TrackRemote
	back   *webrtc.TrackLocalStaticRTP
}

// said is what goes over the data channel "layers": from the page the layer that it
// wants, from the program the one that the choice is of.
type said struct {
	Layer string `json:"layer"`
}

func newCall(pc *webrtc.PeerConnection, printf func(string, ...any)) *call {
	return &call{pc: pc, printf: printf}
}

// answer answers the page's offer.
func (c *call) answer(offer webrtc.SessionDescription) error {
	// OnTrack is called for each layer once the answer is set, or sooner.
	ready := make(chan struct{})
	c.pc.OnTrack(func(remote *webrtc.TrackRemote, _ *webrtc.RTPReceiver) {
		<-ready
		c.receive(remote)
	})
	defer close(ready)
	c.pc.OnDataChannel(c.talk)
	if err := c.pc.SetRemoteDescription(offer); err != nil {
		return err
	}
	if err := c.prepare(c.pc.GetTransceivers()); err != nil {
		return err
	}
	answer, err := c.pc.CreateAnswer(nil)
	if err != nil {
		return err
	}
	return c.pc.SetLocalDescription(answer)
}

// prepare gives each m-line its track.
func (c *call) prepare(transceivers []*webrtc.RTPTransceiver) error {
	if len(transceivers) == 0 {
		return errors.New("the offer has no camera")
	}
	camera, others := transceivers[0], transceivers[1:]
	if err := camera.SetDirection(webrtc.RTPTransceiverDirectionRecvonly); err != nil {
		return err
	}
	remotes := camera.Receiver().Tracks()
	if len(others) != len(remotes)+1 {
		return fmt.Errorf("the camera has %d layers and the offer %d places for pictures; one more than layers is wanted", len(remotes), len(others))
	}
	for i, transceiver := range others {
		name := "choice"
		if i < len(remotes) {
			name = remotes[i].RID()
		}
		track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8, ClockRate: 90000}, name, name)
		if err != nil {
			return err
		}
		if err := transceiver.Sender().ReplaceTrack(track); err != nil {
			return err
		}
		if err := transceiver.Sender().SetStreams(name); err != nil {
			return err
		}
		if err := transceiver.SetDirection(webrtc.RTPTransceiverDirectionSendonly); err != nil {
			return err
		}
		if i == len(remotes) {
			c.choice = track
			go relay.OnRequest(transceiver.Sender(), c.requestForChoice)
			continue
		}
		c.layers = append(c.layers, &layer{rid: name, remote: remotes[i], back: track})
		go relay.OnRequest(transceiver.Sender(), remotes[i].RequestKeyFrame)
	}
	c.wanted = c.layers[0] // which the browser sends first
	return nil
}

// receive sends a layer back until it ends.
func (c *call) receive(remote *webrtc.TrackRemote) {
	i := slices.IndexFunc(c.layers, func(l *layer) bool { return l.remote == remote })
	if i < 0 {
		return
	}
	from, begun := c.layers[i], false
	packets := make([]rtp.Packet, 64)
	for {
		n, err := remote.ReadBatch(packets)
		if err != nil {
			if !errors.Is(err, io.EOF) {
				c.printf("layer %s: %v", from.rid, err)
			}
			return
		}
		if !begun {
			begun = true
			c.printf("layer %s comes as %s", from.rid, remote.Codec().MimeType)
		}
		for i := range packets[:n] {
			// They tell the layers apart, and are of no use to who gets one.
			packets[i].Extension, packets[i].Extensions = false, nil
		}
		_ = from.back.WriteBatch(packets[:n]) // a connection that fails ends by itself
		c.forward(from, packets[:n])
	}
}

// forward sends those of a layer's packets that are for the choice.
func (c *call) forward(from *layer, packets []rtp.Packet) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if from != c.current && from != c.wanted {
		return
	}
	now := time.Now()
	out := packets[:0]
	for i := range packets {
		p := packets[i]
		if from == c.wanted && from != c.current && splice.StartsKeyframe(p.Payload) {
			c.current = from
			c.stream.Begin(&p, now)
			c.printf("the choice is layer %s", from.rid)
			c.tell()
		}
		if from == c.current && c.stream.Rewrite(&p, now) {
			out = append(out, p)
		}
	}
	_ = c.choice.WriteBatch(out)
	if from != c.current {
		from.remote.RequestKeyFrame() // it sends two requests a second at most
	}
}

// requestForChoice asks for a key frame of the layer that the choice is of.
func (c *call) requestForChoice() {
	c.mu.Lock()
	current := c.current
	c.mu.Unlock()
	if current != nil {
		current.remote.RequestKeyFrame()
	}
}

// talk hears what the page wants.
func (c *call) talk(channel *webrtc.DataChannel) {
	channel.OnOpen(func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.channel = channel
		c.tell()
	})
	channel.OnMessage(func(m webrtc.DataChannelMessage) {
		var wish said
		if err := json.Unmarshal(m.Data, &wish); err != nil {
			c.printf("the page said nonsense: %v", err)
			return
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		if i := slices.IndexFunc(c.layers, func(l *layer) bool { return l.rid == wish.Layer }); i >= 0 {
			c.wanted = c.layers[i]
			c.wanted.remote.RequestKeyFrame()
		}
	})
}

// tell tells the page which layer the choice is of. Under mu.
func (c *call) tell() {
	if c.channel == nil || c.current == nil {
		return
	}
	if text, err := json.Marshal(said{c.current.rid}); err == nil {
		_ = c.channel.SendText(string(text))
	}
}
