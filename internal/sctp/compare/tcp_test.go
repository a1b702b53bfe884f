package compare

import (
	"encoding/binary"
	"math"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// A model of TCP: bulk data from one end to the other in segments of 1,448 bytes, as
// over Ethernet with timestamps. CUBIC (RFC 9438) counted in segments, HyStart++ (RFC
// 9406), SACK with three blocks, RACK (RFC 8985), an RTO of at least 200 ms, delayed
// acknowledgements. It shares no code with internal/sctp. The handshake is not part of
// it: it begins with ten segments (RFC 6928) after one round trip.
const (
	segmentPayload = 1448
	// Headers of IP and TCP are 52 bytes, those of IP and UDP, which simnet adds, 28.
	segmentSize = segmentPayload + 52 - 28
	ackSize     = 52 + 28 - 28
)

// tcpSegment is one that is not cumulatively acknowledged.
type tcpSegment struct {
	at                   time.Time
	order                int
	sacked, lost, resent bool
}

type tcpSender struct {
	endpoint
	mu   sync.Mutex
	done bool

	una, next int
	window    []tcpSegment // una to next
	order     int
	pipe      int

	cwnd, ssthresh float64
	wmax, k, west  float64
	epoch          time.Time

	srtt, rttvar, minRTT, rto time.Duration
	rackAt                    time.Time
	rackOrder                 int
	rackRTT                   time.Duration
	reordered                 bool
	sacks                     int
	recovering                bool
	recover                   int

	// HyStart++.
	roundEnd, samples, slowRounds int
	roundRTT, lastRTT, baseRTT    time.Duration
	slow                          bool

	timer *time.Timer
	reo   time.Time
	rtoAt time.Time
	pto   time.Time
	debt  float64
	paced time.Time
}

func newTCPSender(e endpoint) *tcpSender {
	s := &tcpSender{endpoint: e, cwnd: 10, ssthresh: 1e9, rto: time.Second, paced: time.Now()}
	s.timer = time.AfterFunc(time.Hour, s.tick)
	return s
}

func (s *tcpSender) transmit(now time.Time, i int) []byte {
	g := &s.window[i-s.una]
	s.order++
	g.at, g.order = now, s.order
	s.pipe++
	b := make([]byte, segmentSize)
	binary.BigEndian.PutUint32(b, uint32(i))
	return b
}

// rate is Linux's pacing rate, in segments a second.
func (s *tcpSender) rate() float64 {
	if s.srtt == 0 {
		return 0
	}
	gain := 1.2
	if s.cwnd < s.ssthresh/2 {
		gain = 2
	}
	return gain * s.cwnd / s.srtt.Seconds()
}

func (s *tcpSender) blocked(now time.Time) bool {
	rate := s.rate()
	if rate == 0 {
		return false
	}
	s.debt = max(0, s.debt-now.Sub(s.paced).Seconds()*rate)
	s.paced = now
	return s.debt >= max(10, rate*0.005)
}

// pump sends what may be sent.
func (s *tcpSender) pump(now time.Time, probe bool) {
	var out [][]byte
	paced := false
	scan := s.una
	for s.pipe < int(s.cwnd) || probe {
		if paced = s.blocked(now) && !probe; paced {
			break
		}
		i := s.next
		for ; scan < s.next; scan++ {
			if s.window[scan-s.una].lost {
				i = scan
				break
			}
		}
		if i == s.next {
			s.window = append(s.window, tcpSegment{})
			s.next++
		} else {
			s.window[i-s.una].lost = false
			s.window[i-s.una].resent = true
			if i == s.una {
				s.rtoAt = now.Add(s.rto)
			}
		}
		out = append(out, s.transmit(now, i))
		s.debt++
		probe = false
	}
	if s.rtoAt.IsZero() {
		s.rtoAt = now.Add(s.rto)
	}
	s.pto = time.Time{}
	if !s.recovering && s.srtt > 0 && s.sacks == 0 {
		s.pto = now.Add(2 * s.srtt)
	}
	if len(out) > 0 {
		s.send(out...)
	}
	due := s.rtoAt
	for _, t := range []time.Time{s.reo, s.pto} {
		if !t.IsZero() && t.Before(due) {
			due = t
		}
	}
	if paced {
		if t := now.Add(time.Millisecond); t.Before(due) {
			due = t
		}
	}
	s.timer.Reset(max(due.Sub(now), time.Microsecond))
}

func (s *tcpSender) tick() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.done {
		return
	}
	now := time.Now()
	if !s.reo.IsZero() && !now.Before(s.reo) {
		s.detect(now)
	}
	probe := !s.pto.IsZero() && !now.Before(s.pto)
	if !now.Before(s.rtoAt) {
		for i := range s.window {
			if g := &s.window[i]; !g.sacked && !g.lost {
				g.lost = true
			}
		}
		s.pipe = 0
		if !s.recovering || s.recover < s.next {
			s.ssthresh = max(2, s.cwnd*0.7)
		}
		s.cwnd, s.wmax = 1, 0
		s.epoch = time.Time{}
		s.recovering, s.recover = false, s.next
		s.rto = min(2*s.rto, time.Minute)
		s.rtoAt = now.Add(s.rto)
		probe = false
	}
	s.pump(now, probe)
}

