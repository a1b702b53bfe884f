package sctp

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/passerelle-rtc/webrtc/internal/sctp/chunk"
	"github.com/passerelle-rtc/webrtc/internal/sctp/receive"
	"github.com/passerelle-rtc/webrtc/internal/sctp/transmit"
)

// reliable are the parameters of an ordered, reliable stream.
var reliable = transmit.StreamParams{MaxRetransmits: -1, Lifetime: -1}

// path is what a packet meets in one direction.
type path struct {
	delay, jitter   time.Duration
	loss, duplicate float64
}

// end is one association of a rig and what it has reported.
type end struct {
	*Association
	name   string
	events []Event
	got    []receive.Message
	hold   bool                     // take nothing
	filter func(packet []byte) bool // of what it sends: false drops
	sent   [][]byte                 // a copy of each packet, when kept
	keep   bool
}

// rig runs two associations over an emulated path in virtual time, and asks for
// their invariants after each input.
type rig struct {
	t      testing.TB
	now    time.Time
	a, b   *end
	path   path
	random *rand.Rand
	queue  []arrival
	count  int
	checks int

	copying bool // packets are not built in place
}

type arrival struct {
	at     time.Time
	serial int
	to     *end
	packet []byte
}

func newRig(t testing.TB, p path, seed uint64, configure ...func(*Config)) *rig {
	r := &rig{t: t, now: time.Unix(1_000_000, 0), path: p, random: rand.New(rand.NewPCG(seed, 1))}
	for i, name := range []string{"a", "b"} {
		cfg := Config{ZeroChecksum: true}
		cfg.Seed[0], cfg.Seed[1], cfg.Secret[0] = byte(i), byte(seed), byte(i+7)
		for _, f := range configure {
			f(&cfg)
		}
		e := &end{Association: New(cfg), name: name}
		if i == 0 {
			r.a = e
		} else {
			r.b = e
		}
	}
	return r
}

func (r *rig) other(e *end) *end {
	if e == r.a {
		return r.b
	}
	return r.a
}

// drain takes everything that an end has to say.
func (r *rig) drain(e *end) {
	r.t.Helper()
	for n := 0; ; n++ {
		if n > 100_000 {
			r.t.Fatalf("%s does not stop sending", e.name)
		}
		p, ok := r.next(e)
		if !ok {
			break
		}
		r.send(e, p)
	}
	for event, ok := e.NextEvent(); ok; event, ok = e.NextEvent() {
		e.events = append(e.events, event)
	}
	if !e.hold {
		r.take(e)
	}
	// With much in flight the check costs more than the rest: not every time, then.
	if r.checks++; e.out != nil && e.out.Outstanding() > 100_000 && r.checks%16 != 0 {
		return
	}
	if err := e.CheckInvariants(); err != nil {
		r.t.Fatalf("%s: %v", e.name, err)
	}
}

// next is the next packet of an end, to be read until the one after.
func (r *rig) next(e *end) ([]byte, bool) {
	if r.copying {
		return e.NextPacket(r.now, nil)
	}
	return e.LendPacket(r.now)
}

func (r *rig) take(e *end) {
	took := false
	for id, ok := e.NextReadable(); ok; id, ok = e.NextReadable() {
		for m, ok := e.Take(r.now, id); ok; m, ok = e.Take(r.now, id) {
			e.got = append(e.got, m)
			took = true
		}
	}
	if took {
		r.drain(e) // window updates and events
	}
}

func (r *rig) send(e *end, p []byte) {
	if e.keep {
		e.sent = append(e.sent, slices.Clone(p))
	}
	if e.filter != nil && !e.filter(p) || r.random.Float64() < r.path.loss {
		return
	}
	times := 1
	if r.random.Float64() < r.path.duplicate {
		times = 2
	}
	for range times {
		at := r.now.Add(r.path.delay)
		if r.path.jitter > 0 {
			at = at.Add(time.Duration(r.random.Int64N(int64(r.path.jitter))))
		}
		r.count++
		r.queue = append(r.queue, arrival{at, r.count, r.other(e), slices.Clone(p)})
	}
}

