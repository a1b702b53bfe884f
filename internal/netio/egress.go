package netio

import "sync"

// writeBatch is how many datagrams are given to one WriteBatch.
const writeBatch = 64

// An egress sends for any number of goroutines through one PacketConn, keeps
// the order per destination, and makes nobody wait for another's system call.
//
// At most one goroutine, the writer, is inside WriteBatch: a sender that found
// the socket idle, or the flusher. Whoever comes meanwhile leaves its datagram
// in the queue. When a sender has written and finds something left, it starts
// the flusher and returns; the flusher ends when the queue is empty or
// somebody else writes. So whenever the lock is free and the queue is not
// empty, there is a writer, or a flusher that will become one, or somebody who
// has called queueAll and is about to flush.
type egress struct {
	conn PacketConn
	run  func() // runFlusher, bound once: a go statement then allocates nothing

	mu       sync.Mutex
	queue    queue
	one      [1]Datagram   // the writer's, for a datagram that passes the queue by
	writing  bool          // somebody is the writer
	flushing bool          // the flusher goroutine exists
	closed   bool          // no datagram is taken any more
	quiet    chan struct{} // made by close; closed when nobody writes or flushes

	datagrams, bytes, calls uint64
	dropped                 [dropReasons]uint64
}

type batch [writeBatch]Datagram

var batches = sync.Pool{New: func() any { return new(batch) }}

func newEgress(conn PacketConn) *egress {
	e := &egress{conn: conn}
	e.run = e.runFlusher
	return e
}

func (e *egress) send(b *Buffer, to flowKey, more bool) {
	e.mu.Lock()
	if e.closed {
		e.dropped[dropClosed]++
		e.mu.Unlock()
		b.discard()
		b.Release()
		return
	}
	if !more && !e.writing && e.queue.n == 0 {
		e.sendOne(b, to)
		return
	}
	queued := e.queue.push(b, to)
	if !queued {
		e.dropped[dropQueueFull]++
	}
	if more {
		e.startFlusher()
		e.mu.Unlock()
	} else {
		e.writeOnce()
	}
	if !queued {
		b.discard()
		b.Release()
	}
}

// sendAll queues the datagrams of one burst and writes a batch of what waits, on the
// caller's goroutine unless another writes already.
func (e *egress) sendAll(bs []*Buffer, to flowKey) { e.take(bs, to, true) }

// queueAll queues the datagrams of one burst, for the flush that has to come at once.
func (e *egress) queueAll(bs []*Buffer, to flowKey) { e.take(bs, to, false) }

func (e *egress) take(bs []*Buffer, to flowKey, write bool) {
	e.mu.Lock()
	refused := bs
	if !e.closed {
		taken := 0
		for taken < len(bs) && e.queue.push(bs[taken], to) {
			taken++
		}
		refused = bs[taken:]
		e.dropped[dropQueueFull] += uint64(len(refused))
	} else {
		e.dropped[dropClosed] += uint64(len(refused))
	}
	if e.closed || !write {
		e.mu.Unlock() // close sends what is left
	} else {
		e.writeOnce()
	}
	for _, b := range refused {
		b.discard()
		b.Release()
	}
}

// flush writes one batch of what waits on the caller's goroutine, unless
// somebody writes already.
func (e *egress) flush() {
	e.mu.Lock()
	if e.closed {
		e.mu.Unlock() // close sends what is left
		return
	}
	e.writeOnce()
}

// sendOne writes a datagram that finds the socket idle and nothing before it.
// It is called with the lock held and releases it.
func (e *egress) sendOne(b *Buffer, to flowKey) {
	e.writing = true
	e.one[0] = Datagram{Buffer: b, Addr: to.dst, Local: to.source}
	e.mu.Unlock()
	t := e.write(e.one[:])
	e.mu.Lock()
	e.finish(t)
	e.mu.Unlock()
}

// writeOnce becomes the writer, if there is none, for one batch. What is left
// then is the flusher's, so that no sender works for the others without end.
// It is called with the lock held and releases it.
func (e *egress) writeOnce() {
	if !e.writing && e.queue.n > 0 {
		e.writeQueued()
	}
	e.mu.Unlock()
}

