package transmit

import (
	"bytes"
	"container/heap"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
)

// world is virtual time with events.
type world struct {
	now    time.Duration
	events events
	count  uint64
}

type event struct {
	at  time.Duration
	seq uint64
	do  func()
}

type events []event

func (e events) Len() int { return len(e) }
func (e events) Less(i, j int) bool {
	return e[i].at < e[j].at || e[i].at == e[j].at && e[i].seq < e[j].seq
}
func (e events) Swap(i, j int) { e[i], e[j] = e[j], e[i] }
func (e *events) Push(x any)   { *e = append(*e, x.(event)) }
func (e *events) Pop() any {
	old := *e
	x := old[len(old)-1]
	old[len(old)-1] = event{}
	*e = old[:len(old)-1]
	return x
}

func (w *world) after(d time.Duration, do func()) {
	w.count++
	heap.Push(&w.events, event{w.now + d, w.count, do})
}

// run lets time pass until end, or until stop says so.
func (w *world) run(end time.Duration, stop func() bool) {
	for len(w.events) > 0 && w.events[0].at <= end && (stop == nil || !stop()) {
		e := heap.Pop(&w.events).(event)
		w.now = e.at
		e.do()
	}
	if stop == nil || !stop() {
		w.now = max(w.now, end)
	}
}

// pipe is one direction of a path.
type pipe struct {
	w         *world
	delay     time.Duration
	bandwidth float64 // bit/s; 0: without limit
	queue     time.Duration
	loss      float64
	jitter    time.Duration // reorders
	duplicate float64
	overhead  int
	rng       *rand.Rand
	busy      time.Duration
	dropped   int
	sent      int
}

// send carries n bytes and calls deliver when they arrive.
func (p *pipe) send(n int, deliver func()) {
	p.sent++
	lost := p.rng.Float64() < p.loss
	at := p.w.now
	if p.bandwidth > 0 {
		at = max(at, p.busy)
		if at-p.w.now > p.queue {
			p.dropped++
			return
		}
		at += time.Duration(float64(n+p.overhead) * 8 / p.bandwidth * float64(time.Second))
		p.busy = at
	}
	if lost {
		p.dropped++
		return
	}
	at += p.delay
	if p.jitter > 0 {
		at += time.Duration(p.rng.Int64N(int64(p.jitter)))
	}
	p.w.after(at-p.w.now, deliver)
	if p.duplicate > 0 && p.rng.Float64() < p.duplicate {
		p.w.after(at-p.w.now+time.Duration(p.rng.Int64N(int64(time.Millisecond))), deliver)
	}
}

// flow is a Queue and its peer on a path.
type flow struct {
	t          testing.TB
	w          *world
	q          *Queue
	p          *peer
	data, ack  *pipe
	keep       bool
	mtu        int // larger packets are lost
	invariants bool
	timer      time.Duration
	feed       func(now time.Time)
}

// saturate keeps so many bytes of messages waiting on stream 1, and begins to send.
func (f *flow) saturate(waiting uint64, message []byte) {
	f.feed = func(now time.Time) {
		for f.q.waiting() < waiting {
			f.q.Send(now, 1, 53, message)
		}
	}
	f.pump()
}

func newFlow(t testing.TB, cfg Config, data, ack pipe, seed uint64) *flow {
	w := &world{}
	f := &flow{t: t, w: w, q: New(start, cfg), p: newPeer(cfg.InitialTSN, cfg.PeerWindow), mtu: 1 << 16}
	for i, p := range []*pipe{&data, &ack} {
		p.w = w
		p.rng = rand.New(rand.NewPCG(seed, uint64(i)))
	}
	f.data, f.ack = &data, &ack
	return f
}

func (f *flow) time() time.Time { return start.Add(f.w.now) }

// pump sends what may be sent, and sets the timer.
func (f *flow) pump() {
	if f.feed != nil {
		f.feed(f.time())
	}
	for {
		b := bytes.Clone(f.q.AppendInPlace(f.time(), make([]byte, chunk.PacketHeaderSize, f.q.MTU())))
		if len(b) == chunk.PacketHeaderSize {
			var ok bool
			if b, ok = f.q.AppendProbe(f.time(), b); !ok {
				break
			}
		}
		if len(b) > f.mtu {
			continue
		}
		f.data.send(len(b), func() {
			must(f.t, f.p.receive(f.w.now, b, f.keep))
			f.answer()
			if f.p.delayed > 0 {
				f.w.after(f.p.delayed-f.w.now, f.answer)
			}
		})
	}
	if f.invariants {
		must(f.t, f.q.CheckInvariants())
	}
	due := f.q.Deadline()
	if due.IsZero() {
		return
	}
	at := due.Sub(start)
	if at <= f.w.now {
		f.t.Fatalf("the deadline is %v, now is %v", at, f.w.now)
	}
	if f.timer > f.w.now && f.timer <= at {
		return
	}
	f.timer = at
	f.w.after(at-f.w.now, func() {
		if f.timer != f.w.now {
			return
		}
		f.q.Advance(f.time())
		f.pump()
	})
}

// answer sends a SACK back where one is due.
func (f *flow) answer() {
	if info := f.p.heartbeat; info != nil {
		f.p.heartbeat = nil
		f.ack.send(60, func() {
			f.q.HandleProbeAck(f.time(), info)
			f.pump()
		})
	}
	value, ok := f.p.sack(f.w.now)
	if !ok {
		return
	}
	f.ack.send(len(value)+chunk.PacketHeaderSize, func() {
		s, err := chunk.ParseSACK(value)
		must(f.t, err)
		must(f.t, f.q.HandleSACK(f.time(), s))
		f.pump()
	})
}
