package bandwidth

import (
	"cmp"
	"slices"
)

// Weight is the share that a sender has when the estimate does not suffice for
// all: the values of RTCPriorityType (W3C webrtc-priority), which stand in the
// relation 1:2:4:8 as the priorities of RFC 8831 section 6.4 do.
type Weight float64

const (
	VeryLow Weight = 0.5
	Low     Weight = 1 // W3C's default
	Medium  Weight = 2
	High    Weight = 4
)

// EncodingID names an encoding among all of the allocator's: the caller's number.
type EncodingID uint32

// Sender is what one RTPSender wants.
type Sender struct {
	// Essential senders get their minimum before all others and are never paused:
	// audio.
	Essential bool
	// Encodings are from the smallest picture to the largest: the lower ones are
	// served first, as a simulcast receiver that has only them is served at all.
	Encodings []Encoding
}

// Encoding is one RTP stream, or one of a simulcast.
type Encoding struct {
	ID     EncodingID
	Active bool // RTCRtpEncodingParameters.active
	Weight Weight
	// Min is what the encoding needs to be worth sending, Max is its maxBitrate; 0
	// is no limit, but for the lower ones of a sender, which are filled up to the
	// minimum of the next then. With Layers, Max bounds their sum.
	Min, Max Bitrate
	// Layers are those of scalable coding, from the base up, each without those
	// below; none for an encoding that has one layer.
	Layers []Layer
}

// Layer is a spatial layer of an encoding.
type Layer struct {
	Min, Max Bitrate // 0 is no limit
}

// Allocation is what one encoding may send.
type Allocation struct {
	Encoding EncodingID
	Bitrate  Bitrate // 0 pauses it
	// Layers is how many layers of scalable coding fit, 1 where there is one only,
	// 0 when paused.
	Layers int
	// Changed is true when Bitrate or Layers differ from the allocation before.
	Changed bool
}

// resumeFactor is the hysteresis: what is paused comes back when there is so
// much more than its minimum, so that an estimate that moves about it does not
// switch a layer with every event.
const resumeFactor = 1.2

// Allocator distributes a bitrate over encodings. Its owner calls SetSenders
// when something about them changes, and Allocate for each target.
type Allocator struct {
	senders []senderShare
	results []Allocation
	on      map[layerKey]bool // what was sent before
	order   []int             // of the senders, by who gets a minimum first
}

type layerKey struct {
	encoding EncodingID
	layer    int
}

// senderShare is a sender with what it gets.
type senderShare struct {
	Sender
	first    int // of its encodings, in results
	weight   Weight
	least    Bitrate // of its lowest layer
	most     Bitrate // of all
	share    Bitrate
	served   bool
	saturate bool
}

// SetSenders takes over a copy of what the senders want. What was on stays on
// where the identifiers are the same.
func (a *Allocator) SetSenders(senders []Sender) {
	previous := make(map[EncodingID]Allocation, len(a.results))
	for _, r := range a.results {
		previous[r.Encoding] = r
	}
	was := a.on
	a.senders, a.results, a.on = nil, nil, make(map[layerKey]bool)
	for _, s := range senders {
		share := senderShare{Sender: s, first: len(a.results)}
		share.Encodings = slices.Clone(s.Encodings)
		for i := range share.Encodings {
			e := &share.Encodings[i]
			e.Layers = slices.Clone(e.Layers)
			if len(e.Layers) == 0 {
				e.Layers = []Layer{{Min: e.Min, Max: e.Max}}
			}
			for l := range e.Layers {
				layer := &e.Layers[l]
				layer.Min, layer.Max = sane(layer.Min, layer.Max)
				if key := (layerKey{e.ID, l}); was[key] && e.Active {
					a.on[key] = true
				}
			}
			if e.Max <= 0 {
				e.Max = unlimited
			}
			a.results = append(a.results, previous[e.ID])
			a.results[len(a.results)-1].Encoding = e.ID
		}
		share.bound()
		share.sum()
		a.senders = append(a.senders, share)
	}
	a.rank()
}

// sane makes limits usable: no minimum above the maximum, 0 as no limit.
func sane(least, most Bitrate) (Bitrate, Bitrate) {
	if most <= 0 || most > unlimited {
		most = unlimited
	}
	return max(0, min(least, most)), most
}

// bound gives a layer without a limit that of the next one's minimum: it would
// take everything otherwise, and the next would never be sent.
func (s *senderShare) bound() {
	var above Bitrate
	for i := len(s.Encodings) - 1; i >= 0; i-- {
		e := &s.Encodings[i]
		if !e.Active {
			continue
		}
		for l := len(e.Layers) - 1; l >= 0; l-- {
			layer := &e.Layers[l]
			if layer.Max == unlimited && above > 0 {
				layer.Max = max(above, layer.Min)
			}
			above = layer.Min
		}
	}
}

