package loop

import "sync"

// callbacks starts application code in order, one callback at a time. Its
// goroutine lives only while something is queued: the push that finds none
// starts one, and the one that finds the queue empty ends under the same lock,
// so no callback is lost or overtaken in between.
type callbacks struct {
	executor func(func())
	drain    func() // c.run, bound once so that starting the goroutine allocates nothing
	dropped  chan struct{}

	mu      sync.Mutex
	queue   fifo[func()]
	running bool // a drain goroutine exists
	closed  bool
}

func (c *callbacks) init(executor func(func())) {
	c.executor = executor
	c.dropped = make(chan struct{})
	c.drain = c.run
	if executor != nil {
		c.drain = c.runExecutor
	}
}

// push appends callbacks and reports false when the queue is closed.
func (c *callbacks) push(fs ...func()) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return false
	}
	for _, f := range fs {
		c.queue.push(f)
	}
	if !c.running && c.queue.len() > 0 {
		c.running = true
		go c.drain()
	}
	return true
}

// close drops what is queued. A callback that is running is not waited for;
// none starts afterwards.
func (c *callbacks) close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closed {
		return
	}
	c.closed = true
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
	return c.queue.pop()
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

// runExecutor hands each callback to the application's executor, which may run
// it on any goroutine, now or later, and waits until it has returned.
func (c *callbacks) runExecutor() {
	idle := false
	defer func() {
		if !idle {
			go c.drain()
		}
	}()
	for f := c.next(); f != nil; f = c.next() {
		returned := make(chan struct{})
		c.executor(func() {
			defer close(returned)
			if !c.isClosed() { // closed while the executor held it: still queued, so dropped
				f()
			}
		})
		select {
		case <-returned:
		case <-c.dropped: // an executor that forgets a callback must not keep a goroutine alive
		}
	}
	idle = true
}

func (c *callbacks) isClosed() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.closed
}
