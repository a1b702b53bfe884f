package main

import (
	"cmp"
	"slices"
	"sync"
	"time"

	"github.com/pion/rtcp"
	"github.com/pion/rtp"

	"github.com/passerelle-rtc/webrtc"
)

// A picture is the camera of a participant, in one layer or, with simulcast, in
// several of different sizes. Each of the others has a view of its own of it.
type picture struct {
	owner *participant

	mu     sync.Mutex
	layers []*layer // small ones first
	views  []*view  // replaced, never changed, so that it may be read without mu
}

// A layer is the picture in one size.
type layer struct {
	rid   string
	track *webrtc.TrackRemote
	bytes int       // since the last measurement; under picture.mu
	rate  int       // bit/s in the last second; under picture.mu
	asked time.Time // when a keyframe was asked for; under picture.mu
}

// newPicture knows all layers at once: they are in the description.
func newPicture(owner *participant, receiver *webrtc.RTPReceiver) *picture {
	pic := &picture{owner: owner}
	for _, track := range receiver.Tracks() {
		pic.layers = append(pic.layers, &layer{rid: track.RID(), track: track})
	}
	// The page calls them quarter, half and full.
	const order = "qhf"
	slices.SortStableFunc(pic.layers, func(a, b *layer) int { return cmp.Compare(indexOf(order, a.rid), indexOf(order, b.rid)) })
	return pic
}

func indexOf(order, rid string) int {
	for i := range len(order) {
		if order[i:i+1] == rid {
			return i
		}
	}
	return -1
}

func (pic *picture) subscribe(p *participant) (webrtc.TrackLocal, error) {
	track, err := webrtc.NewTrackLocalStaticRTP(webrtc.RTPCodecCapability{MimeType: webrtc.MimeTypeVP8}, "picture", pic.owner.id)
	if err != nil {
		return nil, err
	}
	v := &view{picture: pic, track: track}
	p.views[pic] = v
	pic.mu.Lock()
	defer pic.mu.Unlock()
	pic.views = append(slices.Clone(pic.views), v)
	return track, nil
}

func (pic *picture) unsubscribe(p *participant) {
	v := p.views[pic]
	delete(p.views, pic)
	pic.mu.Lock()
	defer pic.mu.Unlock()
	pic.views = slices.DeleteFunc(slices.Clone(pic.views), func(other *view) bool { return other == v })
}

// forward passes the packets of one layer on to those who see it, until it ends.
func (pic *picture) forward(remote *webrtc.TrackRemote) {
	i := slices.IndexFunc(pic.layers, func(l *layer) bool { return l.track == remote })
	if i < 0 {
		return
	}
	from := pic.layers[i]
	packets := make([]rtp.Packet, 64)
	for {
		n, err := remote.ReadBatch(packets)
		if err != nil {
			return
		}
		pic.mu.Lock()
		for _, p := range packets[:n] {
			from.bytes += p.MarshalSize()
		}
		views := pic.views
		pic.mu.Unlock()
		now, wanted := time.Now(), false
		for _, v := range views {
			wanted = v.forward(from, packets[:n], now) || wanted
		}
		if wanted {
			pic.askForKeyframe(from, now)
		}
	}
}

// keyframePause is the least time between two requests for keyframes of a layer:
// they are large, and many may ask at the same time.
const keyframePause = 500 * time.Millisecond

// askForKeyframe asks the camera's encoder for a picture that needs no earlier one.
func (pic *picture) askForKeyframe(of *layer, now time.Time) {
	pic.mu.Lock()
	due := now.Sub(of.asked) >= keyframePause && of.bytes+of.rate > 0 // the SSRC is known then
	if due {
		of.asked = now
	}
	pic.mu.Unlock()
	if due {
		_ = pic.owner.pc.WriteRTCP([]rtcp.Packet{&rtcp.PictureLossIndication{MediaSSRC: uint32(of.track.SSRC())}})
	}
}

// measure takes the layers' rates since the last time.
func (pic *picture) measure(after time.Duration) {
	pic.mu.Lock()
	defer pic.mu.Unlock()
	for _, l := range pic.layers {
		l.rate = int(float64(l.bytes*8) / after.Seconds())
		l.bytes = 0
	}
}

// chooseFor chooses the layer of a view: the one that its owner wants, else the
// largest that the network carries. Under room.mu.
func (pic *picture) chooseFor(v *view) shown {
	pic.mu.Lock()
	tell := shown{Of: pic.owner.id, Choice: v.choice, Share: v.share}
	rates := make([]int, len(pic.layers))
	current, wanted := v.layers()
	target := -1
	for i, l := range pic.layers {
		rates[i] = l.rate
		tell.Layers = append(tell.Layers, shownLayer{RID: l.rid, Rate: l.rate})
		if l == current {
			tell.Layer = l.rid
		}
		if v.choice != "" && l.rid == v.choice && l.rate > 0 {
			target = i
		}
	}
	if target < 0 {
		target = largestThatFits(rates, v.share, slices.Index(pic.layers, wanted))
	}
	to := pic.layers[target]
	pic.mu.Unlock()
	if v.want(to) {
		pic.askForKeyframe(to, time.Now())
	}
	return tell
}

// largestThatFits chooses among layers by their rates, of which those that do not
// flow are 0. A larger layer than now has to fit with a quarter to spare, so that
// the choice does not swing. The smallest goes whatever the network carries.
func largestThatFits(rates []int, share, now int) int {
	best := -1
	for i, rate := range rates {
		if i > now {
			rate += rate / 4
		}
		if rate > 0 && (best < 0 || rate <= share) {
			best = i
		}
	}
	if best < 0 { // nothing flows
		return max(now, 0)
	}
	return best
}
