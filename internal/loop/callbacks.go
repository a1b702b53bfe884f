package loop

import "sync"

// callbacks starts application code in order, one callback at a time. Its
// goroutine lives only while something is queued: the push that finds none
// starts one, and the one that finds the queue empty ends under the same lock,
// so no callback is lost or overtaken in between.
//
// With an executor it also holds back the changes that turns publish: the
// executor applies those of a turn just before the turn's events, in one piece.
type callbacks struct {
	executor func(func())
	drain    func() // c.run, bound once so that starting the goroutine allocates nothing
	dropped  chan struct{}

	mu      sync.Mutex
	queue   fifo[callback]
	changes fifo[func()] // published and not yet applied
	pushed  uint64       // changes ever
	applied uint64       // of them
	running bool         // a drain goroutine exists
	closed  bool
}

// callback is one call of application code.
type callback struct {
	run    func()
	joined bool // the executor runs it in one piece with the one before
}

func (c *callbacks) init(executor func(func())) {
	c.executor = executor
	c.dropped = make(chan struct{})
	c.drain = c.run
	if executor != nil {
		c.drain = c.runExecutor
	}
}

// push appends a callback and reports false when the queue is closed.
func (c *callbacks) push(f func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	c.queue.push(callback{run: f})
	c.start()
	return true
}

// pushTurn appends what a turn published, and its events, as one piece. When the
// queue is closed the changes are applied at once and the events dropped.
func (c *callbacks) pushTurn(changes, events []func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, f := range changes {
		c.changes.push(f)
	}
	c.pushed += uint64(len(changes))
	if c.closed {
		c.apply(c.pushed)
		return
	}
	joined := false
	if n := c.pushed; len(changes) > 0 {
		c.queue.push(callback{run: func() { c.applyUntil(n) }})
		joined = true
	}
	for _, f := range events {
		c.queue.push(callback{run: f, joined: joined})
		joined = true
	}
	c.start()
}

// start makes sure that what is queued is run. c.mu is held.
func (c *callbacks) start() {
	if !c.running && c.queue.len() > 0 {
		c.running = true
		go c.drain()
	}
}

// applyUntil applies the first n changes ever pushed, as far as they are not:
// each once, in their order, by whoever comes first.
func (c *callbacks) applyUntil(n uint64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.apply(n)
}

// applyAll applies the changes of all turns that have settled.
func (c *callbacks) applyAll() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.apply(c.pushed)
}

func (c *callbacks) apply(n uint64) {
	for ; c.applied < n; c.applied++ {
		c.changes.pop()()
	}
}

// close drops what is queued, and applies what is published. A callback that is
// running is not waited for; none starts afterwards.
func (c *callbacks) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
	c.apply(c.pushed)
	c.queue.clear()
	close(c.dropped)
}

// next takes the oldest callback, or ends the drain goroutine's term.
func (c *callbacks) next() func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queue.len() == 0 {
		c.running = false
		return nil
	}
	return c.queue.pop().run
}

func (c *callbacks) run() {
	idle := false
	// A callback that ends its goroutine (runtime.Goexit, as t.FailNow does)
	// must not stall those behind it.
	defer func() {
		if !idle {
			go c.drain()
		}
	}()
	for f := c.next(); f != nil; f = c.next() {
		f()
	}
	idle = true
}

// runExecutor hands each piece to the application's executor, which may run it
// on any goroutine, now or later, and waits until it has returned.
func (c *callbacks) runExecutor() {
	idle := false
	defer func() {
		if !idle {
			go c.drain()
		}
	}()
	for c.more() {
		returned := make(chan struct{})
		c.executor(func() {
			defer close(returned)
			c.piece()
		})
		select {
		case <-returned:
		case <-c.dropped: // an executor that forgets a callback must not keep a goroutine alive
		}
	}
	idle = true
}

// more reports whether something is queued; if not, the drain goroutine's term
// has ended.
func (c *callbacks) more() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.running = c.queue.len() > 0
	return c.running
}

// piece runs the oldest callback and those joined to it. What a callback that
// ended its goroutine has left, or Close has dropped, is not its business.
func (c *callbacks) piece() {
	for f := c.take(true); f != nil; f = c.take(false) {
		f()
	}
}

// take removes the oldest callback if it is the first of a piece or joined to
// the one before.
func (c *callbacks) take(first bool) func() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.queue.len() == 0 || !first && !c.queue.peek().joined {
		return nil
	}
	return c.queue.pop().run
}
