package main

import (
	"sync"
	"time"

	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc"
	"github.com/passerelle-rtc/webrtc/examples/internal/splice"
)

// A view is what one participant gets of another's picture: at any time one of its
// layers, as one continuous stream of packets.
type view struct {
	picture *picture
	track   *webrtc.TrackLocalStaticRTP

	// Under room.mu.
	sender *webrtc.RTPSender
	choice string // the RID of the layer that the page wants, "" for any
	share  int    // bit/s that the network carries

	mu      sync.Mutex
	current *layer // that the packets are of; nil before the first keyframe
	wanted  *layer // that they will be of from its next keyframe on
	splice  splice.Stream
	out     []rtp.Packet // used again by each forward
}

// layers are the layer that is sent and the one that is waited for.
func (v *view) layers() (current, wanted *layer) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return v.current, v.wanted
}

// want changes to a layer at its next keyframe. It reports whether one is needed.
func (v *view) want(l *layer) bool {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.wanted = l
	return v.wanted != v.current
}

// forward sends those of a layer's packets that are for this view. It reports
// whether a keyframe of the layer is needed to go on.
func (v *view) forward(from *layer, packets []rtp.Packet, now time.Time) (needsKeyframe bool) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if from != v.current && from != v.wanted {
		return false
	}
	v.out = v.out[:0]
	for _, p := range packets {
		if from == v.wanted && from != v.current && splice.StartsKeyframe(p.Payload) {
			v.current = from
			v.splice.Begin(&p, now)
		}
		if from == v.current && v.splice.Rewrite(&p, now) {
			v.out = append(v.out, p)
		}
	}
	if len(v.out) > 0 {
		_ = v.track.WriteBatch(v.out) // a connection that fails leaves the room by itself
	}
	return from != v.current
}

// askForKeyframe asks the picture's sender for a keyframe of the present layer.
func (v *view) askForKeyframe() {
	if current, _ := v.layers(); current != nil {
		v.picture.askForKeyframe(current, time.Now())
	}
}