// sum finds what a sender needs and can use. Its weight is the highest of its
// active encodings.
func (s *senderShare) sum() {
	for i := range s.Encodings {
		e := &s.Encodings[i]
		if !e.Active {
			continue
		}
		if s.most == 0 {
			s.least = e.Layers[0].Min
		}
		w := e.Weight
		if !(w > 0) {
			w = Low
		}
		s.weight = max(s.weight, w)
		var all Bitrate
		for _, l := range e.Layers {
			all = min(all+l.Max, unlimited)
		}
		s.most = min(s.most+min(all, e.Max), unlimited)
	}
}

// rank orders the senders by who gets a minimum first: the essential ones, then
// those of more weight, then those that need less.
func (a *Allocator) rank() {
	a.order = a.order[:0]
	for i := range a.senders {
		a.order = append(a.order, i)
	}
	slices.SortStableFunc(a.order, func(i, j int) int {
		x, y := &a.senders[i], &a.senders[j]
		switch {
		case x.Essential != y.Essential && x.Essential:
			return -1
		case x.Essential != y.Essential:
			return 1
		}
		return cmp.Or(cmp.Compare(y.weight, x.weight), cmp.Compare(x.least, y.least))
	})
}

// Demand is the sum of what the active encodings can use, for
// [Estimator.SetDemand]; 0 when one of them has no limit.
func (a *Allocator) Demand() Bitrate {
	var sum Bitrate
	for i := range a.senders {
		sum += a.senders[i].most
		if sum >= unlimited {
			return 0
		}
	}
	return sum
}

// Allocate distributes a target. The result has every encoding, in the order of
// the senders; it is valid until the next call. It allocates nothing.
func (a *Allocator) Allocate(target Bitrate) []Allocation {
	left := max(0, target)
	for _, i := range a.order {
		s := &a.senders[i]
		s.share, s.served, s.saturate = 0, false, s.most == 0
		need := s.least
		if !a.sending(s) && !s.Essential {
			need = min(need.scale(resumeFactor), s.most)
		}
		if s.most == 0 || left < need && !s.Essential {
			continue
		}
		s.served = true
		s.share = min(need, left)
		left -= s.share
	}
	a.fill(left)
	for i := range a.senders {
		a.layer(&a.senders[i])
	}
	return a.results
}

// sending reports whether a sender sent something before.
func (a *Allocator) sending(s *senderShare) bool {
	for i := range s.Encodings {
		if a.on[layerKey{s.Encodings[i].ID, 0}] {
			return true
		}
	}
	return false
}

// fill shares the rest among those that are served, by weight; what one cannot
// use goes to the others.
func (a *Allocator) fill(left Bitrate) {
	for left > 0 {
		var weights Weight
		for i := range a.senders {
			if s := &a.senders[i]; s.served && !s.saturate {
				weights += s.weight
			}
		}
		if weights == 0 {
			return
		}
		rest, full := left, false
		for i := range a.senders {
			s := &a.senders[i]
			if !s.served || s.saturate {
				continue
			}
			part := min(left.scale(float64(s.weight/weights)), rest)
			if part >= s.most-s.share {
				part, s.saturate, full = s.most-s.share, true, true
			}
			s.share += part
			rest -= part
		}
		if !full {
			return
		}
		left = rest
	}
}

// layer distributes a sender's share over its layers, from the lowest up: each
// that fits gets its minimum, then the lower ones are filled first.
func (a *Allocator) layer(s *senderShare) {
	left := s.share
	open, essential := s.served, s.Essential
	for i := range s.Encodings {
		e := &s.Encodings[i]
		r := Allocation{Encoding: e.ID}
		if e.Active {
			r.Bitrate, r.Layers, open = a.stack(e, min(left, e.Max), open, essential)
			left -= r.Bitrate
			essential = false
		}
		for l := range e.Layers {
			a.on[layerKey{e.ID, l}] = l < r.Layers
		}
		before := &a.results[s.first+i]
		r.Changed = r.Bitrate != before.Bitrate || r.Layers != before.Layers
		*before = r
	}
}

// stack gives the layers of one encoding what there is. It reports how many fit,
// and whether those above may have something: a gap would leave a layer that
// nothing carries.
func (a *Allocator) stack(e *Encoding, left Bitrate, open, essential bool) (given Bitrate, layers int, still bool) {
	for l := range e.Layers {
		layer := &e.Layers[l]
		need := layer.Min
		if !a.on[layerKey{e.ID, l}] && (l > 0 || !essential) {
			need = min(need.scale(resumeFactor), layer.Max)
		}
		if !open || left < need && !(essential && l == 0) || left <= 0 {
			return given, layers, false
		}
		part := min(left, layer.Max)
		given += part
		left -= part
		layers++
		open = part == layer.Max
	}
	return given, layers, open
}
