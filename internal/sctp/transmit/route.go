package transmit

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/transmit/congestion"
)

// PathChanged tells that packets take another path from now on. "If such a routing
// change happens, the congestion control parameters for the affected destination
// addresses MUST be reset to their initial values" (RFC 9260 section 7.2.5.2); the RTO
// is that of an address nothing was measured of (section 6.3.1 C1), and the search for
// the path MTU begins at the base, up to maxMTU. What is under way stays so.
func (q *Queue) PathChanged(at time.Time, maxMTU int) {
	now := q.since(at)
	q.config.MaxMTU = maxMTU
	q.mtu = q.config.MTU &^ 3
	q.prober.Restart(maxMTU)
	q.hole = blackHole{order: q.order}
	q.control = congestion.New(q.config.Congestion, q.room())
	q.pacer = congestion.Pacer{}
	q.rto.restart()
	q.route = q.order + 1
	q.roundTrip = q.route
	if q.t3 != never {
		q.t3 = min(q.t3, now+q.rto.timeout())
	}
}
