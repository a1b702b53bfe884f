package sctp

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"
)

// A conversation in small messages goes on while the path changes under it at any
// moment, of either end, over losses: no message waits longer than a few timeouts.
func TestAConversationGoesOnWhileThePathChanges(t *testing.T) {
	const (
		messages = 300
		limit    = 20 * time.Second // at a loss of one in ten, RTO.Max being 3 s
	)
	for seed := range uint64(60) {
		random := rand.New(rand.NewPCG(seed, 9))
		r := connected(t, path{delay: 5 * time.Millisecond, jitter: 10 * time.Millisecond, duplicate: 0.02}, seed)
		for id := range StreamID(3) {
			r.open(id, reliable)
		}
		r.path.loss = 0.1
		for n := range messages {
			from, to := r.a, r.b
			if random.IntN(2) == 0 {
				from, to = to, from
			}
			payload := numbered(n, 1+random.IntN(1500))
			r.message(from, StreamID(n%3), payload)
			for _, e := range []*end{r.a, r.b} {
				if random.IntN(6) == 0 {
					r.path.delay = time.Duration(1+random.IntN(100)) * time.Millisecond
					e.PathChanged(r.now, []int{0, 1400}[random.IntN(2)])
					r.drain(e)
				}
			}
			r.until("a message", limit, func() bool {
				return len(to.got) > 0 && bytes.Equal(to.got[len(to.got)-1].Payload, payload)
			})
			if random.IntN(4) == 0 { // what is outstanding is acknowledged, timers end
				r.run(time.Duration(random.IntN(3000))*time.Millisecond, func() bool { return false })
			}
		}
		r.until("the last acknowledgements", limit, func() bool { return r.a.out.Empty() && r.b.out.Empty() })
	}
}
