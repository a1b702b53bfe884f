package webrtc

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/bandwidth"
	"github.com/passerelle-rtc/webrtc/internal/netio"
	"github.com/passerelle-rtc/webrtc/internal/rtpsession"
)

// Pacing and the estimate of the path, which belong to the sending lane. Packets
// with transport-wide numbers are paced from the first on. A peer that has
// negotiated feedback and sends none is not worth the delay: after feedbackPatience
// packets leave at once, until some comes.

// pacedPacket is a packet on its way through the pacer. It owns the buffer.
type pacedPacket struct {
	packet rtpsession.OutPacket
	buffer *netio.Buffer
}

func (p pacedPacket) release() { p.buffer.Release() }

// pacerLimit is how long a packet may wait: longer than it takes to spread a
// keyframe, and short enough for a call to go on when a program sends more than
// the path takes.
const pacerLimit = 500 * time.Millisecond

// feedbackPatience is how long the first feedback may take: some intervals of it,
// and a round trip around the world.
const feedbackPatience = time.Second

// ipOverhead is what the headers of UDP and IPv4 add: the path's rate is of whole
// packets.
const ipOverhead = 28

// start makes the machines. They cost little until there is media.
func (out *rtpOutbound) start(now time.Time) {
	out.estimator = bandwidth.NewEstimator(now, bandwidth.Config{})
	out.pacer = bandwidth.NewPacer[pacedPacket](now, bandwidth.PacerConfig{Limit: pacerLimit})
}

// steer leaves the path to a congestion controller of the program's, which has
// numbered a packet: from now on there is neither a pacer nor an estimate here.
// out.mu is held.
func (out *rtpOutbound) steer(o *outbound) {
	if !out.steered {
		out.steered, out.paced = true, false
		out.unpace(o, true)
	}
}

// pace gives a packet to the pacer, or lets it leave with the next drain. out.mu is
// held.
func (out *rtpOutbound) pace(o *outbound, p rtpsession.OutPacket, buffer *netio.Buffer) {
	paced := pacedPacket{p, buffer}
	if !out.steered && out.patience.IsZero() && p.Stream.Format().TransportCC {
		out.patience, out.paced = o.now.Add(feedbackPatience), true
	}
	if !out.paced {
		out.depart(o, &paced.packet, buffer, 0)
		return
	}
	ok := out.pacer.Enqueue(o.now, bandwidth.Packet[pacedPacket]{
		Stream: bandwidth.StreamID(p.Stream.SSRC), Kind: kindOf(&p), Size: len(p.Data) + ipOverhead, Value: paced,
	})
	if !ok {
		buffer.Release()
	}
}

func kindOf(p *rtpsession.OutPacket) bandwidth.Kind {
	switch {
	case p.Padding:
		return bandwidth.Padding
	case p.Retransmission:
		return bandwidth.Retransmission
	case p.Stream.User.(*sentStream).encoding.sender.owner.kind == RTPCodecTypeAudio:
		return bandwidth.Audio
	}
	return bandwidth.Video
}

// drain sends what the pacer lets go, and returns when it has more. out.mu is held.
func (out *rtpOutbound) drain(o *outbound) time.Time {
	for out.paced {
		release, ok := out.pacer.Next(o.now)
		if !ok {
			break
		}
		if release.Padding > 0 {
			out.pad(o, release.Padding, release.Probe)
			continue
		}
		out.depart(o, &release.Value.packet, release.Value.buffer, release.Probe)
	}
	out.end(o)
	return out.due()
}

// pad sends about so many bytes of packets that only probe. out.mu is held.
func (out *rtpOutbound) pad(o *outbound, size int, probe bandwidth.ProbeID) {
	if out.steered {
		return
	}
	for size > 0 {
		buffer := netio.GetBuffer()
		packet, ok := out.sender.Padding(o.now, buffer.Cap()[:0:o.room()], size)
		if !ok {
			buffer.Release()
			return
		}
		size -= len(packet.Data) + ipOverhead
		out.depart(o, &packet, buffer, probe)
	}
}

