package rtpsession

import "time"

// Bounds of what waits for a description: about a second of one stream.
const (
	maxHeldPackets = 128
	maxHeldBytes   = 128 << 10
	maxHeldTime    = 2 * time.Second
)

// heldPackets keeps packets that overtook the description that explains them (RFC 9429 section 5.9), within bounds: the
// newest are dropped, as decoders need the first.
type heldPackets struct {
	waiting, ready []heldPacket
	bytes          int
}

type heldPacket struct {
	at     time.Time
	packet []byte
}

func (p *heldPackets) keep(now time.Time, packet []byte) {
	for len(p.waiting) > 0 && now.Sub(p.waiting[0].at) > maxHeldTime {
		p.bytes -= len(p.waiting[0].packet)
		p.waiting = p.waiting[1:]
	}
	if len(p.waiting) >= maxHeldPackets || p.bytes+len(packet) > maxHeldBytes {
		return
	}
	p.waiting = append(p.waiting, heldPacket{now, append([]byte(nil), packet...)})
	p.bytes += len(packet)
}

// replay makes all that waits come from next.
func (p *heldPackets) replay() {
	p.ready = append(p.ready, p.waiting...)
	p.waiting, p.bytes = nil, 0
}

func (p *heldPackets) next() (at time.Time, packet []byte, ok bool) {
	if len(p.ready) == 0 {
		return time.Time{}, nil, false
	}
	first := p.ready[0]
	p.ready = p.ready[1:]
	return first.at, first.packet, true
}