// run lets time pass until done, or for at most limit.
func (r *rig) run(limit time.Duration, done func() bool) bool {
	r.t.Helper()
	last := r.now.Add(limit)
	r.drain(r.a)
	r.drain(r.b)
	for !done() {
		next := earliest(r.a.Deadline(), r.b.Deadline())
		best := -1
		for i, q := range r.queue {
			if best < 0 || q.at.Before(r.queue[best].at) || q.at.Equal(r.queue[best].at) && q.serial < r.queue[best].serial {
				best = i
			}
		}
		if best >= 0 && (next.IsZero() || !r.queue[best].at.After(next)) {
			q := r.queue[best]
			if q.at.After(last) {
				r.now = last
				return false
			}
			r.queue = slices.Delete(r.queue, best, best+1)
			r.now = maxTime(r.now, q.at)
			q.to.HandlePacket(r.now, q.packet)
			r.drain(q.to)
			continue
		}
		if next.IsZero() || next.After(last) {
			r.now = last
			return done()
		}
		r.now = maxTime(r.now, next)
		for _, e := range []*end{r.a, r.b} {
			if d := e.Deadline(); !d.IsZero() && !d.After(r.now) {
				e.Advance(r.now)
				if d := e.Deadline(); !d.IsZero() && !d.After(r.now) {
					r.drain(e)
					if d := e.Deadline(); !d.IsZero() && !d.After(r.now) {
						r.t.Fatalf("%s: deadline %v stays at %v", e.name, d, r.now)
					}
				}
				r.drain(e)
			}
		}
	}
	return true
}

func maxTime(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// until is run that must come to its end.
func (r *rig) until(what string, limit time.Duration, done func() bool) {
	r.t.Helper()
	begin := r.now
	if !r.run(limit, done) {
		r.t.Fatalf("%s did not happen in %v: %v %v; %+v %+v", what, r.now.Sub(begin), r.a, r.b, r.a.Stats(), r.b.Stats())
	}
}

// connect brings both ends up.
func connected(t testing.TB, p path, seed uint64, configure ...func(*Config)) *rig {
	t.Helper()
	r := newRig(t, p, seed, configure...)
	r.a.Connect(r.now)
	r.b.Connect(r.now)
	r.until("the handshake", time.Minute, func() bool {
		return r.a.State() == StateEstablished && r.b.State() == StateEstablished
	})
	return r
}

func (r *rig) open(id StreamID, p transmit.StreamParams) {
	r.t.Helper()
	for _, e := range []*end{r.a, r.b} {
		if err := e.Open(id, p); err != nil {
			r.t.Fatal(err)
		}
	}
}

func (r *rig) message(e *end, id StreamID, payload []byte) {
	r.t.Helper()
	if err := e.Send(r.now, id, PPIDBinary, payload); err != nil {
		r.t.Fatal(err)
	}
	r.drain(e)
}

// numbered is a payload that can be recognised.
func numbered(n, size int) []byte {
	b := bytes.Repeat([]byte{byte(n), byte(n >> 8), byte(n >> 16), 0x5a}, size/4+1)
	return b[:size]
}

func (e *end) closed() (*Closed, bool) {
	for _, event := range e.events {
		if c, ok := event.(Closed); ok {
			return &c, true
		}
	}
	return nil, false
}

func (e *end) has(want Event) bool { return slices.Contains(e.events, want) }

// types lists the chunks of a packet.
func types(packet []byte) []chunk.Type {
	var list []chunk.Type
	_, chunks, err := chunk.ParsePacket(packet)
	if err != nil {
		panic(err)
	}
	for c, ok := chunks.Next(); ok; c, ok = chunks.Next() {
		list = append(list, c.Type)
	}
	return list
}

func contains(packet []byte, t chunk.Type) bool { return slices.Contains(types(packet), t) }

// dropFirst returns a filter that drops the first n packets with a chunk.
func dropFirst(t chunk.Type, n int) func([]byte) bool {
	return func(p []byte) bool {
		if n > 0 && contains(p, t) {
			n--
			return false
		}
		return true
	}
}

func (r *rig) String() string { return fmt.Sprintf("%v: %v, %v", r.now, r.a, r.b) }