// departed tells the estimator of a packet, unless the program steers, which then hears
// of no feedback either. out.mu is held.
func (out *rtpOutbound) departed(now time.Time, p *rtpsession.OutPacket, seq uint16, numbered bool, size int, probe bandwidth.ProbeID) {
	if out.steered {
		return
	}
	out.estimator.Sent(now, bandwidth.SentPacket{
		Seq: seq, Unnumbered: !numbered, Size: size + ipOverhead, Kind: kindOf(p), Probe: probe,
	})
}

// handleTransportFeedback takes a message of transport-wide feedback. out.mu is
// held.
func (out *rtpOutbound) handleTransportFeedback(now time.Time, packet []byte) {
	if out.steered {
		return
	}
	out.results = out.results[:0]
	err := out.feedback.Read(packet, func(seq uint16, received bool, arrival time.Duration) {
		out.results = append(out.results, bandwidth.PacketResult{Seq: seq, Received: received, Arrival: arrival})
	})
	if err == nil {
		out.estimator.HandleFeedback(now, out.results)
	}
}

// handleReports takes what receiver reports and REMB say of the path. out.mu is
// held.
func (out *rtpOutbound) handleReports(now time.Time) {
	if out.steered {
		return
	}
	if expected, lost := out.sender.TakeLoss(); expected > 0 {
		out.estimator.HandleLoss(now, expected, lost)
	}
	if rtt := out.sender.RTT(); rtt > 0 {
		out.estimator.HandleRTT(now, rtt)
	}
	if limit, ok := out.sender.TakeREMB(); ok {
		out.estimator.HandleREMB(now, bandwidth.Bitrate(limit))
	}
}

// follow moves what the estimator has found into the pacer, and returns the target
// if it has changed. out.mu is held.
func (out *rtpOutbound) follow(now time.Time) (target bandwidth.Bitrate, changed bool) {
	for probe, ok := out.estimator.NextProbe(); ok; probe, ok = out.estimator.NextProbe() {
		out.pacer.Probe(now, probe)
	}
	for event, ok := out.estimator.NextEvent(); ok; event, ok = out.estimator.NextEvent() {
		target, changed = event.Target, true
		out.pacer.SetTarget(now, event.Target)
	}
	stats := out.estimator.Stats()
	out.heard = stats.Received > 0
	out.paced = out.heard || now.Before(out.patience)
	out.pacer.SetPadding(out.sender.CanPad())
	return target, changed
}

// drive advances the estimate and sends what is due, and tells the loop of a new
// target. Any goroutine.
func (t *rtpTransport) drive(now time.Time) {
	o, ok := t.begin(now)
	out := &t.out
	out.mu.Lock()
	if out.steered {
		out.mu.Unlock()
		return
	}
	if ok && o.path.traffic != out.route {
		if out.route != nil {
			out.estimator.HandleRouteChange(now)
		}
		out.route = o.path.traffic
	}
	out.estimator.Advance(now)
	wasPaced := out.paced
	target, changed := out.follow(now)
	if wasPaced && !out.paced {
		out.unpace(&o, ok)
	}
	at := time.Time{}
	if ok {
		at = out.drain(&o)
	} else {
		at = out.due()
	}
	out.mu.Unlock()
	o.flush()
	if changed {
		t.loop.Post(func(now time.Time) { t.targetChanged(now, target) })
	}
	t.rouse(at)
}

// unpace lets all that waits in the pacer go, as no feedback comes. out.mu is held.
func (out *rtpOutbound) unpace(o *outbound, usable bool) {
	for _, s := range out.sender.Streams() {
		out.pacer.Remove(bandwidth.StreamID(s.SSRC), func(p pacedPacket) {
			if usable {
				out.depart(o, &p.packet, p.buffer, 0)
				return
			}
			p.release()
		})
	}
}