// acknowledge takes an ACK: what is expected next, and three blocks.
func (s *tcpSender) acknowledge(now time.Time, b []byte) {
	ack := int(binary.BigEndian.Uint32(b))
	if ack < s.una || ack > s.next {
		return
	}
	delivered := 0
	var newest tcpSegment
	take := func(g *tcpSegment, i int) {
		if g.sacked {
			return
		}
		g.sacked = true
		delivered++
		if !g.lost {
			s.pipe--
		}
		g.lost = false
		if g.resent && now.Sub(g.at) < s.minRTT {
			return
		}
		if g.order > newest.order {
			newest = *g
		}
		if !g.resent && g.order < s.rackOrder && s.rackOrder > 0 {
			s.reordered = true
		}
	}
	advanced := ack > s.una
	for i := s.una; i < ack; i++ {
		if s.window[i-s.una].sacked {
			s.sacks--
		}
		take(&s.window[i-s.una], i)
	}
	s.window = s.window[ack-s.una:]
	s.una = ack
	for n := range 3 {
		first, last := int(binary.BigEndian.Uint32(b[4+8*n:])), int(binary.BigEndian.Uint32(b[8+8*n:]))
		for i := max(first, s.una); i < min(last, s.next); i++ {
			if !s.window[i-s.una].sacked {
				s.sacks++
			}
			take(&s.window[i-s.una], i)
		}
	}
	if newest.order > s.rackOrder {
		s.rackOrder, s.rackAt, s.rackRTT = newest.order, newest.at, now.Sub(newest.at)
	}
	if newest.order > 0 && !newest.resent {
		s.measure(now.Sub(newest.at))
		s.hystart(newest.order, now.Sub(newest.at))
	}
	if advanced {
		s.rtoAt = now.Add(s.rto)
	}
	if s.recovering && s.una >= s.recover {
		s.recovering = false
	}
	if delivered > 0 {
		s.detect(now)
		if !s.recovering {
			s.grow(now, float64(delivered))
		}
	}
	s.pump(now, false)
}

func (s *tcpSender) measure(rtt time.Duration) {
	if s.srtt == 0 {
		s.srtt, s.rttvar, s.minRTT = rtt, rtt/2, rtt
	}
	s.minRTT = min(s.minRTT, rtt)
	s.rttvar += ((s.srtt - rtt).Abs() - s.rttvar) / 4
	s.srtt += (rtt - s.srtt) / 8
	s.rto = s.srtt + max(4*s.rttvar, 200*time.Millisecond)
}

// detect is RACK.
func (s *tcpSender) detect(now time.Time) {
	s.reo = time.Time{}
	if s.sacks == 0 && !s.recovering && s.rackOrder == 0 {
		return
	}
	wait := min(s.minRTT/4, s.srtt)
	if !s.reordered && (s.recovering || s.sacks >= 3) {
		wait = 0
	}
	lost := false
	for i := range s.window {
		g := &s.window[i]
		if g.sacked || g.lost || g.order >= s.rackOrder {
			continue
		}
		if left := g.at.Add(s.rackRTT + wait).Sub(now); left > 0 {
			if t := now.Add(left); s.reo.IsZero() || t.After(s.reo) {
				s.reo = t
			}
			continue
		}
		g.lost = true
		s.pipe--
		lost = true
	}
	if lost && !s.recovering && s.una >= s.recover {
		s.recovering, s.recover = true, s.next
		if s.cwnd < s.wmax {
			s.wmax = s.cwnd * 0.85
		} else {
			s.wmax = s.cwnd
		}
		s.cwnd = max(2, s.cwnd*0.7)
		s.ssthresh = s.cwnd
		s.epoch = time.Time{}
	}
}

