package transmit

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

const (
	// holeTimeouts is how many timeouts in a row make the path MTU doubtful, whatever the
	// chunks' size, and holeLosses how often in a row chunks get lost that only fit packets
	// above the base (RFC 8899 section 4.3).
	holeTimeouts = 2
	holeLosses   = 3
)

// blackHole watches for packets that get lost for their size.
type blackHole struct {
	timeouts int // T3-rtx expiries since anything was delivered
	// losses is how often large chunks got lost since one was delivered, once for all that
	// were sent before the last time: one congested moment is one loss.
	losses int
	order  uint64 // the newest packet at that time
	lost   bool   // another one, which is counted with the next news of the path
}

// large tells whether a chunk fits no packet of the base.
func (q *Queue) large(c *sent) bool {
	return q.out.bytes(c) > q.config.MTU&^3-chunk.PacketHeaderSize
}

// holeLost notes a chunk that is found lost.
func (q *Queue) holeLost(c *sent) {
	if q.hole.lost || c.order <= q.hole.order || q.mtu == q.config.MTU&^3 {
		return
	}
	q.hole.lost = q.large(c)
}

// holeDelivered notes what a SACK acknowledges for the first time. What was abandoned is
// acknowledged too, and says nothing.
func (q *Queue) holeDelivered(now time.Duration, p *progress) {
	if p.bytes == 0 {
		return
	}
	q.hole.timeouts = 0
	if p.large {
		q.hole.losses, q.hole.lost = 0, false
		return
	}
	q.countHole(now)
}

// holeTimeout notes an expiry of T3-rtx.
func (q *Queue) holeTimeout(now time.Duration) {
	q.hole.timeouts++
	q.countHole(now)
}

// countHole goes back to the base when there seems to be a black hole.
func (q *Queue) countHole(now time.Duration) {
	h := &q.hole
	if h.lost {
		h.losses++
		h.order, h.lost = q.order, false
	}
	if q.prober.Size() > q.config.MTU&^3 && (h.timeouts >= holeTimeouts || h.losses >= holeLosses) {
		q.prober.BlackHole(now)
		q.setMTU(q.prober.Size())
		q.hole = blackHole{order: q.order}
	}
}