// writeQueued writes one batch from the queue. It is called, and returns, with
// the lock held, but not across the system call.
func (e *egress) writeQueued() {
	e.writing = true
	ds := batches.Get().(*batch)
	n := e.queue.take(ds[:])
	e.mu.Unlock()
	t := e.write(ds[:n])
	batches.Put(ds)
	e.mu.Lock()
	e.finish(t)
}

// finish ends the writer's turn.
func (e *egress) finish(t tally) {
	e.writing = false
	e.datagrams += t.datagrams
	e.bytes += t.bytes
	e.calls += t.calls
	for reason, n := range t.dropped {
		e.dropped[reason] += n
	}
	e.startFlusher()
	e.signalQuiet()
}

// startFlusher makes sure that somebody sends what is queued: the writer,
// whose finish comes here, or a flusher. After close, close does.
func (e *egress) startFlusher() {
	if e.queue.n > 0 && !e.writing && !e.flushing && !e.closed {
		e.flushing = true
		go e.run()
	}
}

func (e *egress) runFlusher() {
	e.mu.Lock()
	for e.queue.n > 0 && !e.writing && !e.closed {
		e.writeQueued()
	}
	e.flushing = false
	e.signalQuiet()
	e.mu.Unlock()
}

// A tally is what one turn of the writer came to.
type tally struct {
	datagrams, bytes, calls uint64
	dropped                 [dropReasons]uint64
}

func (t *tally) drop(reason dropReason, ds []Datagram) {
	t.dropped[reason] += uint64(len(ds))
	for i := range ds {
		ds[i].Buffer.discard()
	}
}

// write hands ds to the PacketConn, drops what it does not take, and releases
// all buffers. An error costs one datagram. When the socket is full the rest
// of ds is dropped: it will not have drained within the microsecond until the
// next try, and a portable PacketConn would wait milliseconds each time.
func (e *egress) write(ds []Datagram) (t tally) {
	for rest := ds; len(rest) > 0; {
		n, err := e.conn.WriteBatch(rest)
		t.calls++
		t.bytes += sentOut(rest[:n])
		t.datagrams += uint64(n)
		rest = rest[n:]
		switch {
		case len(rest) == 0:
		case err == nil:
			t.drop(dropWouldBlock, rest)
			rest = nil
		case isClosed(err):
			t.drop(dropClosed, rest)
			rest = nil
		default:
			t.drop(reasonOf(err), rest[:1])
			rest = rest[1:]
		}
	}
	for i := range ds {
		ds[i].Buffer.Release()
		ds[i] = Datagram{}
	}
	return t
}

// close takes no more datagrams, waits until nobody writes, and sends what is
// queued, so that a protocol's last words leave. It is called once.
func (e *egress) close() {
	e.mu.Lock()
	e.closed = true
	if e.writing || e.flushing {
		quiet := make(chan struct{})
		e.quiet = quiet
		e.mu.Unlock()
		<-quiet
		e.mu.Lock()
	}
	for e.queue.n > 0 {
		e.writeQueued()
	}
	e.mu.Unlock()
}

// signalQuiet tells close that no writer and no flusher is left.
func (e *egress) signalQuiet() {
	if e.quiet != nil && !e.writing && !e.flushing {
		close(e.quiet)
		e.quiet = nil
	}
}

func (e *egress) stats() Stats {
	e.mu.Lock()
	defer e.mu.Unlock()
	return Stats{
		DatagramsSent: e.datagrams,
		BytesSent:     e.bytes,
		SendCalls:     e.calls,
		Queued:        e.queue.n,
		Dropped: Drops{
			QueueFull:   e.dropped[dropQueueFull],
			WouldBlock:  e.dropped[dropWouldBlock],
			TooLong:     e.dropped[dropTooLong],
			Unreachable: e.dropped[dropUnreachable],
			Denied:      e.dropped[dropDenied],
			Closed:      e.dropped[dropClosed],
			Failed:      e.dropped[dropFailed],
		},
	}
}
