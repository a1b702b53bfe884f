package webrtc

import (
	"time"

	"github.com/passerelle-rtc/webrtc/internal/jsep"
)

// chain is W3C's operations chain as far as the loop's inbox is not: while an
// operation waits for an identity provider, those that come after it wait for
// it. Owned by the loop. What still waits at Close is dropped.
//
// See https://www.w3.org/TR/webrtc/#dfn-operations-chain
type chain struct {
	busy    bool
	waiting []func(now time.Time)
}

// run prepares and performs an operation, or keeps it until those before it are
// done. settled takes its result on the loop.
func (c *chain) run(now time.Time, o operation, settled func(error)) {
	if c.busy {
		c.waiting = append(c.waiting, func(now time.Time) { c.begin(now, o, settled) })
		return
	}
	c.begin(now, o, settled)
	c.advance(now)
}

// begin runs an operation that is the first in the chain.
func (c *chain) begin(now time.Time, o operation, settled func(error)) {
	if o.prepare == nil {
		o.perform(now, settled)
		return
	}
	c.busy = true
	inside := true
	o.prepare(now, func(now time.Time, err error) {
		c.busy = false
		if err != nil {
			settled(err)
		} else {
			o.perform(now, settled)
		}
		if !inside {
			c.advance(now)
		}
	})
	inside = false
}

// advance runs what waited, until there is nothing or something waits again.
func (c *chain) advance(now time.Time) {
	for !c.busy && len(c.waiting) > 0 {
		next := c.waiting[0]
		c.waiting = c.waiting[1:]
		next(now)
	}
}

// prepareAssertion waits for our identity assertion before an offer or answer is
// made, in a state that allows it. On the loop.
//
// See https://www.w3.org/TR/webrtc-identity/#creating-an-offer
func (pc *PeerConnection) prepareAssertion(now time.Time, op string, kind jsep.Type, then func(time.Time, error)) {
	if !pc.session.CanCreate(kind) {
		then(now, nil) // a rollback, or an error that the operation returns
		return
	}
	pc.identity.assert(now, func(now time.Time, _ string, err error) {
		if err != nil {
			err = newError(KindNotReadable, op, err)
		}
		then(now, err)
	})
}
