package bandwidth

import "time"

// advanceProbe ends the probe at the front when all of it is sent, or when
// nothing to send came for too long, and begins the next.
func (p *Pacer[T]) advanceProbe(now time.Duration) {
	front, state := &p.probes[0], &p.probing
	switch {
	case state.active && state.packets >= front.Packets && state.bytes >= front.Bytes:
		p.endProbe(now)
	case state.active && now-state.began > probePatience, !state.active && now-state.asked > probePatience:
		p.endProbe(now)
	}
	if p.waiting > 0 && !p.probing.active && (p.padding || p.packets > 0) {
		p.probing = probing{active: true, began: now, asked: p.probing.asked}
	}
}

func (p *Pacer[T]) endProbe(now time.Duration) {
	copy(p.probes[:], p.probes[1:p.waiting])
	p.waiting--
	p.probing = probing{asked: now}
}

// probeDue is when the next packet of the probe leaves: what was sent has taken
// its time at the probe's rate, in whole chunks.
func (p *Pacer[T]) probeDue() time.Duration {
	rate, sent := p.probes[0].Bitrate, p.probing.bytes
	chunk := max(rate.Bytes(probeChunk), 1)
	return p.probing.began + rate.Duration(sent/chunk*chunk)
}

// pad asks for padding, of which a probe has as many packets as it needs.
func (p *Pacer[T]) pad() Release[T] {
	if !p.padding {
		return Release[T]{}
	}
	front := &p.probes[0]
	size := max(1, min(front.Bytes/max(front.Packets, 1)+1, paddingMost))
	r := Release[T]{Packet: Packet[T]{Kind: Padding, Size: size}, Padding: size}
	r.Probe = p.spend(size)
	return r
}
