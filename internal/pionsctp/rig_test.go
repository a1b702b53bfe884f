package pionsctp

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net"
	"slices"
	"sort"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/pion/sctp"
)

// link carries packets one way. Time is the bubble's.
type link struct {
	delay, jitter   time.Duration
	loss, duplicate float64
	// filter sees each packet first; false: lost.
	filter func(p []byte) bool

	arrival sync.Mutex // held while a packet is delivered: equal delays keep the order

	mu      sync.Mutex
	random  *rand.Rand
	flight  []flying // ordered by due
	deliver func([]byte)
	sent    int
	mores   int // packets announced as full-size
	sizes   map[int]int
	largest int
}

// flying is a packet on its way.
type flying struct {
	due    time.Time
	packet []byte
}

// land delivers the packet that is due first.
func (l *link) land() {
	l.arrival.Lock()
	defer l.arrival.Unlock()
	l.mu.Lock()
	p := l.flight[0].packet
	l.flight = l.flight[1:]
	deliver := l.deliver
	l.mu.Unlock()
	deliver(p)
}

func (l *link) write(p []byte, more bool) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.sent++
	l.largest = max(l.largest, len(p))
	if l.sizes == nil {
		l.sizes = make(map[int]int)
	}
	l.sizes[len(p)]++
	if more {
		l.mores++
	}
	if l.filter != nil && !l.filter(p) {
		return nil
	}
	copies := 1
	if l.loss > 0 && l.random.Float64() < l.loss {
		copies = 0
	}
	if l.duplicate > 0 && l.random.Float64() < l.duplicate {
		copies++
	}
	for range copies {
		b := append([]byte(nil), p...)
		wait := l.delay
		if l.jitter > 0 {
			wait += time.Duration(l.random.Int64N(int64(l.jitter)))
		}
		if wait == 0 {
			l.deliver(b)
			continue
		}
		due := time.Now().Add(wait)
		at := sort.Search(len(l.flight), func(i int) bool { return l.flight[i].due.After(due) })
		l.flight = slices.Insert(l.flight, at, flying{due, b})
		time.AfterFunc(wait, l.land)
	}
	return nil
}

func (l *link) set(f func(p []byte) bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.filter = f
}

func (l *link) redirect(deliver func(p []byte)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.deliver = deliver
}

// message is one that a Handler got.
type message struct {
	id   uint16
	ppid uint32
	data []byte
}

// recorder is a Handler that keeps what it is told; on, when set, is called too.
type recorder struct {
	mu       sync.Mutex
	messages []message
	bytes    map[uint16]int
	log      []string // one line a call, Message by "message <id>"
	open     bool
	ended    bool
	err      error

	onMessage func(id uint16, ppid uint32, data []byte)
	on        func(event string, id uint16)
	drop      bool // do not keep messages
}

func (r *recorder) note(event string, id uint16) {
	r.mu.Lock()
	if r.ended {
		r.log = append(r.log, "AFTER CLOSED")
	}
	r.log = append(r.log, fmt.Sprintf("%s %d", event, id))
	on := r.on
	r.mu.Unlock()
	if on != nil {
		on(event, id)
	}
}

func (r *recorder) Established() {
	r.mu.Lock()
	r.open = true
	r.mu.Unlock()
	r.note("established", 0)
}

func (r *recorder) Message(id uint16, ppid uint32, data []byte) {
	r.mu.Lock()
	if !r.drop {
		r.messages = append(r.messages, message{id, ppid, data})
	}
	if r.bytes == nil {
		r.bytes = make(map[uint16]int)
	}
	r.bytes[id] += len(data)
	f := r.onMessage
	r.mu.Unlock()
	if f != nil {
		f(id, ppid, data)
	}
	r.note("message", id)
}

func (r *recorder) StreamReset(id uint16)       { r.note("reset", id) }
func (r *recorder) StreamClosed(id uint16)      { r.note("closed", id) }
func (r *recorder) BufferedAmountLow(id uint16) { r.note("low", id) }

func (r *recorder) Closed(err error) {
	r.note("end", 0)
	r.mu.Lock()
	r.ended, r.err = true, err
	r.mu.Unlock()
}

func (r *recorder) got() []message {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]message(nil), r.messages...)
}

func (r *recorder) count(line string) int {
	r.mu.Lock()
	defer r.mu.Unlock()
	n := 0
	for _, l := range r.log {
		if l == line {
			n++
		}
	}
	return n
}

func (r *recorder) lines() []string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]string(nil), r.log...)
}

func (r *recorder) result() (bool, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.ended, r.err
}

// pair is two associations on two links.
type pair struct {
	t      testing.TB
	a, b   *Association
	ra, rb *recorder
	ab, ba *link
}

// path is what newPair's links do.
type path struct {
	delay, jitter   time.Duration
	loss, duplicate float64
	seed            uint64
	config          func(c *Config)
}

