package ice

import (
	"encoding/binary"
	"time"
)

// consentExpiry is how long a valid answer permits to send (RFC 7675 section
// 5.1).
const consentExpiry = 30 * time.Second

// keepalives sends the consent requests that are due: on the pair that carries
// data, and, until its generation has selected, on each valid pair, whose NAT
// bindings nomination will need. They double as keepalives (RFC 8445 section
// 11, RFC 7675 section 4). Each is a transaction of its own, never retransmitted.
func (a *Agent) keepalives(now time.Time) {
	for _, g := range a.generations() {
		if g == nil || g.stopped {
			continue
		}
		for _, p := range g.pairs {
			if !g.keptAlive(p) || !due(now, p.nextKeepalive) {
				continue
			}
			if p != g.selected && due(now, p.lastResponse.Add(consentExpiry)) {
				g.release(p, PairFailed)
				p.nextKeepalive = time.Time{}
				continue
			}
			if a.cfg.Lite {
				a.indicate(now, g, p)
				continue
			}
			p.stats.ConsentRequestsSent++
			g.letBe(p, a.request(now, g, p, consentRequest))
			p.nextKeepalive = now.Add(a.keepaliveRetry(p))
		}
	}
}

func (g *generation) keptAlive(p *pair) bool {
	return p.state == PairSucceeded && !p.nextKeepalive.IsZero() && (g.selected == nil || g.selected == p)
}

// keepaliveRetry is how long a consent request waits for its answer until the
// next one goes out, so that a few lost datagrams do not look like a dead path.
func (a *Agent) keepaliveRetry(p *pair) time.Duration {
	return max(2*p.stats.CurrentRoundTripTime, min(defaultRTO, a.cfg.KeepaliveInterval))
}

// keepaliveAfter draws when the next request follows an answer, 0.8 to 1.2
// intervals away (RFC 7675 section 5.1). Time-outs run from answers, so this
// does not blur them.
func (a *Agent) keepaliveAfter(now time.Time) time.Time {
	var b [4]byte
	randomBytes(a.cfg.Random, b[:])
	interval := float64(a.cfg.KeepaliveInterval)
	spread := float64(binary.BigEndian.Uint32(b[:])) / (1 << 32)
	return now.Add(time.Duration(interval * (0.8 + 0.4*spread)))
}

// expireConsent takes the right to send away from a pair that has not answered
// for 30 s. These credentials must not be used on it again (RFC 7675 section
// 5.1), so its generation stops. It reports whether that happened.
func (a *Agent) expireConsent(now time.Time) bool {
	g, p := a.carrier()
	if p == nil || now.Before(p.lastResponse.Add(consentExpiry)) {
		return false
	}
	a.events.push(&ConsentLost{p.report()})
	g.stop()
	if g == a.previous {
		a.dropPrevious()
	}
	return true
}

func (a *Agent) generations() [2]*generation { return [2]*generation{a.current, a.previous} }