// grow is slow start and CUBIC.
func (s *tcpSender) grow(now time.Time, acked float64) {
	if s.cwnd < s.ssthresh {
		if s.slow {
			acked /= 4
		}
		s.cwnd = min(s.cwnd+acked, s.ssthresh)
		return
	}
	if s.epoch.IsZero() {
		s.epoch, s.west, s.k = now, s.cwnd, 0
		if s.wmax > s.cwnd {
			s.k = math.Cbrt((s.wmax - s.cwnd) / 0.4)
		} else {
			s.wmax = s.cwnd
		}
	}
	t := now.Sub(s.epoch).Seconds()
	s.west += acked / s.cwnd * 3 * 0.3 / 1.7
	at := func(t float64) float64 { return 0.4*math.Pow(t-s.k, 3) + s.wmax }
	if at(t) < s.west {
		s.cwnd = max(s.cwnd, s.west)
		return
	}
	target := min(max(at(t+s.srtt.Seconds()), s.cwnd), 1.5*s.cwnd)
	s.cwnd += (target - s.cwnd) / s.cwnd * acked
}

func (s *tcpSender) hystart(order int, rtt time.Duration) {
	if s.cwnd >= s.ssthresh || s.ssthresh < 1e9 {
		return
	}
	if order >= s.roundEnd {
		if s.slow {
			if s.slowRounds++; s.slowRounds >= 5 {
				s.ssthresh = s.cwnd
			}
		}
		s.roundEnd, s.lastRTT, s.roundRTT, s.samples = s.order, s.roundRTT, 0, 0
	}
	if s.samples++; s.roundRTT == 0 || rtt < s.roundRTT {
		s.roundRTT = rtt
	}
	if s.samples < 8 || s.lastRTT == 0 {
		return
	}
	threshold := min(max(s.lastRTT/8, 4*time.Millisecond), 16*time.Millisecond)
	switch {
	case s.slow && s.roundRTT < s.baseRTT:
		s.slow, s.slowRounds = false, 0
	case !s.slow && s.roundRTT >= s.lastRTT+threshold:
		s.slow, s.slowRounds, s.baseRTT = true, 0, s.roundRTT
	}
}

// tcpReceiver acknowledges every second segment, and at once what is out of order.
type tcpReceiver struct {
	endpoint
	next    int
	ahead   [][2]int // first and after the last, the newest first
	pending int
	bytes   atomic.Uint64
}

func (r *tcpReceiver) take(packets [][]byte) {
	for _, p := range packets {
		i := int(binary.BigEndian.Uint32(p))
		switch {
		case i == r.next:
			r.next++
			r.pending++
			for n := 0; n < len(r.ahead); n++ {
				if r.ahead[n][0] <= r.next && r.next <= r.ahead[n][1] {
					r.next = r.ahead[n][1]
					r.ahead = append(r.ahead[:n], r.ahead[n+1:]...)
					n = -1
					r.pending = 2
				}
			}
			r.bytes.Store(uint64(r.next) * segmentPayload)
		case i > r.next:
			r.add(i)
			r.pending = 2
		default:
			r.pending = 2
		}
		if r.pending >= 2 || len(r.ahead) > 0 {
			r.answer()
		}
	}
}

// add notes a segment that is out of order; its block becomes the first.
func (r *tcpReceiver) add(i int) {
	block := [2]int{i, i + 1}
	kept := r.ahead[:0]
	for _, b := range r.ahead {
		if b[1] < block[0] || b[0] > block[1] {
			kept = append(kept, b)
			continue
		}
		block = [2]int{min(b[0], block[0]), max(b[1], block[1])}
	}
	r.ahead = append([][2]int{block}, kept...)
}

func (r *tcpReceiver) answer() {
	r.pending = 0
	b := make([]byte, ackSize)
	binary.BigEndian.PutUint32(b, uint32(r.next))
	for n, block := range r.ahead[:min(3, len(r.ahead))] {
		binary.BigEndian.PutUint32(b[4+8*n:], uint32(block[0]))
		binary.BigEndian.PutUint32(b[8+8*n:], uint32(block[1]))
	}
	r.send(b)
}

type tcpFlow struct {
	s *tcpSender
	r *tcpReceiver
}

func newTCPFlow(_ testing.TB, a, b endpoint) flow {
	f := &tcpFlow{newTCPSender(a), &tcpReceiver{endpoint: b}}
	go f.r.receive(f.r.take)
	go f.s.receive(func(packets [][]byte) {
		f.s.mu.Lock()
		defer f.s.mu.Unlock()
		for _, p := range packets {
			if !f.s.done {
				f.s.acknowledge(time.Now(), p)
			}
		}
	})
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	f.s.pump(time.Now(), false)
	return f
}

func (f *tcpFlow) received() uint64 { return f.r.bytes.Load() }

func (f *tcpFlow) close() {
	f.s.mu.Lock()
	defer f.s.mu.Unlock()
	f.s.done = true
	f.s.timer.Stop()
}
