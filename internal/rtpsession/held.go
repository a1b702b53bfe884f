package rtpsession

import "time"

// Bounds of what waits for a description: about a second of one stream.
const (
	maxHeldPackets = 128
	maxHeldBytes   = 128 << 10
	maxHeldTime    = 2 * time.Second
)

// heldPackets keeps packets that overtook what explains them: a description (RFC 9429 section 5.9), or another packet that
// names their m-section or layer. It is bounded: the newest are dropped, as decoders need the first.
type heldPackets struct {
	waiting, ready []heldPacket
	bytes          int // of those that wait
}

type heldPacket struct {
	at     time.Time
	ssrc   SSRC
	packet []byte
}

func (p *heldPackets) keep(now time.Time, ssrc SSRC, packet []byte) {
	p.expire(now)
	if len(p.waiting) >= maxHeldPackets || p.bytes+len(packet) > maxHeldBytes {
		return
	}
	p.waiting = append(p.waiting, heldPacket{now, ssrc, append([]byte(nil), packet...)})
	p.bytes += len(packet)
}

// take takes packets out of those that wait: ready makes them come from next, otherwise they are gone.
func (p *heldPackets) take(which func(heldPacket) bool, ready bool) {
	kept := p.waiting[:0]
	for _, w := range p.waiting {
		if !which(w) {
			kept = append(kept, w)
			continue
		}
		p.bytes -= len(w.packet)
		if ready {
			p.ready = append(p.ready, w)
		}
	}
	clear(p.waiting[len(kept):])
	p.waiting = kept
}

// expire lets go of what has waited too long.
func (p *heldPackets) expire(now time.Time) {
	if len(p.waiting) > 0 && now.Sub(p.waiting[0].at) > maxHeldTime {
		p.take(func(w heldPacket) bool { return now.Sub(w.at) > maxHeldTime }, false)
	}
}

// replay makes all that waits come from next.
func (p *heldPackets) replay(now time.Time) {
	p.expire(now)
	p.take(func(heldPacket) bool { return true }, true)
}

// replayOf makes what waits of one SSRC come from next.
func (p *heldPackets) replayOf(now time.Time, ssrc SSRC) {
	if len(p.waiting) == 0 {
		return
	}
	p.expire(now)
	p.take(func(w heldPacket) bool { return w.ssrc == ssrc }, true)
}

// deadline is when the oldest packet has waited long enough, zero while none waits.
func (p *heldPackets) deadline() time.Time {
	if len(p.waiting) == 0 {
		return time.Time{}
	}
	return p.waiting[0].at.Add(maxHeldTime + 1)
}

func (p *heldPackets) next() (at time.Time, packet []byte, ok bool) {
	if len(p.ready) == 0 {
		p.ready = nil
		return time.Time{}, nil, false
	}
	first := p.ready[0]
	p.ready[0] = heldPacket{}
	p.ready = p.ready[1:]
	return first.at, first.packet, true
}
