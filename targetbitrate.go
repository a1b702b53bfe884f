package webrtc

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/bandwidth"
)

// TargetBitrate is how much a program should send: what the path to the peer is
// estimated to carry without a queue growing (draft-ietf-rmcat-gcc-02), and what of
// it is for each encoding. Rates are in bit/s of whole packets, with RTP, UDP and IP
// headers.
type TargetBitrate struct {
	// Total is the estimate, over all transports that carry media; 0 while the
	// peer has told nothing.
	Total int
	// Encodings are those that are sent, in the order of GetSenders and of each
	// sender's layers.
	Encodings []EncodingBitrate
}

// EncodingBitrate is the share of one encoding: within its MaxBitrate, by its
// Priority, the small layers of simulcast before the large ones.
type EncodingBitrate struct {
	Sender *RTPSender
	// RID is that of the simulcast layer, or "".
	RID string
	// Bitrate is the share; 0 says that there is nothing left for the encoding, so
	// that it should not be sent.
	Bitrate int
}

// OnTargetBitrate sets the handler that learns how much to send: an encoder
// follows it, an SFU chooses layers by it. It comes while media is sent to a peer
// that reports what arrives (transport-wide feedback, REMB or receiver reports),
// whenever the estimate has changed: a few times a second at most. Whoever does not
// listen sends what it sends; packets in excess are paced, wait up to half a second,
// and are then lost on the path.
//
// Only transport-wide feedback lets probes show that a path carries more than is sent;
// receiver reports hold the estimate to little more than that. An API without a
// MediaEngine of the program's negotiates it. Such an engine needs both the header
// extension (RegisterHeaderExtension, for each kind, with the URI
// "http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01") and the
// feedback (RegisterFeedback, TypeRTCPFBTransportCC).
func (pc *PeerConnection) OnTargetBitrate(f func(TargetBitrate)) { pc.onTargetBitrate.set(f) }

// TargetBitrate returns what OnTargetBitrate told last.
func (pc *PeerConnection) TargetBitrate() TargetBitrate {
	t := *pc.target.Load()
	t.Encodings = append([]EncodingBitrate(nil), t.Encodings...)
	return t
}

// allocation is what one transport's estimate is distributed over. Owned by the
// loop.
type allocation struct {
	allocator bandwidth.Allocator
	encodings []EncodingBitrate // by EncodingID
	target    bandwidth.Bitrate // 0: nothing is known yet
}

// Shares for an encoding to be worth sending, in bit/s: of audio some kilobits of
// voice with its headers, of video the least that browsers send.
const (
	leastAudio = 16 * bandwidth.KilobitPerSecond
	leastVideo = 30 * bandwidth.KilobitPerSecond
)

// distribute takes over what is sent on a transport. On the loop.
func (t *rtpTransport) distribute(now time.Time, senders []*RTPSender) {
	a := &t.allocation
	a.encodings = a.encodings[:0]
	var wanted []bandwidth.Sender
	for _, s := range senders {
		audio := s.owner.kind == RTPCodecTypeAudio
		sender := bandwidth.Sender{Essential: audio}
		for i, f := range s.flows {
			if f.transport != t || f.bound == nil {
				continue
			}
			e := s.encodings[i]
			sender.Encodings = append(sender.Encodings, e.allocation(bandwidth.EncodingID(len(a.encodings)), audio))
			a.encodings = append(a.encodings, EncodingBitrate{Sender: s, RID: e.RID})
		}
		if len(sender.Encodings) > 0 {
			wanted = append(wanted, sender)
		}
	}
	a.allocator.SetSenders(wanted)
	t.out.demand(now, a.demand(wanted))
}

// usualVideo is what browsers send at most of an encoding without a limit.
const (
	usualAudio = 128 * bandwidth.KilobitPerSecond
	usualVideo = 2500 * bandwidth.KilobitPerSecond
)

// demand is what is looked for by probes: what the encodings can use, for those
// without a limit what is usual. More than that is found when it is sent.
func (a *allocation) demand(senders []bandwidth.Sender) bandwidth.Bitrate {
	total := bandwidth.Bitrate(0)
	for _, s := range senders {
		for _, e := range s.Encodings {
			switch {
			case !e.Active:
			case e.Max > 0:
				total += e.Max
			case s.Essential:
				total += usualAudio
			default:
				total += usualVideo
			}
		}
	}
	return total
}

// allocation is the encoding in the terms of the allocator.
func (e RTPEncodingParameters) allocation(id bandwidth.EncodingID, audio bool) bandwidth.Encoding {
	out := bandwidth.Encoding{ID: id, Active: e.Active == nil || *e.Active, Weight: e.Priority.weight(), Min: leastVideo}
	if audio {
		out.Min = leastAudio
	}
	if e.MaxBitrate != nil && *e.MaxBitrate > 0 {
		out.Max = bandwidth.Bitrate(*e.MaxBitrate)
		out.Min = min(out.Min, out.Max)
	}
	return out
}

// weight is the share that a priority stands for (W3C webrtc-priority section 4).
func (p PriorityType) weight() bandwidth.Weight {
	switch p {
	case PriorityTypeVeryLow:
		return bandwidth.VeryLow
	case PriorityTypeMedium:
		return bandwidth.Medium
	case PriorityTypeHigh:
		return bandwidth.High
	}
	return bandwidth.Low
}

// demand tells the estimator what can be used at most.
func (out *rtpOutbound) demand(now time.Time, most bandwidth.Bitrate) {
	out.mu.Lock()
	defer out.mu.Unlock()
	out.estimator.SetDemand(now, most)
}

// distributeBandwidth shares each transport's estimate out over what is sent now.
// On the loop.
func (pc *PeerConnection) distributeBandwidth(now time.Time) {
	var senders []*RTPSender
	for _, t := range pc.transceivers {
		senders = append(senders, t.sender)
	}
	for _, t := range pc.transports {
		if t.dtls.rtp.active {
			t.dtls.rtp.onTarget = pc.targetChanged
			t.dtls.rtp.distribute(now, senders)
		}
	}
}

// targetChanged announces a new estimate. On the loop.
func (pc *PeerConnection) targetChanged(time.Time) {
	var told TargetBitrate
	for _, t := range pc.transports {
		a := &t.dtls.rtp.allocation
		if a.target == 0 {
			continue
		}
		told.Total += int(a.target)
		for _, share := range a.allocator.Allocate(a.target) {
			encoding := a.encodings[share.Encoding]
			encoding.Bitrate = int(share.Bitrate)
			told.Encodings = append(told.Encodings, encoding)
		}
	}
	pc.target.publish(pc.loop, &told)
	pc.onTargetBitrate.emit(pc.loop, told)
}