func newPair(t testing.TB, p path) *pair {
	x := &pair{t: t, ra: &recorder{}, rb: &recorder{}}
	for i, l := range []**link{&x.ab, &x.ba} {
		*l = &link{
			delay: p.delay, jitter: p.jitter, loss: p.loss, duplicate: p.duplicate,
			random: rand.New(rand.NewPCG(p.seed, uint64(i))),
		}
	}
	make := func(l *link, r *recorder) *Association {
		c := Config{Write: l.write, Handler: r}
		if p.config != nil {
			p.config(&c)
		}
		return New(c)
	}
	x.a, x.b = make(x.ab, x.ra), make(x.ba, x.rb)
	x.ab.deliver, x.ba.deliver = x.b.HandlePacket, x.a.HandlePacket
	return x
}

// connect establishes both ends in a bubble.
func connect(t testing.TB, p path) *pair {
	t.Helper()
	x := newPair(t, p)
	x.a.Start()
	x.b.Start()
	x.until("established", time.Minute, func() bool {
		return x.ra.count("established 0") == 1 && x.rb.count("established 0") == 1
	})
	return x
}

// until lets virtual time pass until f holds.
func (x *pair) until(what string, patience time.Duration, f func() bool) {
	x.t.Helper()
	wait(x.t, what, patience, f)
}

func wait(t testing.TB, what string, patience time.Duration, f func() bool) {
	t.Helper()
	for start := time.Now(); ; time.Sleep(5 * time.Millisecond) {
		synctest.Wait()
		if f() {
			return
		}
		if time.Since(start) > patience {
			t.Fatalf("%s: not within %v", what, patience)
		}
	}
}

// close ends both associations and waits for handlers that still run.
func (x *pair) close() {
	x.t.Helper()
	x.a.Close(true)
	x.b.Close(true)
	for _, r := range []*recorder{x.ra, x.rb} {
		if len(r.lines()) > 0 {
			x.until("Closed", time.Minute, func() bool { ended, _ := r.result(); return ended })
		}
	}
}

func (x *pair) openBoth(id uint16, p StreamParams) {
	x.t.Helper()
	must(x.t, x.a.Open(id, p))
	must(x.t, x.b.Open(id, p))
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// payload is n bytes that tell their number.
func payload(number uint32, n int) []byte {
	b := make([]byte, max(n, 4))
	binary.BigEndian.PutUint32(b, number)
	for i := 4; i < len(b); i++ {
		b[i] = byte(number) + byte(i*7)
	}
	return b[:max(n, 4)]
}

func digest(messages []message) [32]byte {
	h := sha256.New()
	for _, m := range messages {
		fmt.Fprintf(h, "%d %d %d ", m.id, m.ppid, len(m.data))
		h.Write(m.data)
	}
	return [32]byte(h.Sum(nil))
}

// rawConn is a net.Conn for a raw pion/sctp association on the other end of a link.
type rawConn struct {
	out *link
	in  chan []byte
	end chan struct{}
	one sync.Once
}

func newRawConn(out *link) *rawConn {
	return &rawConn{out: out, in: make(chan []byte, 4096), end: make(chan struct{})}
}

func (c *rawConn) push(p []byte) {
	select {
	case c.in <- p:
	default:
	}
}

func (c *rawConn) Read(p []byte) (int, error) {
	select {
	case b := <-c.in:
		return copy(p, b), nil
	case <-c.end:
		return 0, net.ErrClosed
	}
}

func (c *rawConn) Write(p []byte) (int, error)      { return len(p), c.out.write(p, false) }
func (c *rawConn) Close() error                     { c.one.Do(func() { close(c.end) }); return nil }
func (c *rawConn) LocalAddr() net.Addr              { return nil }
func (c *rawConn) RemoteAddr() net.Addr             { return nil }
func (c *rawConn) SetDeadline(time.Time) error      { return nil }
func (c *rawConn) SetWriteDeadline(time.Time) error { return nil }
func (c *rawConn) SetReadDeadline(t time.Time) error {
	if !t.IsZero() {
		return c.Close()
	}
	return nil
}

// connectRaw establishes an adapter with a raw association of pion/sctp.
func connectRaw(t testing.TB, p path, options ...sctp.ClientOption) (*pair, *sctp.Association) {
	t.Helper()
	x := newPair(t, p)
	conn := newRawConn(x.ba)
	x.ab.deliver = conn.push
	x.a.Start()
	var raw *sctp.Association
	var err error
	done := make(chan struct{})
	go func() {
		defer close(done)
		options := append([]sctp.ClientOption{sctp.WithNetConn(conn), sctp.WithLoggerFactory(silent{})}, options...)
		raw, err = sctp.ClientContext(context.Background(), options...)
	}()
	<-done
	must(t, err)
	x.until("established", time.Minute, func() bool { return x.ra.count("established 0") == 1 })
	return x, raw
}
